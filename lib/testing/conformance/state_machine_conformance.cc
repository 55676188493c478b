#include <utility>

#include "lib/testing/conformance/claims.h"
#include "lib/testing/conformance/machine_run.h"
#include "lib/testing/conformance/spoiled_commands.h"
#include "zkq/testing/conformance.h"

namespace zkq::testing {
inline namespace v1 {
namespace {

// --- commands -------------------------------------------------------------------

void FreshMachine(const MachineScript& script, Trial* trial) {
  const std::unique_ptr<StateMachine> machine = script.factory();
  if (machine == nullptr) return trial->GiveUp(absl::InvalidArgumentError("there is no machine"));
  const absl::StatusOr<Zxid> applied = machine->Open();
  if (!trial->ExpectOk(applied.status(), "Open")) return;
  trial->Expect(*applied == Zxid{}, "Open says " + ToString(*applied));
}

void AllApplied(const MachineScript& script, Trial* trial) {
  MachineRun(script, trial).ApplyTo(script.size());
}

// Step by step, so that what machines share shows as well.
void SameReplies(const MachineScript& script, Trial* trial) {
  MachineRun one(script, trial), other(script, trial);
  for (size_t i = 1; i <= script.size(); ++i) {
    if (!one.ApplyTo(i) || !other.ApplyTo(i)) return;
  }
  one.RepliesLike(other);
}

void SameState(const MachineScript& script, Trial* trial) {
  MachineRun one(script, trial), other(script, trial);
  for (const size_t stop : script.Stops()) {
    if (!one.ApplyTo(stop) || !other.ApplyTo(stop) || !one.StateLike(other)) return;
  }
}

void OnlyClock(const MachineScript& script, Trial* trial) {
  MachineRun before(script, trial);
  if (!before.ApplyTo(script.size())) return;
  const std::optional<Records> wanted = before.Snapshot();
  if (script.let_time_pass != nullptr) script.let_time_pass();
  MachineRun after(script, trial);
  if (!wanted.has_value() || !after.ApplyTo(script.size())) return;
  after.RepliesLike(before);
  after.StateLike(*wanted);
}

void Fleeting(const MachineScript& script, Trial* trial) {
  MachineRun fleeting(script, trial), lasting(script, trial);
  if (!fleeting.ApplyFleetingTo(script.size()) || !lasting.ApplyTo(script.size())) return;
  fleeting.RepliesLike(lasting);
  fleeting.StateLike(lasting);
}

// Anybody who may call Propose decides what a command holds.
void AllAnswered(const MachineScript& script, Trial* trial) {
  MachineRun one(script, trial), other(script, trial);
  if (!one.ApplyTo(script.size()) || !other.ApplyTo(script.size())) return;
  std::vector<std::string> commands;
  for (const MachineStep& step : script.steps) commands.push_back(step.command);
  SpoiledCommands spoiled(std::move(commands), script.seed);
  while (const std::optional<std::string> command = spoiled.Next()) {
    const std::optional<std::string> reply = one.ApplyBeyond(*command);
    const std::optional<std::string> wanted = other.ApplyBeyond(*command);
    if (!reply || !wanted) return;
    if (!trial->ExpectEqual(*reply, *wanted, "the reply to " + Shown(*command))) return;
  }
  one.StateLike(other);
}

// --- snapshots ------------------------------------------------------------------

void SnapshotChangesNothing(const MachineScript& script, Trial* trial) {
  MachineRun taken(script, trial), untaken(script, trial);
  for (const size_t stop : script.Stops()) {
    if (!taken.ApplyTo(stop) || !untaken.ApplyTo(stop)) return;
    if (!taken.BeginSnapshot().has_value()) return;  // a job may never be run
    if (!taken.StateLike(taken)) return;
  }
  taken.RepliesLike(untaken);
  taken.StateLike(untaken);
}

void OfItsMoment(const MachineScript& script, Trial* trial) {
  for (const size_t stop : script.Stops()) {
    MachineRun at_once(script, trial), late(script, trial);
    if (!at_once.ApplyTo(stop) || !late.ApplyTo(stop)) return;
    const std::optional<Records> wanted = at_once.Snapshot();
    std::optional<SnapshotJob> job = late.BeginSnapshot();
    if (!wanted.has_value() || !job.has_value() || !late.ApplyTo(script.size())) return;
    const std::optional<Records> written = late.Write(*std::move(job));
    if (!written.has_value()) return;
    trial->Expect(*written == *wanted,
                  "written later it holds " + Shown(*written) + ", not " + Shown(*wanted));
  }
}

void CannotBeWritten(const MachineScript& script, Trial* trial) {
  MachineRun run(script, trial);
  if (!run.ApplyTo(script.size())) return;
  const std::optional<Records> whole = run.Snapshot();
  if (!whole.has_value() || whole->empty()) return;
  for (const size_t fail_at : {size_t{0}, whole->size() - 1}) {
    std::optional<SnapshotJob> job = run.BeginSnapshot();
    if (!job.has_value()) return;
    Records partial;
    trial->Expect(!WriteRecords(*job, fail_at, &partial).ok(),
                  "OK from a job whose record " + std::to_string(fail_at) + " was not written");
    run.StateLike(*whole);  // the next one is whole again
  }
}

// --- restores -------------------------------------------------------------------

// `run` has the state of step `stop`: from there on it is like `wanted`, which has
// run to the end.
bool GoesOnLike(MachineRun& run, MachineRun& wanted, const MachineScript& script) {
  return run.ApplyTo(script.size()) && run.RepliesLike(wanted) && run.StateLike(wanted);
}

void Empty(const MachineScript& script, Trial* trial) {
  MachineRun empty(script, trial), restored(script, trial);
  const std::optional<Records> records = empty.Snapshot();
  if (!records.has_value() || !restored.Restore(*records, 0)) return;
  if (!restored.StateLike(*records) || !empty.ApplyTo(script.size())) return;
  GoesOnLike(restored, empty, script);
}

void GoesOn(const MachineScript& script, Trial* trial) {
  MachineRun wanted(script, trial), run(script, trial);
  if (!wanted.ApplyTo(script.size())) return;
  for (const size_t stop : script.Stops()) {
    if (stop == 0) continue;  // a claim of its own
    MachineRun restored(script, trial);
    if (!run.ApplyTo(stop)) return;
    const std::optional<Records> records = run.Snapshot();
    if (!records.has_value() || !restored.Restore(*records, stop)) return;
    if (!restored.StateLike(*records) || !GoesOnLike(restored, wanted, script)) return;
  }
}

void Replaces(const MachineScript& script, Trial* trial) {
  MachineRun wanted(script, trial), run(script, trial), used(script, trial);
  if (!wanted.ApplyTo(script.size()) || !used.ApplyTo(script.size())) return;
  for (const size_t stop : script.Stops()) {
    if (!run.ApplyTo(stop)) return;
    const std::optional<Records> records = run.Snapshot();
    if (!records.has_value() || !used.Restore(*records, stop)) return;
    if (!used.StateLike(*records) || !GoesOnLike(used, wanted, script)) return;
  }
}

void CannotBeRead(const MachineScript& script, Trial* trial) {
  MachineRun run(script, trial);
  if (!run.ApplyTo(script.size())) return;
  const std::optional<Records> records = run.Snapshot();
  if (!records.has_value()) return;
  for (const size_t fail_at : {size_t{0}, records->size() / 2, records->size()}) {
    MachineRun(script, trial).RestoreFailing(*records, fail_at);
  }
}

// --- queries --------------------------------------------------------------------

void QueryChangesNothing(const MachineScript& script, Trial* trial) {
  MachineRun asked(script, trial), unasked(script, trial);
  for (const size_t stop : script.Stops()) {
    if (!asked.ApplyTo(stop) || !unasked.ApplyTo(stop)) return;
    const std::optional<Records> before = asked.Snapshot();
    asked.Answers();
    if (!before.has_value() || !asked.StateLike(*before)) return;
  }
  asked.RepliesLike(unasked);
  asked.StateLike(unasked);
}

void ExpectAnswers(const MachineScript& script, MachineRun& run,
                   const std::vector<std::string>& wanted, Trial* trial) {
  const std::vector<std::string> answers = run.Answers();
  for (size_t i = 0; i < answers.size(); ++i) {
    trial->ExpectEqual(answers[i], wanted[i], "the answer to " + Shown(script.queries[i]));
  }
}

void SameAnswers(const MachineScript& script, Trial* trial) {
  for (const size_t stop : script.Stops()) {
    MachineRun one(script, trial), other(script, trial), restored(script, trial);
    if (!one.ApplyTo(stop) || !other.ApplyTo(stop)) return;
    const std::vector<std::string> wanted = one.Answers();
    ExpectAnswers(script, one, wanted, trial);
    ExpectAnswers(script, other, wanted, trial);
    const std::optional<Records> records = one.Snapshot();
    if (!records.has_value() || !restored.Restore(*records, stop)) return;
    ExpectAnswers(script, restored, wanted, trial);
  }
}

using MachineCheck = void (*)(const MachineScript& script, Trial* trial);

const Claims<MachineCheck>& AllMachineClaims() {
  static const Claims<MachineCheck> claims = {
      {"a fresh machine has applied nothing", FreshMachine},
      {"every command is applied", AllApplied},
      {"the same transactions get the same replies", SameReplies},
      {"the same transactions leave the same state", SameState},
      {"leader_time is the only clock", OnlyClock},
      {"a command is not looked at after its Apply", Fleeting},
      {"whatever a command holds, Apply answers", AllAnswered},
      {"taking a snapshot changes nothing", SnapshotChangesNothing},
      {"a snapshot is of its moment, whenever it is written", OfItsMoment},
      {"a snapshot that cannot be written is reported", CannotBeWritten},
      {"an empty machine is snapshotted and restored", Empty},
      {"a restored machine goes on as the one that never stopped", GoesOn},
      {"a restore replaces whatever was there", Replaces},
      {"a snapshot that cannot be read is reported", CannotBeRead},
      {"a query changes nothing", QueryChangesNothing},
      {"the same state gives the same answers", SameAnswers},
  };
  return claims;
}

}  // namespace

absl::Status RunStateMachineConformance(const StateMachineFactory& factory,
                                        const StateMachineOptions& options,
                                        std::string_view claim) {
  absl::StatusOr<MachineScript> script = WriteScript(factory, options);
  if (!script.ok()) return script.status();
  return TryClaims(AllMachineClaims(), claim,
                   [&](MachineCheck check, Trial* trial) { check(*script, trial); });
}

std::vector<std::string> StateMachineClaims() { return NamesOf(AllMachineClaims()); }

}  // namespace v1
}  // namespace zkq::testing
