#include "test/core/message_text.h"

#include <functional>
#include <stdexcept>

#include "zkq/wire.h"

namespace zkq::core {
namespace {

Epoch TakeEpoch(Words* words) { return static_cast<Epoch>(ToNumber(words->Next())); }
Zxid TakeZxid(Words* words) { return ToZxid(words->Next()); }
Zxid ZxidAfter(Words* words, std::string_view key) { return ToZxid(words->After(key)); }
uint64_t NumberAfter(Words* words, std::string_view key) { return ToNumber(words->After(key)); }

MessageBody ToFollowerInfo(Words* words) {
  FollowerInfo info;
  info.accepted.epoch = static_cast<Epoch>(NumberAfter(words, "accepted"));
  info.accepted.leader = ToServerId(words->After("of"));
  info.accepted.boot = 10 * ToInt(info.accepted.leader);
  if (words->Take("boot")) info.accepted.boot = ToNumber(words->Next());
  info.current = static_cast<Epoch>(NumberAfter(words, "current"));
  info.last = ZxidAfter(words, "last");
  info.look_seq = words->Take("look") ? ToNumber(words->Next()) : 1;
  if (words->Take("config")) info.config = TakeZxid(words);
  if (words->Take("observer")) info.kind = LearnerKind::kObserver;
  return info;
}

MessageBody ToAckEpoch(Words* words) {
  AckEpoch ack;
  if (const std::string current = words->After("current"); current != "none") {
    ack.current = static_cast<Epoch>(ToNumber(current));
  }
  ack.last = ZxidAfter(words, "last");
  if (words->Take("base")) ack.base = TakeZxid(words);
  if (words->Take("table")) ack.table = ToZxids(words->Rest());
  return ack;
}

MessageBody ToPong(Words* words) {
  Pong pong{.seq = ToNumber(words->Next())};
  if (words->Take("durable")) pong.durable = TakeZxid(words);
  if (words->Take("applied")) pong.applied = TakeZxid(words);
  pong.installing = words->Take("installing");
  pong.syncing = words->Take("syncing");
  if (words->Take("sync")) pong.sync = ToTime(words->Next());
  if (words->Take("taken")) pong.taken = ToNumber(words->Next());
  return pong;
}

MessageBody ToRequest(Words* words) {
  Request request;
  while (!words->empty()) request.calls.push_back(ToCall(words->Next()));
  return request;
}

RejectReason ToRejectReason(const std::string& word) {
  static const std::map<std::string, RejectReason> kReasons = {
      {"no-leader", RejectReason::kNoLeader},
      {"overload", RejectReason::kOverload},
      {"too-large", RejectReason::kTooLarge},
      {"abandoned", RejectReason::kAbandoned},
      {"unknown", RejectReason::kUnknown},
      {"no-membership", RejectReason::kNoMembership},
      {"other-version", RejectReason::kOtherVersion},
      {"no-quorum", RejectReason::kNoQuorum},
      {"still-linked", RejectReason::kStillLinked},
      {"not-caught-up", RejectReason::kNotCaughtUp}};
  return kReasons.at(word);
}

SessionEndReason ToSessionEndReason(const std::string& word) {
  static const std::map<std::string, SessionEndReason> kReasons = {
      {"not-leading", SessionEndReason::kNotLeading},
      {"resign", SessionEndReason::kResign},
      {"epoch-ahead", SessionEndReason::kEpochAhead},
      {"leader-behind", SessionEndReason::kLeaderBehind},
      {"not-decided", SessionEndReason::kNotDecided},
      {"gap", SessionEndReason::kGap},
      {"timeout", SessionEndReason::kTimeout},
      {"leaving", SessionEndReason::kLeaving},
      {"attach-as-follower", SessionEndReason::kAttachAsFollower},
      {"attach-as-observer", SessionEndReason::kAttachAsObserver},
      {"epoch-absurd", SessionEndReason::kEpochAbsurd},
      {"ahead-config", SessionEndReason::kAheadConfig},
      {"busy", SessionEndReason::kBusy}};
  return kReasons.at(word);
}

using Reader = std::function<MessageBody(Words*, Transactions*)>;

const std::map<std::string, Reader>& Readers() {
  using W = Words*;
  using T = Transactions*;
  static const std::map<std::string, Reader> kReaders = {
      {"follower-info", [](W w, T) { return ToFollowerInfo(w); }},
      {"leader-info",
       [](W w, T) {
         const Epoch epoch = TakeEpoch(w);
         return LeaderInfo{epoch, w->Take("decided")};
       }},
      {"ack-epoch", [](W w, T) { return ToAckEpoch(w); }},
      {"diff", [](W w, T) { return Diff{ZxidAfter(w, "last")}; }},
      {"trunc",
       [](W w, T) {
         const Zxid after = ZxidAfter(w, "after");
         return Trunc{after, ZxidAfter(w, "last")};
       }},
      {"snap", [](W w, T) { return Snap{TakeZxid(w)}; }},
      {"new-leader",
       [](W w, T) {
         const Zxid last = ZxidAfter(w, "last");
         return NewLeader{last, ZxidAfter(w, "commit")};
       }},
      {"up-to-date",
       [](W w, T) {
         const Zxid commit = ZxidAfter(w, "commit");
         return UpToDate{commit, w->Take("last") ? TakeZxid(w) : commit};
       }},
      {"proposal",
       [](W w, T t) {
         const std::string commit = w->Setting("commit", "0:0");
         return Proposal{t->AllNamed(w), ToZxid(commit)};
       }},
      {"ack", [](W w, T) { return Ack{TakeZxid(w)}; }},
      {"commit", [](W w, T) { return Commit{TakeZxid(w)}; }},
      {"request", [](W w, T) { return ToRequest(w); }},
      {"refusal",
       [](W w, T) {
         std::vector<uint64_t> tags = TakeTags(w);
         const RejectReason reason = ToRejectReason(w->Next());
         return Refusal{std::move(tags), reason, w->Take("text") ? w->Rest() : ""};
       }},
      {"read-index", [](W w, T) { return ReadIndex{TakeTags(w)}; }},
      {"read-index-reply",
       [](W w, T) {
         std::vector<uint64_t> tags = TakeTags(w);
         return ReadIndexReply{std::move(tags), ZxidAfter(w, "at")};
       }},
      {"ping",
       [](W w, T) {
         const uint64_t seq = ToNumber(w->Next());
         const Zxid commit = w->Take("commit") ? TakeZxid(w) : Zxid{};
         Ping ping{.seq = seq, .commit = commit, .syncing = w->Take("syncing")};
         if (w->Take("heard")) ping.heard = ToNumber(w->Next());
         if (!w->Take("confirmed")) return ping;
         ping.confirmed = ToNumber(w->Next());
         ping.confirmed_commit = ZxidAfter(w, "at");
         return ping;
       }},
      {"pong", [](W w, T) { return ToPong(w); }},
      {"commit-and-activate",
       [](W w, T) {
         const Zxid zxid = TakeZxid(w);
         return CommitAndActivate{zxid, ToServerId(w->After("leader"))};
       }},
      {"reconfigure", [](W w, T) { return ToReconfigure(w); }},
      {"session-end", [](W w, T) { return SessionEnd{ToSessionEndReason(w->Next())}; }},
  };
  return kReaders;
}

}  // namespace

MessageBody ToMessageBody(Words* words, Transactions* txns) {
  const std::string kind = words->Next();
  const auto reader = Readers().find(kind);
  if (reader == Readers().end()) throw std::invalid_argument("no such message: " + kind);
  MessageBody body = reader->second(words, txns);
  if (!words->empty()) throw std::invalid_argument("not understood: " + words->Rest());
  return body;
}

Reconfigure ToReconfigure(Words* words) {
  Reconfigure asked{.tag = ToNumber(words->Next())};
  asked.next.version = ZxidAfter(words, "from");
  asked.next.members = ToAsked(words->After("to"));
  asked.time_left = words->Take("within") ? ToTime(words->Next()) : std::chrono::seconds(10);
  return asked;
}

// "7", "7*100": of 100 bytes; "7:reconfig", "7:noop": of that kind; "7:changed": it no longer
// fits its checksum.
Call ToCall(const std::string& word) {
  const uint64_t tag = ToNumber(word.substr(0, word.find_first_of("*:")));
  std::string command = "call " + std::to_string(tag);
  if (const size_t times = word.find('*'); times != std::string::npos) {
    command = std::string(ToNumber(word.substr(times + 1)), 'x');
  }
  Call call = MakeCall(tag, Payload(std::move(command)));
  const std::string what = word.find(':') == std::string::npos ? "" : word.substr(word.find(':'));
  if (what == ":reconfig") call.kind = TxnKind::kReconfig;
  if (what == ":noop") call.kind = TxnKind::kNoop;
  if (what == ":changed") ++call.command_crc;
  return call;
}

std::vector<uint64_t> TakeTags(Words* words) {
  std::vector<uint64_t> tags;
  while (words->NextIsNumber()) tags.push_back(ToNumber(words->Next()));
  return tags;
}

}  // namespace zkq::core
