#include "lib/testing/checks/disk_rules.h"

#include <algorithm>
#include <string>
#include <utility>

namespace zkq::testing {

// Hears what a mirror reads, on behalf of one server.
class DiskRules::Reading final : public DiskMirror::Reader {
 public:
  Reading(DiskRules* rules, ServerId sid) : rules_(*rules), sid_(sid) {}
  void OnTxn(const LogState& before, const Txn& txn) override { rules_.Logged(sid_, before, txn); }
  void OnState(const LogState& before, const HardState& state) override {
    rules_.Stored(sid_, before, state);
  }
  void OnTruncate(const LogState& before, Zxid after) override {
    rules_.Truncated(sid_, before, after);
  }
  void OnBase(const LogState& before, Zxid base) override { rules_.Rebased(sid_, before, base); }
  void OnStart(const LogState& before, const SegmentStart& start, Zxid commit) override {
    rules_.Began(sid_, before, start, commit);
  }

 private:
  DiskRules& rules_;
  const ServerId sid_;
};

void DiskRules::OnDisk(ServerId sid, const MemoryFileSystem::Operation& operation) {
  Ledger::Server& server = ledger_.at(sid);
  if (server.damaged || ledger_.violation) return;
  const Epoch before = server.disk.durable().state.current;
  Reading reading(this, sid);
  server.disk.OnOperation(operation, &reading);
  const Epoch after = server.disk.durable().state.current;
  if (after != before) commits_.SawDurable(after);
  const auto leader = ledger_.leaders.find(after);
  const bool leads = leader != ledger_.leaders.end() && leader->second == sid;
  if (leads && operation.step == MemoryFileSystem::Step::kSync) commits_.LearnCommitted(sid);
}

// --- transactions ----------------------------------------------------------------------

void DiskRules::Logged(ServerId sid, const LogState& before, const Txn& txn) {
  ledger_.at(sid).log_changed = true;
  const bool next = txn.zxid.epoch == before.last.epoch
                        ? txn.zxid.counter == before.last.counter + 1
                        : txn.zxid.epoch > before.last.epoch && txn.zxid.counter == 1;
  if (txn.prev != before.last || !next) {
    return ledger_.Violate("INV-8 contiguity", "server " + ToString(sid) + " logs " +
                                                   ToString(txn.zxid) + " after " +
                                                   ToString(before.last));
  }
  txns_.Proposed(sid, txn);
}

// The initial history of an epoch is committed once the epoch is established, so this
// holds servers that have taken it against INV-9 too.
void DiskRules::Truncated(ServerId sid, const LogState& before, Zxid after) {
  ledger_.at(sid).log_changed = true;
  const Zxid held = ledger_.histories.Shared(ledger_.committed, before.last);
  if (after < held) {
    ledger_.Violate("INV-19 no committed truncation",
                    "server " + ToString(sid) + " cuts after " + ToString(after) +
                        ", and holds the committed " + ToString(held));
  }
}

void DiskRules::Rebased(ServerId sid, const LogState& before, Zxid base) {
  ledger_.at(sid).log_changed = true;
  const std::string who = "server " + ToString(sid) + " installs the snapshot " + ToString(base);
  if (!ledger_.histories.Contains(base, ledger_.committed)) {
    return ledger_.Violate("INV-18 snapshots are committed", who);
  }
  if (base < ledger_.histories.Shared(ledger_.committed, before.last)) {
    return ledger_.Violate("INV-19 no committed truncation",
                           who + " in place of " + ToString(before.last));
  }
  ledger_.ToldCommitted(sid, base);
}

// Segments before this one may go: what they amounted to has to stand here.
void DiskRules::Began(ServerId sid, const LogState& before, const SegmentStart& start,
                      Zxid commit) {
  const auto state = start.state.empty() ? HardState{} : DecodeHardState(start.state);
  if (start.base == before.base && start.last == before.last && commit == before.hint && state &&
      *state == before.state) {
    return;
  }
  ledger_.Violate("recovery", "server " + ToString(sid) + " begins a segment after " +
                                  ToString(start.last) + ", and its disk has " +
                                  ToString(before.last));
}

namespace {

bool Lists(const Membership& membership, ServerId sid, const DiskId& disk) {
  const Member* const member = FindMember(membership, sid);
  return member != nullptr && member->disk == disk;
}

}  // namespace

// --- hard state ------------------------------------------------------------------------

void DiskRules::Stored(ServerId sid, const LogState& before, const HardState& state) {
  Ledger::Server& server = ledger_.at(sid);
  const HardState& old = before.state;
  const std::string who = "server " + ToString(sid);
  if (std::exchange(server.fresh, false) && old.boot != 0) CheckRecovered(sid, old, state);
  if (server.wiped && Lists(state.config, sid, state.disk)) {
    if (!FoundsAnew(sid, state))
      return ledger_.Violate("amnesia", who + " founds itself on an empty disk");
    server.wiped = server.lost = false;
  }
  if (state.accepted.epoch < old.accepted.epoch || state.current < old.current ||
      state.accepted.epoch < state.current) {
    return ledger_.Violate("INV-1 epoch monotony",
                           who + " stores accepted " + std::to_string(state.accepted.epoch) +
                               ", current " + std::to_string(state.current));
  }
  if (state.current > old.current) epochs_.Took(sid, before, state);
}

// Nobody else had founded with the disk that was lost, and now all found with this one.
bool DiskRules::FoundsAnew(ServerId sid, const HardState& state) const {
  return std::all_of(ledger_.servers.begin(), ledger_.servers.end(), [&](const auto& one) {
    const EnsembleId& its = one.second.disk.written().state.ensemble;
    return one.first == sid || its == EnsembleId{} || its == state.ensemble;
  });
}

void DiskRules::CheckRecovered(ServerId sid, const HardState& old, const HardState& state) {
  const std::string who = "server " + ToString(sid);
  HardState expected = old;
  expected.boot = state.boot;
  if (!(expected == state)) {
    return ledger_.Violate("recovery", who + " starts with another hard state than its disk has");
  }
  if (state.boot <= old.boot) ledger_.Violate("recovery", who + " repeats a boot id");
}

}  // namespace zkq::testing
