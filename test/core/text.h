// The words of this folder's scripts: read here, written by the ToString of what
// they name. What cannot be read throws std::invalid_argument or std::out_of_range,
// which fails the test case with the word in question.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "zkq/election.h"
#include "zkq/message.h"

namespace zkq::core {

uint64_t ToNumber(const std::string& word);
ServerId ToServerId(const std::string& word);
Zxid ToZxid(const std::string& word);  // 4:7
Time ToTime(const std::string& word);  // 50ms, 2s

// A line's words, taken from the front.
class Words {
 public:
  explicit Words(const std::string& line);
  explicit Words(const std::vector<std::string>& words) : words_(words.begin(), words.end()) {}

  bool empty() const { return words_.empty(); }
  bool NextIsNumber() const;
  bool NextStartsWith(char c) const { return !words_.empty() && words_.front().front() == c; }
  std::string Next();
  // Takes the next word if it is this one.
  bool Take(std::string_view word);
  // Takes the word after `key`, which must be next.
  std::string After(std::string_view key);
  // The value of a word `key=value` anywhere in the rest, which is taken; else
  // `otherwise`.
  std::string Setting(std::string_view key, const std::string& otherwise = "");
  std::string Rest();

 private:
  std::deque<std::string> words_;
};

// leader 2 epoch 1 zxid 1:4
Vote ToVote(Words* words);
// <vote> round 1 looking|following|leading|observing [connected] [amnesic] [look 2]
Notification ToNotification(Words* words);
// Comma-separated or in the rest of the words.
std::vector<Zxid> ToZxids(std::string words);

// "1+2:9+3o": server 1 with disk 1, server 2 with disk 9, observer 3; all at "s1" and so on. More
// of a member: "4*0" with weight 0, "4/2" of group 2, "4@t4" at another address.
std::vector<Member> ToMembers(const std::string& list);
// "5:1=1+2+3": at a version; without one at 0:0.
Membership ToMembership(const std::string& text);
// As a change: a member without a disk in it keeps the listed one, "4:new" takes the one it has.
std::vector<Member> ToAsked(const std::string& list);

// Transactions by name: "4:7", "4:1..4:3" for several, "5:1<4:3" for the first of
// its epoch after another one, "4:7#9" for one that answers the caller's call 9,
// "4:7=1+2+3" for a reconfiguration, "4:8!4:7" for the entry that settles one.
// One name is one transaction: the first of an epoch keeps the one before it that it was
// first named with; named with none, it follows nothing.
class Transactions {
 public:
  explicit Transactions(const Origin& caller = {}) : caller_(caller) {}
  std::vector<Txn> Named(const std::string& name);
  std::vector<Txn> AllNamed(Words* words);
  void Know(const Txn& txn) { known_[txn.zxid] = txn; }

 private:
  Txn Get(Zxid zxid, uint64_t call, TxnKind kind, const std::string& command);

  Origin caller_;
  std::map<Zxid, Txn> known_;
  std::map<Epoch, Zxid> behind_;
};

// Voters 1 … n.
Membership VotersUpTo(int n);

std::string Joined(const std::vector<std::string>& parts, std::string_view by = " ");

}  // namespace zkq::core
