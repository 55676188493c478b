#include "test/core/text.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>

#include "lib/wire/disk.h"
#include "zkq/wire.h"

namespace zkq::core {
namespace {

[[noreturn]] void Reject(const std::string& what) {
  throw std::invalid_argument("the script says: " + what);
}

PeerState ToPeerState(const std::string& word) {
  for (PeerState state :
       {PeerState::kLooking, PeerState::kFollowing, PeerState::kLeading, PeerState::kObserving}) {
    if (ToString(state) == word) return state;
  }
  Reject("no state: " + word);
}

}  // namespace

uint64_t ToNumber(const std::string& word) {
  if (word.empty() || word.find_first_not_of("0123456789") != std::string::npos) {
    Reject("no number: '" + word + "'");
  }
  return std::stoull(word);
}

ServerId ToServerId(const std::string& word) { return ServerId{ToNumber(word)}; }

Zxid ToZxid(const std::string& word) {
  const size_t colon = word.find(':');
  if (colon == std::string::npos) Reject("no zxid: '" + word + "'");
  return {static_cast<Epoch>(ToNumber(word.substr(0, colon))),
          static_cast<uint32_t>(ToNumber(word.substr(colon + 1)))};
}

Time ToTime(const std::string& word) {
  const size_t unit = word.find_first_not_of("0123456789");
  const auto count = static_cast<int64_t>(ToNumber(word.substr(0, unit)));
  if (word.substr(unit) == "ms") return std::chrono::milliseconds(count);
  if (word.substr(unit) == "s") return std::chrono::seconds(count);
  Reject("no time: " + word);
}

Words::Words(const std::string& line) {
  std::istringstream in(line);
  for (std::string word; in >> word;) words_.push_back(word);
}

bool Words::NextIsNumber() const {
  return !words_.empty() && words_.front().find_first_not_of("0123456789") == std::string::npos;
}

std::string Words::Next() {
  if (words_.empty()) Reject("a word is missing");
  std::string word = std::move(words_.front());
  words_.pop_front();
  return word;
}

bool Words::Take(std::string_view word) {
  if (words_.empty() || words_.front() != word) return false;
  words_.pop_front();
  return true;
}

std::string Words::After(std::string_view key) {
  if (!Take(key)) Reject("'" + std::string(key) + "' is missing before '" + Rest() + "'");
  return Next();
}

std::string Words::Setting(std::string_view key, const std::string& otherwise) {
  const std::string prefix = std::string(key) + "=";
  const auto found = std::find_if(words_.begin(), words_.end(), [&](const std::string& word) {
    return word.starts_with(prefix);
  });
  if (found == words_.end()) return otherwise;
  const std::string value = found->substr(prefix.size());
  words_.erase(found);
  return value;
}

std::string Words::Rest() {
  const std::string rest = Joined({words_.begin(), words_.end()});
  words_.clear();
  return rest;
}

Vote ToVote(Words* words) {
  Vote vote;
  vote.leader = ToServerId(words->After("leader"));
  vote.epoch = static_cast<Epoch>(ToNumber(words->After("epoch")));
  vote.zxid = ToZxid(words->After("zxid"));
  return vote;
}

Notification ToNotification(Words* words) {
  Notification n;
  n.vote = ToVote(words);
  n.round = ToNumber(words->After("round"));
  n.state = ToPeerState(words->Next());
  n.look_seq = 1;
  while (!words->empty()) {
    if (words->Take("connected")) {
      n.quorum_connected = true;
    } else if (words->Take("amnesic")) {
      n.amnesic = true;
    } else {
      n.look_seq = ToNumber(words->After("look"));
    }
  }
  return n;
}

std::vector<Zxid> ToZxids(std::string words) {
  std::replace(words.begin(), words.end(), ',', ' ');
  std::vector<Zxid> zxids;
  for (Words rest(words); !rest.empty();) zxids.push_back(ToZxid(rest.Next()));
  return zxids;
}

namespace {

// Cuts `text` at `mark` and returns what comes after it.
std::string TakeAfter(char mark, std::string* text) {
  const size_t at = text->find(mark);
  if (at == std::string::npos) return "";
  const std::string after = text->substr(at + 1);
  text->resize(at);
  return after;
}

Member ToMember(std::string word) {
  const std::string address = TakeAfter('@', &word);
  const std::string group = TakeAfter('/', &word);
  const std::string weight = TakeAfter('*', &word);
  const std::string disk = TakeAfter(':', &word);
  Member member;
  if (word.back() == 'o') {
    word.pop_back();
    member.type = MemberType::kObserver;
  }
  member.id = ToServerId(word);
  member.address = address.empty() ? "s" + word : address;
  if (!group.empty()) member.group = static_cast<uint32_t>(ToNumber(group));
  if (!weight.empty()) member.weight = static_cast<uint32_t>(ToNumber(weight));
  if (disk == "new") {
    member.disk = kPresentDisk;
  } else if (!disk.empty()) {
    member.disk.low = ToNumber(disk);
  }
  return member;
}

}  // namespace

std::vector<Member> ToAsked(const std::string& list) {
  std::string words = list;
  std::replace(words.begin(), words.end(), '+', ' ');
  std::vector<Member> members;
  for (Words rest(words); !rest.empty();) members.push_back(ToMember(rest.Next()));
  return members;
}

std::vector<Member> ToMembers(const std::string& list) {
  std::vector<Member> members = ToAsked(list);
  for (Member& member : members) {
    const bool voter = member.type == MemberType::kParticipant;
    if (voter && member.disk == DiskId{}) member.disk = {0, ToInt(member.id)};
  }
  return members;
}

Membership ToMembership(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos) return {.members = ToMembers(text)};
  return {ToZxid(text.substr(0, equals)), ToMembers(text.substr(equals + 1))};
}

std::vector<Txn> Transactions::Named(const std::string& name) {
  std::string word = name;
  const std::string members = TakeAfter('=', &word);
  const std::string settles = TakeAfter('!', &word);
  const std::string tag = TakeAfter('#', &word);
  const uint64_t call = tag.empty() ? 0 : ToNumber(tag);
  TxnKind kind = TxnKind::kCommand;
  std::string command;
  if (!members.empty()) {
    kind = TxnKind::kReconfig;
    command = EncodeMembership({.members = ToMembers(members)});
  } else if (!settles.empty()) {
    kind = TxnKind::kNoop;
    command = EncodeZxid(ToZxid(settles));
  }
  const size_t behind = word.find('<');
  const size_t dots = word.find("..");
  std::string first = word.substr(0, dots);
  if (behind != std::string::npos) {
    first = word.substr(0, behind);
    const size_t length = dots == std::string::npos ? dots : dots - behind - 1;
    behind_[ToZxid(first).epoch] = ToZxid(word.substr(behind + 1, length));
  }
  const Zxid from = ToZxid(first);
  const Zxid to = dots == std::string::npos ? from : ToZxid(word.substr(dots + 2));
  std::vector<Txn> txns;
  for (uint64_t counter = from.counter; counter <= to.counter; ++counter) {
    txns.push_back(Get({from.epoch, static_cast<uint32_t>(counter)}, call, kind, command));
  }
  return txns;
}

std::vector<Txn> Transactions::AllNamed(Words* words) {
  std::vector<Txn> all;
  while (!words->empty()) {
    for (Txn& txn : Named(words->Next())) all.push_back(std::move(txn));
  }
  return all;
}

Txn Transactions::Get(Zxid zxid, uint64_t call, TxnKind kind, const std::string& command) {
  const auto known = known_.find(zxid);
  if (known != known_.end()) return known->second;
  const Zxid prev = zxid.counter > 1 ? Zxid{zxid.epoch, zxid.counter - 1} : behind_[zxid.epoch];
  Origin origin;
  if (call != 0) origin = {caller_.sid, caller_.boot, call};
  const Txn txn = EncodeTxn(zxid, prev, kind, origin, 0,
                            kind == TxnKind::kCommand ? "txn " + ToString(zxid) : command);
  known_[zxid] = txn;
  return txn;
}

Membership VotersUpTo(int n) {
  Membership membership;
  for (int i = 1; i <= n; ++i) {
    const ServerId sid{static_cast<uint64_t>(i)};
    membership.members.push_back({.id = sid, .address = "s" + ToString(sid)});
  }
  return membership;
}

std::string Joined(const std::vector<std::string>& parts, std::string_view by) {
  std::string joined;
  for (const std::string& part : parts) {
    if (!joined.empty()) joined += by;
    joined += part;
  }
  return joined;
}

}  // namespace zkq::core
