#include "lib/testing/cluster/convergence.h"

#include <algorithm>
#include <utility>

#include "lib/testing/cluster/sim_calls.h"

namespace zkq::testing {

void Convergence::Check(absl::Duration limit) {
  run_.Heal();
  PointNames();
  if (!AwaitHeldUp(limit) || !StartEverybody()) return;
  const absl::Duration patience = places_.Patience();  // of the options that they have now
  Settle(patience);
  // A change that had been asked for may have been proposed before its leader heard of a disk
  // that was lost.
  PutDisksBack();
  if (!AwaitSynced(limit, patience)) return;
  // A change may make another lead, or ask a learner to come again as another.
  if (AwaitChanges(limit)) {
    Settle(patience);
    if (!AwaitSynced(limit, patience)) return;
  }
  AwaitStable(patience);
}

// What was begun before may still take its time, and fail.
bool Convergence::AwaitHeldUp(absl::Duration limit) {
  const absl::Duration begins_by = shared_.scheduler->now() + limit;
  for (const ServerId place : places_.all()) {
    const absl::Duration held_up = places_.at(place).excuses.blocked_until();
    run_.For(std::min(held_up, begins_by) - shared_.scheduler->now());
    if (held_up <= begins_by || judges_.violation()) continue;
    judges_.Report("LIV-2 re-admission",
                   "server " + ToString(place) +
                       " is held up in a call of its disk or state machine for " +
                       absl::FormatDuration(held_up - shared_.scheduler->now()) + " more");
    return false;
  }
  return true;
}

void Convergence::PutDisksBack() {
  if (judges_.invariants().QuorumsAreThere()) return;
  for (const auto& [place, server] : places_.servers()) {
    const std::optional<uint64_t> listed = judges_.invariants().ListedDisk(place);
    if (!listed || *listed == server->disk.present()) continue;
    if (server->process.up()) server->process.Crash(CrashMode::kProcess);
    if (!server->process.there()) (void)server->disk.Insert(*listed);  // it has had that one
    (void)server->process.Start();  // what fails is told of who is not synced
  }
}

bool Convergence::StartEverybody() {
  run_.AfterStep();  // who has just died is buried, and started with the others
  PutDisksBack();
  for (const auto& [place, server] : places_.servers()) {
    ServerProcess& process = server->process;
    if (process.up() && process.replica().Status().halted) process.Crash(CrashMode::kProcess);
    const absl::Status started = process.Start();
    if (started.ok() || !healthy_.contains(place)) continue;
    judges_.Report("LIV-3 no restart trap",
                   "server " + ToString(place) + " does not start: " + started.ToString());
    return false;
  }
  return true;
}

// Healing breaks links, too, and that is heard of later; and a path that has changed meanwhile is
// known only by its silence.
void Convergence::Settle(absl::Duration patience) {
  run_.For(std::max(absl::Seconds(1), patience + absl::Milliseconds(10)));
}

bool Convergence::AwaitSynced(absl::Duration limit, absl::Duration patience) {
  constexpr absl::Duration kLook = absl::Milliseconds(10);
  // A few attempts; with the limits as shipped and a healthy network one takes no second.
  const absl::Duration elects = 2 * patience + absl::Seconds(3);
  const absl::Duration deadline = shared_.scheduler->now() + limit;
  const absl::Duration led_by = shared_.scheduler->now() + std::min(limit, elects);
  bool led = false;
  while (!judges_.violation()) {
    PointNames();
    const Statuses statuses = places_.StatusesOfAll();
    const std::optional<Violation> missing = CheckSynced(statuses, Judged());
    if (!missing) return true;
    led = led || LeaderOf(statuses).has_value();
    if (shared_.scheduler->now() >= (led ? deadline : led_by)) {
      judges_.Report(missing->property, missing->what + "\n" + places_.Describe());
    } else {
      run_.For(kLook);
    }
  }
  return false;
}

bool Convergence::AwaitChanges(absl::Duration limit) {
  if (shared_.calls->open_changes() == 0) return false;
  run_.Until([&] { return shared_.calls->open_changes() == 0; }, limit);
  return true;
}

// There must be no other leader: silence would have been noticed by then.
void Convergence::AwaitStable(absl::Duration patience) {
  const Statuses calm = places_.StatusesOfAll();
  const std::set<ServerId> judged = Judged();
  // Also for a server that is not waited for, and has promised too much.
  const bool renews = shared_.options->epoch_transactions != 0 || others_;
  std::optional<Violation> change;
  const std::optional<ServerId> leader = LeaderOf(calm);
  uint64_t seen = run_.news();
  const auto changed = [&] {
    // Copies of all statuses after every step would be a tenth of the run.
    const bool nothing_new = std::exchange(seen, run_.news()) == run_.news();
    if (nothing_new && leader && places_.at(*leader).process.up()) return false;
    change = CheckStable(calm, places_.StatusesOfAll(), judged, renews);
    return change.has_value();
  };
  if (run_.Until(changed, patience + absl::Seconds(2)))
    judges_.Report(change->property, change->what);
}

// Of a name that two machines have the operator takes care.
void Convergence::PointNames() {
  for (const ServerId place : places_.all()) {
    if (!IsTwin(place)) continue;
    shared_.network->PointName(SeatOf(place), judges_.HasItsId(place) ? place : SeatOf(place));
  }
}

// Those whom the others hold links with.
std::set<ServerId> Convergence::Judged() const {
  std::set<ServerId> judged = healthy_;
  std::erase_if(judged, [this](ServerId place) { return !judges_.HasItsId(place); });
  return judged;
}

}  // namespace zkq::testing
