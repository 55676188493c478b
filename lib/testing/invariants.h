// InvariantChecker: holds a run against what ZAB promises (PROTOCOL §12), by what
// passes the seams: messages, log files, what is applied, what callers are told. It
// knows nothing of the inside of a peer, so a peer cannot talk it into anything.
//
// The first violation is kept, and nothing is judged behind it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "lib/testing/disk_mirror.h"
#include "lib/testing/histories.h"
#include "zkq/testing/sim_observer.h"

namespace zkq::testing {

class InvariantChecker final : public SimObserver {
 public:
  explicit InvariantChecker(std::set<ServerId> voters);

  const std::optional<Violation>& violation() const { return violation_; }
  // The run is over, and every call has had its time.
  void OnEnd();

  void OnSent(const Route& route, const Carried& carried) override;
  void OnDelivered(const Route& route, const Carried& carried) override;
  void OnStarting(ServerId sid) override;
  void OnStarted(ServerId sid, const absl::Status& status) override;
  void OnCrashed(ServerId sid, const MemoryFileSystem& disk) override;
  void OnWiped(ServerId sid) override;
  void OnExcused(ServerId sid, std::string_view why) override;
  void OnDamaged(ServerId sid) override;
  void OnDisk(ServerId sid, const MemoryFileSystem::Operation& operation) override;
  void OnApplied(ServerId sid, const Transaction& txn) override;
  void OnRestored(ServerId sid) override;
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
    bool excused = false;                      // may halt, or refuse to start
    bool fresh = false;                        // has not written in this life
    std::optional<Zxid> applied = {};          // in this life
    std::optional<ReplicaStatus> status = {};  // the last one of this life
  };
  // A leader's term, by leader, process life and epoch.
  using Term = std::tuple<ServerId, uint64_t, Epoch>;
  struct Call {
    bool done = false;
    bool is_read = false;
    std::string command = {};
    Zxid floor = {};  // of a read: the newest write completed before it was asked
  };

  void Violate(std::string_view property, std::string what);
  Server& at(ServerId sid) { return servers_.at(sid); }
  template <typename Has>
  bool IsQuorum(Has has) const;

  // --- what a server says
  void Sent(const Route& route, const Session& session, const AckEpoch& ack);
  void Sent(const Route& route, const Session& session, const NewLeader& accepted);
  void Sent(const Route& route, const Session& session, const Ack& ack);
  void Sent(const Route& route, const Session& session, const Proposal& proposal);
  void Sent(const Route& route, const Session& session, const Commit& commit);
  void Sent(const Route& route, const Session& session, const UpToDate& up_to_date);
  template <typename Other>
  void Sent(const Route&, const Session&, const Other&) {}
  void CheckSessionStaysOnItsLink(const Route& route, const Message& message);
  void CheckCommitRule(const Route& route, Epoch epoch, Zxid commit);

  // --- what a server writes
  void Logged(ServerId sid, const LogState& before, const Txn& txn);
  void Stored(ServerId sid, const LogState& before, const HardState& state);
  void Truncated(ServerId sid, const LogState& before, Zxid after);
  void Rebased(ServerId sid, const LogState& before, Zxid base);
  void Took(ServerId sid, const LogState& before, Epoch epoch, bool leads);
  void Proposed(ServerId by, const Txn& txn);

  // `zxid` is said to be committed, by `how`.
  void Committed(Zxid zxid, const std::string& how);
  void CheckHeldByQuorum(Zxid zxid, const std::string& how);
  bool Established(Epoch epoch) const;
  bool AnyDamaged() const;

  const std::set<ServerId> voters_;
  std::map<ServerId, Server> servers_;
  std::optional<Violation> violation_;
  Histories histories_;
  Zxid committed_ = {};                // the newest that anybody called committed
  std::map<Epoch, ServerId> leaders_;  // who took an epoch as its leader
  std::map<Epoch, Zxid> initial_;      // I_e: where its history ended then
  std::set<Epoch> proposing_;          // epochs that have a transaction of their own

  std::map<std::tuple<ServerId, DiskId, Epoch>, std::pair<ServerId, uint64_t>> promised_;
  std::map<std::tuple<ServerId, uint64_t, uint64_t>, uint64_t> session_links_;
  std::map<std::pair<Term, ServerId>, Zxid> accepted_last_;  // NewLeader's, of the last session
  std::map<std::pair<Term, ServerId>, Zxid> acked_;          // delivered to the leader

  std::map<uint64_t, Call> calls_;
  std::map<std::string, Zxid> applied_commands_;
  std::map<Zxid, std::string> commands_;
  std::set<std::string> not_committed_;
  Zxid completed_ = {};  // the newest write that a caller was told of
};

}  // namespace zkq::testing
