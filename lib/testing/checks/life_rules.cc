#include "lib/testing/checks/life_rules.h"

#include <algorithm>

namespace zkq::testing {

void LifeRules::OnStarting(ServerId sid) {
  Ledger::Server& server = ledger_.at(sid);
  server.fresh = true;
  server.log_changed = false;
  server.applied.reset();
  server.machine = false;
  server.told_committed = server.disk.written().hint;
  server.told_up_to_date = 0;
  server.status.reset();
}

void LifeRules::OnStarted(ServerId sid, const absl::Status& status) {
  Ledger::Server& server = ledger_.at(sid);
  if (!status.ok() && !server.excused && !server.damaged) {
    ledger_.Violate("LIV-3 no restart trap",
                    "server " + ToString(sid) + " does not start: " + status.ToString());
  }
  if (status.ok()) server.excused = false;
}

void LifeRules::OnCrashed(ServerId sid, const MemoryFileSystem& disk) {
  Ledger::Server& server = ledger_.at(sid);
  const Epoch before = server.disk.durable().state.current;
  server.disk.OnCrash(disk);
  server.took.erase(server.took.upper_bound(server.disk.written().state.current),
                    server.took.end());
  const Epoch after = server.disk.durable().state.current;
  if (after != before) commits_.SawDurable(after);
}

void LifeRules::OnWiped(ServerId sid) {
  Ledger::Server& server = ledger_.at(sid);
  const bool founded = std::any_of(
      ledger_.servers.begin(), ledger_.servers.end(),
      [](const auto& one) { return one.second.disk.written().state.ensemble != EnsembleId{}; });
  // Before that nobody has promised anything on it.
  if (founded) return ledger_.Replace(sid);
  server = {};
}

// A server that has halted meanwhile stays excused.
void LifeRules::OnExcuseEnds(ServerId sid) {
  Ledger::Server& server = ledger_.at(sid);
  if (server.status && !server.status->halted) server.excused = false;
}

void LifeRules::OnDamaged(ServerId sid) {
  Ledger::Server& server = ledger_.at(sid);
  if (!server.lost) server.had = server.disk.durable().last;
  server.lost = server.damaged = server.tainted = true;
}

}  // namespace zkq::testing
