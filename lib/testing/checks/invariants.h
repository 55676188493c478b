// InvariantChecker: holds a run against what ZAB promises (PROTOCOL §12), by what
// passes the seams: messages, log files, what is applied, what callers are told. It
// knows nothing of the inside of a peer, so a peer cannot talk it into anything.
//
// The first violation is kept, and little is judged after it.
//
// It hands each event to the rules that it concerns. Each set of rules is a class of its own; what
// was seen is in the one Ledger that all of them read.
#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "lib/testing/checks/call_rules.h"
#include "lib/testing/checks/change_rules.h"
#include "lib/testing/checks/commit_rules.h"
#include "lib/testing/checks/disk_rules.h"
#include "lib/testing/checks/epoch_rules.h"
#include "lib/testing/checks/ledger.h"
#include "lib/testing/checks/life_rules.h"
#include "lib/testing/checks/replica_rules.h"
#include "lib/testing/checks/txn_rules.h"
#include "lib/testing/checks/wire_rules.h"
#include "zkq/testing/sim_observer.h"

namespace zkq::testing {

class InvariantChecker final : public SimObserver {
 public:
  const std::optional<Violation>& violation() const { return ledger_.violation; }
  // What is durable at a server, by which elections compare it.
  std::pair<Epoch, Zxid> history(ServerId sid) {
    const LogState& durable = ledger_.at(sid).disk.durable();
    return {durable.state.current, durable.last};
  }
  DiskId disk(ServerId sid) { return ledger_.at(sid).id(); }
  // The configurations that count for this server, as far as its disk tells.
  Configs configs(ServerId sid) const { return ledger_.ConfigsOf(sid); }
  // The newest that is committed.
  Membership membership() const {
    const Membership* const known = ledger_.configurations.Find(ledger_.Configured());
    return known == nullptr ? Membership{} : *known;
  }
  bool QuorumsAreThere() const { return ledger_.QuorumsAreThere(); }
  std::optional<uint64_t> ListedDisk(ServerId sid) const { return ledger_.ListedDisk(sid); }
  // The run is over, and every call has had its time.
  void OnEnd() {
    commits_.OnEnd();
    calls_.OnEnd();
    changes_.OnEnd();
  }

  void OnSent(const Route& route, const Carried& carried) override { wire_.OnSent(route, carried); }
  void OnDelivered(const Route& route, const Carried& carried) override {
    wire_.OnDelivered(route, carried);
  }
  void OnLinkUp(const Route& route) override { changes_.OnLinkUp(route); }
  void OnLinkDown(const Route& route) override {
    wire_.OnLinkDown(route);
    changes_.OnLinkDown(route);
  }
  void OnStarting(ServerId sid) override { lives_.OnStarting(sid); }
  void OnStarted(ServerId sid, const absl::Status& status) override {
    lives_.OnStarted(sid, status);
    if (status.ok()) changes_.OnStarted(sid);
  }
  void OnCrashed(ServerId sid, const MemoryFileSystem& disk) override {
    wire_.OnCrashed(sid);
    changes_.OnCrashed(sid);
    lives_.OnCrashed(sid, disk);
  }
  void OnWiped(ServerId sid) override { lives_.OnWiped(sid); }
  void OnDiskInserted(ServerId sid, uint64_t disk) override { ledger_.Insert(sid, disk); }
  void OnDamaged(ServerId sid) override { lives_.OnDamaged(sid); }
  void OnExcused(ServerId sid, std::string_view) override { lives_.OnExcused(sid); }
  void OnExcuseEnds(ServerId sid) override { lives_.OnExcuseEnds(sid); }
  void OnDisk(ServerId sid, const MemoryFileSystem::Operation& operation) override {
    disks_.OnDisk(sid, operation);
  }
  void OnApplied(ServerId sid, const Transaction& txn, std::string_view reply) override {
    replicas_.OnApplied(sid, txn, reply);
  }
  void OnRestored(ServerId sid, Zxid applied) override { replicas_.OnRestored(sid, applied); }
  void OnStatus(ServerId sid, const ReplicaStatus& status) override {
    replicas_.OnStatus(sid, status);
  }
  void OnProposed(uint64_t call, ServerId, std::string_view command) override {
    calls_.OnProposed(call, command);
  }
  void OnReadAsked(uint64_t call, ServerId) override { calls_.OnReadAsked(call); }
  void OnDone(uint64_t call, const absl::StatusOr<Reply>& result) override {
    calls_.OnDone(call, result);
  }
  void OnReconfigureAsked(uint64_t call, ServerId sid, const Membership& asked) override {
    changes_.OnAsked(call, sid, asked);
  }
  void OnReconfigured(uint64_t call, ServerId, const Membership&,
                      const absl::StatusOr<Membership>& result) override {
    changes_.OnAnswered(call, result);
  }

 private:
  Ledger ledger_;
  CommitRules commits_{&ledger_};
  EpochRules epochs_{&ledger_};
  CallRules calls_{&ledger_};
  ChangeRules changes_{&ledger_};
  TxnRules txns_{&ledger_, &calls_, &changes_};
  DiskRules disks_{&ledger_, &commits_, &epochs_, &txns_};
  WireRules wire_{&ledger_, &commits_, &epochs_, &txns_};
  LifeRules lives_{&ledger_, &commits_};
  ReplicaRules replicas_{&ledger_, &commits_};
};

}  // namespace zkq::testing
