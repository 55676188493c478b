// What peers say to each other: one struct a kind, named as in the protocol.
//
// A Notification is a state announcement of the election: only the newest one
// matters (lane LATEST). Every other message belongs to a ZAB session between a
// learner and its leader; Ping and Pong travel on lane CONTROL, the rest on lane
// ZAB, which is strictly first-in first-out. The lane is a function of the kind
// (LaneOf), never the sender's choice.
//
// Part of the pure half of the interface: the standard library only.
#pragma once

#include <chrono>
#include <variant>

#include "zkq/types.h"

namespace zkq {
inline namespace v1 {

// What a peer says about its vote, to everybody and whenever it changes.
struct Notification {
  Vote vote = {};      // leader kNoServer: a question, answered and never counted
  uint64_t round = 0;  // the logical clock of the election
  PeerState state = PeerState::kLooking;
  std::optional<Zxid> config = {};  // version of the sender's committed configuration
  uint64_t look_seq = 0;            // how often this process has entered looking
  bool quorum_connected = false;    // has links to a quorum, itself included
  bool amnesic = false;             // its disk does not belong to its id
  // That configuration itself, for who has an older one or none.
  std::optional<Membership> membership = {};
  // The configuration that an entry of the sender's log would replace it by; if there is none, one
  // that the sender was told, by which alone `vote` has its leader. Never adopted (PROTOCOL §4.1).
  std::optional<Membership> pending = {};
  friend bool operator==(const Notification&, const Notification&) = default;
};

inline constexpr size_t kElectionNameMax = 64;

// Who is at the other end of a link, as told in the handshake.
struct Identity {
  ServerId sid{};
  uint64_t boot = 0;         // larger at every start of the process
  EnsembleId ensemble = {};  // none: unfounded
  DiskId disk = {};
  // The disk that it was before it was retired in place, and can speak for no more; none: none.
  DiskId former_disk = {};
  std::optional<Zxid> config = {};  // version of its committed configuration; none: it has none
  // Unfounded: a hash of the members it was configured with, and, once it sees every
  // voter among them, of their disks and process lives.
  Id128 founding = {};
  Id128 seen = {};
  std::string election = {};         // Election::name(): peers that elect otherwise are refused
  uint64_t features = 0;             // a bit each; none so far
  std::chrono::microseconds tick{};  // how it counts time, and its limits in ticks
  uint32_t init_limit = 0;
  uint32_t sync_limit = 0;
  friend bool operator==(const Identity&, const Identity&) = default;
};

// Names a conversation between a learner and a leader on one link: the
// learner's own count, and the epoch (0 until LeaderInfo names it). A message
// of another session is dropped. What a leader sends to several learners at once
// has number 0: on a first-in first-out lane it belongs to the session that the
// last LeaderInfo opened, if the epoch is that session's.
struct Session {
  uint64_t number = 0;
  Epoch epoch = 0;
  friend auto operator<=>(const Session&, const Session&) = default;
};

// The highest counter of each epoch present in a history, oldest epoch first,
// at most kEpochTableMax newest; the base (snapshot) zxid stands in it too.
using EpochTable = std::vector<Zxid>;
inline constexpr size_t kEpochTableMax = 64;

// The epoch a peer has promised to take part in, and with which leader.
struct Promise {
  Epoch epoch = 0;
  ServerId leader{};
  uint64_t boot = 0;  // the leader's process life
  friend auto operator<=>(const Promise&, const Promise&) = default;
};

// --- discovery: learner -> leader, except LeaderInfo -----------------------
// As what a peer learns. A follower is sent proposals, and its acknowledgements count
// where it is listed as a voter, with its disk. An observer is sent what is committed, and counts
// nowhere.
enum class LearnerKind : uint8_t { kFollower, kObserver };
struct FollowerInfo {
  Promise accepted = {};
  Epoch current = 0;
  Zxid last = {};
  uint64_t look_seq = 0;  // of the decision it follows from
  Zxid config = {};
  LearnerKind kind = LearnerKind::kFollower;
  friend bool operator==(const FollowerInfo&, const FollowerInfo&) = default;
};
struct LeaderInfo {
  Epoch epoch = 0;
  bool decided = false;  // the quorum of AckEpoch for this epoch is complete
  friend bool operator==(const LeaderInfo&, const LeaderInfo&) = default;
};
struct AckEpoch {
  std::optional<Epoch> current = {};  // none: "synchronise me, do not count me"
  Zxid last = {};
  Zxid base = {};  // zxid of its snapshot; what lies at or below it is committed
  EpochTable table = {};
  friend bool operator==(const AckEpoch&, const AckEpoch&) = default;
};

// --- synchronisation: leader -> learner ------------------------------------
struct Diff {
  Zxid last = {};  // where the plan ends
  friend bool operator==(const Diff&, const Diff&) = default;
};
struct Trunc {
  Zxid after = {};  // cut everything after it
  Zxid last = {};
  friend bool operator==(const Trunc&, const Trunc&) = default;
};
struct Snap {
  Zxid snapshot = {};  // fetch it, install it, then send AckEpoch again
  friend bool operator==(const Snap&, const Snap&) = default;
};
struct NewLeader {
  Zxid last = {};    // the learner's history must end here
  Zxid commit = {};  // known committed by the leader
  friend bool operator==(const NewLeader&, const NewLeader&) = default;
};
struct UpToDate {
  Zxid commit = {};
  Zxid last_proposed = {};  // by the leader, when it sent this
  friend bool operator==(const UpToDate&, const UpToDate&) = default;
};

// --- broadcast --------------------------------------------------------------
struct Proposal {  // leader -> learner; contiguous, never empty
  std::vector<Txn> txns = {};
  Zxid commit = {};  // known committed by the leader; at most the last of `txns`
  friend bool operator==(const Proposal&, const Proposal&) = default;
};
struct Ack {  // learner -> leader; cumulative. {e,0} acknowledges NewLeader of e
  Zxid zxid = {};
  friend bool operator==(const Ack&, const Ack&) = default;
};
struct Commit {  // leader -> learner; cumulative
  Zxid zxid = {};
  friend bool operator==(const Commit&, const Commit&) = default;
};

// Leader -> learner, to all at once: the reconfiguration is committed, and its configuration has
// another leader. ZooKeeper's COMMITANDACTIVATE and INFORMANDACTIVATE.
struct CommitAndActivate {
  Zxid zxid = {};
  ServerId leader{};  // whom the leader that steps down designates; kNoServer: nobody
  friend bool operator==(const CommitAndActivate&, const CommitAndActivate&) = default;
};

// --- calls forwarded to the leader -----------------------------------------
struct Call {  // made by MakeCall (zkq/wire.h)
  uint64_t tag = 0;
  Payload command = {};
  TxnKind kind = TxnKind::kCommand;  // of the transaction that it is to become
  uint32_t command_crc = 0;          // CRC32C of `command`
  friend bool operator==(const Call&, const Call&) = default;
};
ZKQ_EXPORT std::vector<uint64_t> TagsOf(const std::vector<Call>& calls);
struct Request {  // learner -> leader, in the order of the calls
  std::vector<Call> calls = {};
  friend bool operator==(const Request&, const Request&) = default;
};
enum class RejectReason : uint8_t {
  kNoLeader,   // not committed: no leader is established
  kOverload,   // not committed: the leader's queue is full
  kTooLarge,   // not committed: over max_command_bytes
  kAbandoned,  // not committed: refused, and the answer was lost with the leader
  kUnknown,    // its fate cannot be told any more
  // Of a change of the configuration; none is committed:
  kNoMembership,  // what is asked for is no configuration
  kOtherVersion,  // the configuration is not the one that the change was made from
  kNoQuorum,      // the voters that it would have and that are up are no quorum
  kStillLinked,   // the disk that another is to replace is linked
  kNotCaughtUp,   // its time was over while a server that is to vote was waited for
};
ZKQ_EXPORT std::string_view ToString(RejectReason reason);  // one word, such as "no-leader"
struct Refusal {  // leader -> learner: these calls got no zxid and never will
  std::vector<uint64_t> tags = {};
  RejectReason reason = RejectReason::kNoLeader;
  std::string text = {};               // of a change of the configuration: what is in the way,
  std::vector<uint64_t> servers = {};  // and who: their ids
  friend bool operator==(const Refusal&, const Refusal&) = default;
};
// Asks for another configuration. It stands outside the order of the other calls, and is answered
// by a Refusal, by the entry that settles it, or, if there is nothing to change, by ReadIndexReply.
struct Reconfigure {  // learner -> leader
  uint64_t tag = 0;
  Membership next = {};  // `version`: of the configuration that it was made from
  std::chrono::microseconds time_left{};
  friend bool operator==(const Reconfigure&, const Reconfigure&) = default;
};
struct ReadIndex {  // learner -> leader
  std::vector<uint64_t> tags = {};
  friend bool operator==(const ReadIndex&, const ReadIndex&) = default;
};
struct ReadIndexReply {  // leader -> learner, after the Commits it depends on
  std::vector<uint64_t> tags = {};
  Zxid at = {};  // answer once this is applied
  friend bool operator==(const ReadIndexReply&, const ReadIndexReply&) = default;
};

// --- liveness ----------------------------------------------------------------
struct Ping {  // leader -> learner
  uint64_t seq = 0;
  Zxid commit = {};      // information only; clamped to what the ZAB lane carried
  bool syncing = false;  // progress: the leader's disk is at work, within its limit, or until
                         // its epoch is established that of another voter
  uint64_t heard = 0;    // the newest Pong of this learner that the leader has got
  // The newest ping that a quorum has answered, and what was committed when it was sent.
  uint64_t confirmed = 0;
  Zxid confirmed_commit = {};
  friend bool operator==(const Ping&, const Ping&) = default;
};
struct Pong {  // learner -> leader
  uint64_t seq = 0;
  Zxid durable = {};  // information only: returns credit, moves no watermark
  Zxid applied = {};
  bool installing = false;           // busy with a snapshot and making progress
  bool syncing = false;              // its disk is at work, within its limit
  std::chrono::microseconds sync{};  // the slowest of its last syncs
  // Bytes of large messages that it has taken in, while nothing waited for its disk.
  uint64_t taken = 0;
  friend bool operator==(const Pong&, const Pong&) = default;
};
enum class SessionEndReason : uint8_t {
  kNotLeading,        // the answer to a FollowerInfo of who does not lead, or not yet
  kResign,            // the leader leads no more
  kEpochAhead,        // the learner has promised a higher epoch than the leader's
  kLeaderBehind,      // the learner's history is ahead of the leader's
  kAheadConfig,       // the learner's committed configuration is newer than the leader's
  kNotDecided,        // the learner has promised this epoch to another leader
  kGap,               // out of turn, does not follow what came before, or cannot be had any more
  kTimeout,           // the other end is silent, stands still, or looks for a leader again
  kLeaving,           // the learner follows this leader no more
  kAttachAsFollower,  // not as an observer
  kAttachAsObserver,  // as kEpochAhead, and the learner's vote does not count
  kEpochAbsurd,       // no history like the sender's leads to the other end's epoch
  kBusy,              // the leader brings up as many observers as it may: ask again later
};
struct SessionEnd {  // either way; the link stays up for the election
  SessionEndReason reason = SessionEndReason::kNotLeading;
  friend bool operator==(const SessionEnd&, const SessionEnd&) = default;
};

using MessageBody = std::variant<FollowerInfo, LeaderInfo, AckEpoch, Diff, Trunc, Snap, NewLeader,
                                 UpToDate, Proposal, Ack, Commit, Request, Refusal, ReadIndex,
                                 ReadIndexReply, Ping, Pong, SessionEnd, CommitAndActivate,
                                 Reconfigure>;
struct Message {
  Session session = {};
  MessageBody body = {};
  friend bool operator==(const Message&, const Message&) = default;
};

enum class Lane : uint8_t { kControl, kLatest, kZab };
ZKQ_EXPORT Lane LaneOf(const Message& message);
// One line for people and scripts, such as "proposal 4:17..4:20".
ZKQ_EXPORT std::string ToString(const Message& message);
ZKQ_EXPORT std::string ToString(const Notification& notification);
// Bytes that matter for a queue's bound: payloads plus a small constant.
ZKQ_EXPORT size_t SizeOf(const Message& message);

}  // namespace v1
}  // namespace zkq
