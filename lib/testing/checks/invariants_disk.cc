// What servers write to their logs, held against what may be written there.
#include "lib/testing/checks/invariants.h"
#include "lib/testing/checks/invariants_quorum.h"

namespace zkq::testing {

// Hears what a mirror reads, on behalf of one server.
class InvariantChecker::Reading final : public DiskMirror::Reader {
 public:
  Reading(InvariantChecker* checker, ServerId sid) : checker_(*checker), sid_(sid) {}
  void OnTxn(const LogState& before, const Txn& txn) override {
    checker_.Logged(sid_, before, txn);
  }
  void OnState(const LogState& before, const HardState& state) override {
    checker_.Stored(sid_, before, state);
  }
  void OnTruncate(const LogState& before, Zxid after) override {
    checker_.Truncated(sid_, before, after);
  }
  void OnBase(const LogState& before, Zxid base) override { checker_.Rebased(sid_, before, base); }
  void OnStart(const LogState& before, const SegmentStart& start, Zxid commit) override {
    checker_.Began(sid_, before, start, commit);
  }

 private:
  InvariantChecker& checker_;
  const ServerId sid_;
};

void InvariantChecker::OnDisk(ServerId sid, const MemoryFileSystem::Operation& operation) {
  Server& server = at(sid);
  if (server.damaged || violation_) return;
  const Epoch before = server.disk.durable().state.current;
  Reading reading(this, sid);
  server.disk.OnOperation(operation, &reading);
  const Epoch after = server.disk.durable().state.current;
  if (after != before) SawDurable(after);
  const auto leader = leaders_.find(after);
  const bool leads = leader != leaders_.end() && leader->second == sid;
  if (leads && operation.step == MemoryFileSystem::Step::kSync) LearnCommitted(sid);
}

// --- transactions -----------------------------------------------------------------------

void InvariantChecker::Logged(ServerId sid, const LogState& before, const Txn& txn) {
  at(sid).log_changed = true;
  const bool next = txn.zxid.epoch == before.last.epoch
                        ? txn.zxid.counter == before.last.counter + 1
                        : txn.zxid.epoch > before.last.epoch && txn.zxid.counter == 1;
  if (txn.prev != before.last || !next) {
    return Violate("INV-8 contiguity", "server " + ToString(sid) + " logs " + ToString(txn.zxid) +
                                           " after " + ToString(before.last));
  }
  Proposed(sid, txn);
}

void InvariantChecker::Proposed(ServerId by, const Txn& txn) {
  if (!histories_.Knows(txn.zxid)) {
    CheckFirst(by, txn);
    calls_.OnLogged(txn.zxid, txn.command.view());
  }
  if (const auto wrong = histories_.Add(txn)) {
    const size_t colon = wrong->find(':');
    Violate(wrong->substr(0, colon),
            "server " + ToString(by) + " has " + ToString(txn.zxid) + wrong->substr(colon));
  }
}

// The first who is seen with a transaction is the leader of its epoch, and a quorum
// has taken that epoch.
void InvariantChecker::CheckFirst(ServerId by, const Txn& txn) {
  const std::string who = "server " + ToString(by) + " has " + ToString(txn.zxid);
  const auto leader = leaders_.find(txn.zxid.epoch);
  if (leader == leaders_.end() ? !at(by).tainted : leader->second != by) {
    return Violate("INV-5 integrity", who + " first, and does not lead that epoch");
  }
  if (!proposing_.insert(txn.zxid.epoch).second) return;
  if (!MayBeEstablished(txn.zxid.epoch)) {
    return Violate("INV-5 integrity", who + " before its epoch is established");
  }
  const Zxid earlier = histories_.Below(txn.zxid.epoch, committed_);
  if (histories_.Contains(earlier, txn.prev)) return;
  Violate("INV-14 primary integrity",
          who + " after " + ToString(txn.prev) + ", without the committed " + ToString(earlier));
}

// The initial history of an epoch is committed once the epoch is established, so this
// holds servers that have taken it against INV-9 too.
void InvariantChecker::Truncated(ServerId sid, const LogState& before, Zxid after) {
  at(sid).log_changed = true;
  const Zxid held = histories_.Shared(committed_, before.last);
  if (after < held) {
    Violate("INV-19 no committed truncation", "server " + ToString(sid) + " cuts after " +
                                                  ToString(after) + ", and holds the committed " +
                                                  ToString(held));
  }
}

void InvariantChecker::Rebased(ServerId sid, const LogState& before, Zxid base) {
  at(sid).log_changed = true;
  const std::string who = "server " + ToString(sid) + " installs the snapshot " + ToString(base);
  if (!histories_.Contains(base, committed_)) {
    return Violate("INV-18 snapshots are committed", who);
  }
  if (base < histories_.Shared(committed_, before.last)) {
    return Violate("INV-19 no committed truncation", who + " in place of " + ToString(before.last));
  }
  ToldCommitted(sid, base);
}

// Segments before this one may go: what they amounted to has to stand here.
void InvariantChecker::Began(ServerId sid, const LogState& before, const SegmentStart& start,
                             Zxid commit) {
  const auto state = start.state.empty() ? HardState{} : DecodeHardState(start.state);
  if (start.base == before.base && start.last == before.last && commit == before.hint && state &&
      *state == before.state) {
    return;
  }
  Violate("recovery", "server " + ToString(sid) + " begins a segment after " +
                          ToString(start.last) + ", and its disk has " + ToString(before.last));
}

// --- hard state -----------------------------------------------------------------------------

void InvariantChecker::Stored(ServerId sid, const LogState& before, const HardState& state) {
  Server& server = at(sid);
  const HardState& old = before.state;
  const std::string who = "server " + ToString(sid);
  if (std::exchange(server.fresh, false) && old.boot != 0) CheckRecovered(sid, old, state);
  if (server.wiped && state.ensemble != EnsembleId{}) {
    if (!FoundsAnew(sid, state)) return Violate("amnesia", who + " founds itself on an empty disk");
    server.wiped = server.lost = false;
  }
  if (state.accepted.epoch < old.accepted.epoch || state.current < old.current ||
      state.accepted.epoch < state.current) {
    return Violate("INV-1 epoch monotony", who + " stores accepted " +
                                               std::to_string(state.accepted.epoch) + ", current " +
                                               std::to_string(state.current));
  }
  if (state.current > old.current) Took(sid, before, state);
}

// Nobody else had founded with the disk that was lost, and now all found with this one.
bool InvariantChecker::FoundsAnew(ServerId sid, const HardState& state) const {
  const Member* const self = FindMember(state.config, sid);
  if (self == nullptr || self->disk != state.disk) return false;
  return std::all_of(servers_.begin(), servers_.end(), [&](const auto& one) {
    const EnsembleId& its = one.second.disk.written().state.ensemble;
    return one.first == sid || its == EnsembleId{} || its == state.ensemble;
  });
}

void InvariantChecker::CheckRecovered(ServerId sid, const HardState& old, const HardState& state) {
  const std::string who = "server " + ToString(sid);
  HardState expected = old;
  expected.boot = state.boot;
  if (!(expected == state)) {
    return Violate("recovery", who + " starts with another hard state than its disk has");
  }
  if (state.boot <= old.boot) Violate("recovery", who + " repeats a boot id");
}

void InvariantChecker::Took(ServerId sid, const LogState& before, const HardState& state) {
  const Epoch epoch = state.current;
  const std::string who = "server " + ToString(sid) + " takes epoch " + std::to_string(epoch);
  at(sid).took.insert(epoch);
  if (state.accepted.leader == sid) TookAsLeader(sid, before, state);
  const auto initial = initial_.find(epoch);
  if (initial == initial_.end()) {
    const auto leader = servers_.find(state.accepted.leader);
    if (leader != servers_.end() && leader->second.tainted) return;
    return Violate("INV-9 initial history", who + " before its leader has");
  }
  if (!histories_.Contains(initial->second, before.last)) {
    Violate("INV-9 initial history",
            who + " with " + ToString(before.last) + ", without " + ToString(initial->second));
  }
}

// It has completed discovery: a quorum has promised it this epoch, and none of them
// has more than it has.
void InvariantChecker::TookAsLeader(ServerId sid, const LogState& before, const HardState& state) {
  const Epoch epoch = state.current;
  const std::string who =
      "server " + ToString(sid) + " takes epoch " + std::to_string(epoch) + " as its leader";
  const auto [leader, first] = leaders_.try_emplace(epoch, sid);
  if (leader->second != sid) {
    return Violate("INV-2 leadership", who + ", as did " + ToString(leader->second));
  }
  initial_[epoch] = before.last;
  const Term term(sid, state.boot, epoch);
  if (!PromisedByQuorum(term)) return Violate("INV-2 leadership", who + ", unpromised by a quorum");
  const auto behind = [&](ServerId learner, const Server&) {
    if (!HasPromised(term, learner)) return false;
    const Standing* standing = Find(term, learner);
    return learner == sid || std::pair(standing->current, standing->last) <=
                                 std::pair(before.state.current, before.last);
  };
  if (!IsQuorum(behind)) {
    Violate("INV-16 leader completeness",
            who + " with " + ToString(before.last) + ", and servers that promised it have more");
  }
}

// That a server has taken `epoch` is durable: this may be what establishes it. From
// then on all of its initial history is committed, and nothing else was before: for
// nobody in this quorum has promised a later epoch. (One who has may have acknowledged
// this one earlier, so not every epoch that is established is seen here.)
void InvariantChecker::SawDurable(Epoch epoch) {
  const auto initial = initial_.find(epoch);
  if (initial == initial_.end() || established_.contains(epoch)) return;
  const bool established = IsQuorum([&](ServerId, const Server& server) {
    const HardState& durable = server.disk.durable().state;
    return durable.current == epoch && durable.accepted.epoch == epoch;
  });
  if (!established) return;
  established_.insert(epoch);
  if (committed_.epoch != epoch && !histories_.Contains(committed_, initial->second)) {
    return Violate("INV-16 leader completeness",
                   "epoch " + std::to_string(epoch) + " is established with " +
                       ToString(initial->second) + ", without the committed " +
                       ToString(committed_));
  }
  Committed(initial->second, "the initial history of epoch " + std::to_string(epoch));
}

}  // namespace zkq::testing
