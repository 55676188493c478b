#include "zkq/message.h"

namespace zkq {
inline namespace v1 {
namespace {

// What a message costs in a queue beside its payloads.
constexpr size_t kMessageBytes = 64;
constexpr size_t kItemBytes = 32;

std::string_view ToString(SessionEndReason reason) {
  switch (reason) {
    case SessionEndReason::kNotLeading:
      return "not leading";
    case SessionEndReason::kResign:
      return "resign";
    case SessionEndReason::kEpochAhead:
      return "epoch ahead";
    case SessionEndReason::kLeaderBehind:
      return "leader behind";
    case SessionEndReason::kAheadConfig:
      return "ahead config";
    case SessionEndReason::kNotDecided:
      return "not decided";
    case SessionEndReason::kGap:
      return "gap";
    case SessionEndReason::kTimeout:
      return "timeout";
    case SessionEndReason::kLeaving:
      return "leaving";
    case SessionEndReason::kAttachAsFollower:
      return "attach as follower";
    case SessionEndReason::kAttachAsObserver:
      return "attach as observer";
    case SessionEndReason::kEpochAbsurd:
      return "epoch absurd";
    case SessionEndReason::kBusy:
      return "busy";
  }
  return "?";
}

std::string Number(uint64_t value) { return std::to_string(value); }

// "7", or "7..9" for a run of tags that ends with another one.
std::string Tags(const std::vector<uint64_t>& tags) {
  if (tags.empty()) return "none";
  if (tags.size() == 1) return Number(tags[0]);
  return Number(tags.front()) + ".." + Number(tags.back());
}

std::string Text(const FollowerInfo& m) {
  return "follower-info accepted " + Number(m.accepted.epoch) + " of " +
         ToString(m.accepted.leader) + " current " + Number(m.current) + " last " +
         ToString(m.last) + (m.kind == LearnerKind::kObserver ? " observer" : "");
}
std::string Text(const LeaderInfo& m) {
  return "leader-info " + Number(m.epoch) + (m.decided ? " decided" : "");
}
std::string Text(const AckEpoch& m) {
  std::string text = "ack-epoch current " + (m.current ? Number(*m.current) : "none") + " last " +
                     ToString(m.last) + " base " + ToString(m.base) + " table";
  for (Zxid zxid : m.table) text += " " + ToString(zxid);
  return text;
}
std::string Text(const Diff& m) { return "diff last " + ToString(m.last); }
std::string Text(const Trunc& m) {
  return "trunc after " + ToString(m.after) + " last " + ToString(m.last);
}
std::string Text(const Snap& m) { return "snap " + ToString(m.snapshot); }
std::string Text(const NewLeader& m) {
  return "new-leader last " + ToString(m.last) + " commit " + ToString(m.commit);
}
std::string Text(const UpToDate& m) {
  return "up-to-date commit " + ToString(m.commit) + " last " + ToString(m.last_proposed);
}
std::string Text(const Proposal& m) {
  if (m.txns.empty()) return "proposal none";
  std::string text = "proposal " + ToString(m.txns.front().zxid);
  if (m.txns.size() > 1) text += ".." + ToString(m.txns.back().zxid);
  return m.commit == Zxid{} ? text : text + " commit " + ToString(m.commit);
}
std::string Text(const Ack& m) { return "ack " + ToString(m.zxid); }
std::string Text(const Commit& m) { return "commit " + ToString(m.zxid); }
std::string Text(const Request& m) { return "request " + Tags(TagsOf(m.calls)); }
std::string Text(const Refusal& m) {
  return "refusal " + Tags(m.tags) + " " + std::string(ToString(m.reason)) +
         (m.text.empty() ? "" : ": " + m.text);
}
std::string Text(const ReadIndex& m) { return "read-index " + Tags(m.tags); }
std::string Text(const ReadIndexReply& m) {
  return "read-index-reply " + Tags(m.tags) + " at " + ToString(m.at);
}
std::string Text(const Ping& m) {
  return "ping " + Number(m.seq) + " commit " + ToString(m.commit) + (m.syncing ? " syncing" : "") +
         (m.heard > 0 ? " heard " + Number(m.heard) : "") +
         (m.confirmed > 0
              ? " confirmed " + Number(m.confirmed) + " at " + ToString(m.confirmed_commit)
              : "");
}
std::string Text(const Pong& m) {
  return "pong " + Number(m.seq) + " durable " + ToString(m.durable) + " applied " +
         ToString(m.applied) + (m.installing ? " installing" : "") + (m.syncing ? " syncing" : "") +
         (m.sync.count() > 0 ? " sync " + std::to_string(m.sync.count() / 1000) + "ms" : "") +
         (m.taken > 0 ? " taken " + Number(m.taken) : "");
}
std::string Text(const CommitAndActivate& m) {
  return "commit-and-activate " + ToString(m.zxid) + " leader " + ToString(m.leader);
}
std::string Text(const Reconfigure& m) {
  std::string text = "reconfigure " + Number(m.tag) + " from " + ToString(m.next.version) + " to";
  for (const Member& member : m.next.members) text += " " + ToString(member);
  return text;
}
std::string Text(const SessionEnd& m) { return "session-end " + std::string(ToString(m.reason)); }

size_t Extra(const Proposal& m) {
  size_t bytes = 0;
  for (const Txn& txn : m.txns) bytes += kItemBytes + txn.encoded.size();
  return bytes;
}
size_t Extra(const Request& m) {
  size_t bytes = 0;
  for (const Call& call : m.calls) bytes += kItemBytes + call.command.size();
  return bytes;
}
size_t Extra(const Refusal& m) {
  return (m.tags.size() + m.servers.size()) * sizeof(uint64_t) + m.text.size();
}
size_t Extra(const Reconfigure& m) {
  size_t bytes = 0;
  for (const Member& member : m.next.members) bytes += kItemBytes + member.address.size();
  return bytes;
}
size_t Extra(const ReadIndex& m) { return m.tags.size() * sizeof(uint64_t); }
size_t Extra(const ReadIndexReply& m) { return m.tags.size() * sizeof(uint64_t); }
size_t Extra(const AckEpoch& m) { return m.table.size() * sizeof(Zxid); }
template <typename Other>
size_t Extra(const Other&) {
  return 0;
}

}  // namespace

std::vector<uint64_t> TagsOf(const std::vector<Call>& calls) {
  std::vector<uint64_t> tags;
  tags.reserve(calls.size());
  for (const Call& call : calls) tags.push_back(call.tag);
  return tags;
}

std::string_view ToString(RejectReason reason) {
  switch (reason) {
    case RejectReason::kNoLeader:
      return "no-leader";
    case RejectReason::kOverload:
      return "overload";
    case RejectReason::kTooLarge:
      return "too-large";
    case RejectReason::kAbandoned:
      return "abandoned";
    case RejectReason::kUnknown:
      return "unknown";
    case RejectReason::kNoMembership:
      return "no-membership";
    case RejectReason::kOtherVersion:
      return "other-version";
    case RejectReason::kNoQuorum:
      return "no-quorum";
    case RejectReason::kStillLinked:
      return "still-linked";
    case RejectReason::kNotCaughtUp:
      return "not-caught-up";
  }
  return "?";
}

Lane LaneOf(const Message& message) {
  const bool liveness =
      std::holds_alternative<Ping>(message.body) || std::holds_alternative<Pong>(message.body);
  return liveness ? Lane::kControl : Lane::kZab;
}

std::string ToString(const Message& message) {
  return std::visit([](const auto& body) { return Text(body); }, message.body);
}

std::string ToString(const Notification& n) {
  return "notification " + ToString(n.vote) + " round " + Number(n.round) + " " +
         std::string(ToString(n.state)) + (n.quorum_connected ? " connected" : "") +
         (n.amnesic ? " amnesic" : "") +
         (n.membership ? " members " + ToString(n.membership->version) : "") +
         (n.pending ? " pending " + ToString(n.pending->version) : "");
}

size_t SizeOf(const Message& message) {
  return kMessageBytes + std::visit([](const auto& body) { return Extra(body); }, message.body);
}

}  // namespace v1
}  // namespace zkq
