// Learning: one peer's term under one leader, as the protocol's phases: discovery
// (promise the epoch), synchronisation (take over the leader's history), broadcast
// (log, acknowledge, commit). PROTOCOL §6.3, §7.2, §8.3.
//
// Who learns is a follower, whether its vote counts or not, or an observer: one that says so in
// FollowerInfo. An observer promises nothing and acknowledges nothing but NewLeader; what it is
// sent is committed.
//
// It ends with its session: left() then says why, and Peer goes looking.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "lib/core/invariants.h"
#include "lib/core/look.h"
#include "lib/core/ping_log.h"
#include "lib/core/requests.h"
#include "lib/core/self.h"
#include "lib/core/synchronisation.h"

namespace zkq::core {

class Learning {
 public:
  // What an election has decided.
  struct Choice {
    ServerId leader{};
    uint64_t look_seq = 0;  // of this peer's own look, which it ended
    Look leader_look = {};  // the leader's latest that is known
    LearnerKind kind = LearnerKind::kFollower;
    // The leader before has named this one (PROTOCOL §10.5), which may not know it yet: until it
    // leads, what it does is no reason to leave it.
    bool designated = false;
  };
  Learning(Self* self, const Choice& choice)
      : self_(*self),
        choice_(choice),
        config_(self->memberships.committed().version),
        requests_(self->options.request_credit_bytes),
        tick_(self->options.tick),
        init_limit_(self->Ticks(self->options.init_limit)),
        sync_limit_(self->Ticks(self->options.sync_limit)),
        began_(self->now) {}

  void Enter();
  void Leave();  // the session ends from this side

  void On(const Tick& tick);
  void On(const LinkUp& up);
  void On(const Introduced& introduced);
  void On(const LinkDown& down);
  void On(const Received& received);
  void On(const PartReceived& part);
  void On(const Notified& notified);
  void On(const Proposed& proposed);
  void On(const ReadAsked& asked);
  void On(const ReconfigureAsked& asked);
  void On(const Synced& synced);
  void On(const SnapshotFetched& fetched);
  using Ignores = EventList<LogRead, Applied, SnapshotTaken, LogPurged>;

  Time NextWake() const;
  // A staleness that passes for none: its leader's limit.
  Time ready_within() const { return std::max(sync_limit_, kFreshTicks * tick_); }
  const std::optional<std::string>& left() const { return left_; }
  // Whom the leader that left has named in its place; kNoServer: nobody.
  ServerId designated() const { return designated_; }
  ZabPhase phase() const;
  ServerId leader() const { return choice_.leader; }
  bool observes() const { return choice_.kind == LearnerKind::kObserver; }
  // Synchronised with an established leader, now or before a renewal.
  bool serving() const { return established_ != 0; }
  // The established epoch, also during a renewal; before that the session's.
  Epoch epoch() const { return serving() ? established_ : session_.epoch; }
  // As Peer has it. Calls of earlier sessions are decided, and go again, before any other leaves.
  size_t room() const { return takes_calls() ? requests_.room() : 0; }
  // Adds what is to be checked of a learner.
  void Mark(Marks* marks) const;

 private:
  enum class Stage {
    kConnecting,  // no session yet: no link, or the leader does not lead yet
    kFollowerInfoSent,
    kPromising,   // the promise is on its way to the disk
    kPromised,    // AckEpoch sent
    kInstalling,  // a snapshot is fetched or being installed
    kSyncing,     // the live history is a prefix of the leader's and grows
    kAccepting,   // NewLeader received; history and epoch on their way to the disk
    kAccepted,    // Ack of NewLeader sent
    kBroadcast,   // UpToDate received
  };
  void Attach();
  void EndSession(SessionEndReason reason, std::string why);
  void Quit(std::string why) { left_ = std::move(why); }
  void Reply(MessageBody body);
  void TakeLimits(const Identity& leader);
  bool IsProgress(const MessageBody& body) const;
  void ExtendDeadline();
  void WaitForFetch();
  // Ends the session, and says so, if the promise cannot be given.
  bool Refuse(const LeaderInfo& info, const Promise& asked);
  void SendAckEpoch();
  void SendAcks();
  void FollowConfig();
  bool InSync() const { return stage_ >= Stage::kSyncing; }
  bool Extend(const std::vector<Txn>& txns);
  bool takes_calls() const { return stage_ == Stage::kBroadcast && !undecided_before_; }
  void EndCalls();
  void DecideCalls();
  void SettleRequests(const std::vector<Txn>& proposed);
  void SendRequests();
  void SendChanges();

  void Handle(const LeaderInfo& info);
  void Handle(const Diff& diff);
  void Handle(const Trunc& trunc);
  void Handle(const Snap& snap);
  void Handle(const Proposal& proposal);
  void Handle(const NewLeader& new_leader);
  void Handle(const Commit& commit);
  void Handle(const CommitAndActivate& commit);
  void Handle(const UpToDate& up_to_date);
  void Handle(const Refusal& refusal);
  void Handle(const ReadIndexReply& reply);
  void Handle(const Ping& ping);
  void Handle(const SessionEnd& end);
  template <typename Other>
  void Handle(const Other&);  // what only a leader may be told
  Invariants& invariants() { return self_.invariants(); }

  Self& self_;
  const Choice choice_;
  Zxid config_;  // the version that this session is of the right kind for
  Stage stage_ = Stage::kConnecting;
  std::optional<LinkId> link_;
  Session session_;
  bool asked_too_early_ = false;    // the leader said it does not lead yet
  bool leads_since_asked_ = false;  // it has announced so since FollowerInfo was sent
  bool counted_ = true;             // AckEpoch names currentEpoch
  WriteId write_ = 0;               // what kPromising, kInstalling or kAccepting waits for
  PingLog pings_;
  std::optional<Zxid> fetching_;
  Zxid acked_;
  Zxid known_commit_;                     // of this session (PROTOCOL §7.2 W1: dies with it)
  std::optional<Zxid> undecided_before_;  // up to date; see DecideCalls
  Epoch established_ = 0;
  Requests requests_;
  std::set<uint64_t> reads_;
  uint64_t taken_ = 0;  // bytes of parts, while nothing waited for the disk
  // The leader's, while there is a session with it; this peer's own before (PROTOCOL §5.3 D9).
  Time tick_;
  Time init_limit_;
  Time sync_limit_;
  Time began_;
  Synchronisation synchronisation_;
  Time give_up_at_{};    // without a word or progress
  Time next_pong_at_{};  // of those that no ping asked for
  std::optional<std::string> left_;
  ServerId designated_ = kNoServer;
};

}  // namespace zkq::core
