// InvariantChecker: holds a run against what ZAB promises (PROTOCOL §12), by what
// passes the seams: messages, log files, what is applied, what callers are told. It
// knows nothing of the inside of a peer, so a peer cannot talk it into anything.
//
// The first violation is kept, and nothing is judged after it.
//
// Reading order: invariants.cc has the lives, the state machines, the statuses and
// what it is to be committed; invariants_disk.cc what servers write; and
// invariants_wire.cc what they say.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "lib/testing/checks/call_ledger.h"
#include "lib/testing/checks/disk_mirror.h"
#include "lib/testing/checks/histories.h"
#include "lib/testing/checks/lane_order.h"
#include "lib/testing/checks/read_confirmations.h"
#include "zkq/testing/sim_observer.h"

namespace zkq::testing {

class InvariantChecker final : public SimObserver {
 public:
  explicit InvariantChecker(std::set<ServerId> voters);

  const std::optional<Violation>& violation() const { return violation_; }
  // What is durable at a server, by which elections compare it.
  std::pair<Epoch, Zxid> history(ServerId sid) const {
    const LogState& durable = servers_.at(sid).disk.durable();
    return {durable.state.current, durable.last};
  }
  // The run is over, and every call has had its time.
  void OnEnd();

  void OnSent(const Route& route, const Carried& carried) override;
  void OnDelivered(const Route& route, const Carried& carried) override;
  void OnLinkDown(const Route& route) override { order_.OnLinkDown(route); }
  void OnStarting(ServerId sid) override;
  void OnStarted(ServerId sid, const absl::Status& status) override;
  void OnCrashed(ServerId sid, const MemoryFileSystem& disk) override;
  void OnWiped(ServerId sid) override;
  void OnExcused(ServerId sid, std::string_view why) override;
  void OnExcuseEnds(ServerId sid) override;
  void OnDamaged(ServerId sid) override;
  void OnDisk(ServerId sid, const MemoryFileSystem::Operation& operation) override;
  void OnApplied(ServerId sid, const Transaction& txn, std::string_view reply) override;
  void OnRestored(ServerId sid, Zxid applied) override;
  void OnStatus(ServerId sid, const ReplicaStatus& status) override;
  void OnProposed(uint64_t call, ServerId sid, std::string_view command) override;
  void OnReadAsked(uint64_t call, ServerId sid) override;
  void OnDone(uint64_t call, const absl::StatusOr<Reply>& result) override;

 private:
  class Reading;
  struct Server {
    DiskMirror disk;
    std::set<Epoch> took = {};  // currentEpoch, one after the other
    bool lost = false;          // its disk is not the one it voted with, or is damaged
    bool wiped = false;         // after the ensemble was founded with the one before
    bool damaged = false;
    bool tainted = false;  // was damaged, ever: what it led with is not known
    Zxid had = {};         // before the damage: what it must find, or notice that it does not
    bool excused = false;  // may halt, or refuse to start

    // --- of this life
    bool fresh = false;                // has not stored its hard state
    bool log_changed = false;          // it has written something of its history
    std::optional<Zxid> applied = {};  // by its state machine, or, without one, by its status
    bool machine = false;              // it has one, and that has told so
    Zxid told_committed = {};          // by a leader, or by its own log
    Epoch told_up_to_date = 0;         // by the leader of this epoch
    std::optional<ReplicaStatus> status = {};
  };
  // A leader's term, by leader, process life and epoch.
  using Term = std::tuple<ServerId, uint64_t, Epoch>;

  void Violate(std::string_view property, std::string what);
  void Keep(std::optional<Violation> violation);
  Server& at(ServerId sid) { return servers_.at(sid); }
  template <typename Has>
  bool IsQuorum(Has has) const;

  // --- what a server says
  void CheckBoot(const Route& route);
  void CheckNotification(const Route& route, const Notification& notification);
  void Sent(const Route& route, const Session& session, const LeaderInfo& info);
  void Sent(const Route& route, const Session& session, const AckEpoch& ack);
  void CheckPromise(const Route& route, Epoch epoch);
  void Sent(const Route& route, const Session& session, const NewLeader& accepted);
  void Sent(const Route& route, const Session& session, const Ack& ack);
  void CheckAccepted(const Route& route, const Session& session);
  void Sent(const Route& route, const Session& session, const Proposal& proposal);
  void Sent(const Route& route, const Session& session, const Commit& commit);
  void Sent(const Route& route, const Session& session, const UpToDate& up_to_date);
  void Sent(const Route& route, const Session& session, const Pong& pong);
  template <typename Other>
  void Sent(const Route&, const Session&, const Other&) {}
  // What it is told.
  void Delivered(const Route& route, const Session& session, const AckEpoch& ack);
  void Delivered(const Route& route, const Session& session, const Ack& ack);
  void Delivered(const Route& route, const Session& session, const NewLeader& accepted);
  void Delivered(const Route& route, const Session& session, const Proposal& proposal);
  void Delivered(const Route& route, const Session& session, const Commit& commit);
  void Delivered(const Route& route, const Session& session, const UpToDate& up_to_date);
  void Delivered(const Route& route, const Session& session, const Pong& pong);
  template <typename Other>
  void Delivered(const Route&, const Session&, const Other&) {}
  void ToldCommitted(ServerId sid, Zxid commit);
  void LearnCommitted(ServerId leader);
  void CheckConfirmed(uint64_t call);
  void CheckDead(uint64_t call);
  bool IsDead(Zxid zxid) const;

  // --- what a server writes
  void Logged(ServerId sid, const LogState& before, const Txn& txn);
  void Stored(ServerId sid, const LogState& before, const HardState& state);
  bool FoundsAnew(ServerId sid, const HardState& state) const;
  void CheckRecovered(ServerId sid, const HardState& old, const HardState& state);
  void Truncated(ServerId sid, const LogState& before, Zxid after);
  void Rebased(ServerId sid, const LogState& before, Zxid base);
  void Began(ServerId sid, const LogState& before, const SegmentStart& start, Zxid commit);
  void Took(ServerId sid, const LogState& before, const HardState& state);
  void TookAsLeader(ServerId sid, const LogState& before, const HardState& state);
  void Proposed(ServerId by, const Txn& txn);
  void CheckFirst(ServerId by, const Txn& txn);
  void SawDurable(Epoch epoch);

  // --- what is committed
  // `zxid` is said to be committed, by `how`.
  void Committed(Zxid zxid, const std::string& how);
  void CheckHeldByQuorum(Zxid zxid, const std::string& how);
  // Enough has acknowledged it to this leader for it to say so.
  bool Counted(const Term& term, Zxid zxid) const;
  bool MayKnowCommitted(ServerId sid, Zxid zxid) const;
  void CheckDamageNoticed(Server* server, const ReplicaStatus& status);
  void CheckStatusAgainstDisk(const Server& server, const ReplicaStatus& status);
  void CheckEstablished(const Server& server, const ReplicaStatus& status);
  bool MayBeEstablished(Epoch epoch) const;

  const std::set<ServerId> voters_;
  std::map<ServerId, Server> servers_;
  std::optional<Violation> violation_;
  Histories histories_;
  LaneOrder order_;
  CallLedger calls_;
  ReadConfirmations confirmations_;
  Zxid committed_ = {};                // the newest that anybody called committed
  std::map<Epoch, ServerId> leaders_;  // who took an epoch as its leader
  std::map<Epoch, Zxid> initial_;      // I_e: where its history ended then
  std::set<Epoch> established_;        // a quorum has held I_e durably, under e
  std::set<Epoch> proposing_;          // epochs that have a transaction of their own

  std::map<std::tuple<ServerId, DiskId, Epoch>, std::pair<ServerId, uint64_t>> promised_;
  // By term and learner: delivered to the leader, or, of NewLeader, sent by it.
  struct Standing {
    bool counts = false;  // promised, and would have its epoch counted
    Epoch current = 0;    // in that promise
    Zxid last = {};
    Zxid accepted = {};              // NewLeader's last, of the last session
    std::optional<Zxid> acked = {};  // what it has said is durable there
  };
  const Standing* Find(const Term& term, ServerId learner) const;
  // Its epoch to this leader, as far as the leader knows.
  bool HasPromised(const Term& term, ServerId learner) const;
  bool PromisedByQuorum(const Term& term) const;
  std::map<std::pair<Term, ServerId>, Standing> standings_;
};

}  // namespace zkq::testing
