#include "lib/testing/checks/disk_rules.h"

#include <algorithm>
#include <optional>
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
  if (after < held && !CountsNotAfter(sid, after)) {
    ledger_.Violate("INV-19 no committed truncation",
                    "server " + ToString(sid) + " cuts after " + ToString(after) +
                        ", and holds the committed " + ToString(held));
  }
}

// It observes, and by the newest configuration that is committed it does not vote on anything
// later. An observer's plan ends with what its leader knew to be committed when it chose it
// (PROTOCOL §7.1 S4): what the server has beyond that, as it may from when it followed, goes and
// comes again, and may be committed meanwhile.
bool DiskRules::CountsNotAfter(ServerId sid, Zxid after) const {
  if (!ledger_.at(sid).observes) return false;
  const Zxid version = ledger_.configurations.In(ledger_.committed, ledger_.histories);
  const MemberId member{SeatOf(sid), ledger_.at(sid).id()};
  return version <= after && !ledger_.configurations.IsVoter(version, member);
}

void DiskRules::Rebased(ServerId sid, const LogState& before, Zxid base) {
  ledger_.at(sid).log_changed = true;
  const std::string who = "server " + ToString(sid) + " installs the snapshot " + ToString(base);
  if (!ledger_.histories.Contains(base, ledger_.committed)) {
    return ledger_.Violate("INV-18 snapshots are committed", who);
  }
  if (base < ledger_.histories.Shared(ledger_.committed, before.last) &&
      !CountsNotAfter(sid, base)) {
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

// --- hard state ------------------------------------------------------------------------

void DiskRules::Stored(ServerId sid, const LogState& before, const HardState& state) {
  Ledger::Server& server = ledger_.at(sid);
  const HardState& old = before.state;
  const std::string who = "server " + ToString(sid);
  if (std::exchange(server.fresh, false) && old.boot != 0) CheckRecovered(sid, old, state);
  if (state.config != old.config && !state.config.members.empty()) Configured(sid, old, state);
  if (state.accepted.epoch < old.accepted.epoch || state.current < old.current ||
      state.accepted.epoch < state.current) {
    return ledger_.Violate("INV-1 epoch monotony",
                           who + " stores accepted " + std::to_string(state.accepted.epoch) +
                               ", current " + std::to_string(state.current));
  }
  if (state.accepted.epoch > old.accepted.epoch) epochs_.Promised(sid, before, state);
  if (state.current > old.current) epochs_.Took(sid, before, state);
}

// What is stored as committed is; and it never goes back.
void DiskRules::Configured(ServerId sid, const HardState& old, const HardState& state) {
  const Membership& config = state.config;
  const std::string who =
      "server " + ToString(sid) + " stores the configuration " + ToString(config.version);
  if (config.version < old.config.version) {
    return ledger_.Violate("INV-1 epoch monotony", who + " after " + ToString(old.config.version));
  }
  const Membership* known = ledger_.configurations.Find(config.version);
  if (known != nullptr && *known == config) {
    if (ledger_.IsCommitted(config.version)) return;
    return ledger_.Violate("INV-20 config", who + ", which is not committed");
  }
  if (config.version.counter != 0) {
    return ledger_.Violate("INV-20 config", who + ", and no entry says so");
  }
  if (!MayFound(sid, state)) {
    return ledger_.Violate("amnesia", who + " with other disks than others have founded with");
  }
  ledger_.configurations.Found(config);
}

// Nobody else has founded, or with this list.
bool DiskRules::MayFound(ServerId sid, const HardState& state) const {
  return std::all_of(ledger_.servers.begin(), ledger_.servers.end(), [&](const auto& one) {
    const HardState& its = one.second.disk.written().state;
    return one.first == sid || its.config.members.empty() || its.config == state.config;
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
