// What the claims of the state machines' conformance suite share: a script of
// transactions, machines that run it, and snapshots kept in memory.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/testing/conformance/claims.h"
#include "zkq/testing/conformance.h"

namespace zkq::testing {

using Records = std::vector<std::string>;  // of one snapshot

struct MachineStep {
  Zxid zxid = {};
  absl::Time leader_time = absl::UnixEpoch();
  std::string command = {};
};

// What every machine of a suite is given.
struct MachineScript {
  StateMachineFactory factory = nullptr;
  std::vector<MachineStep> steps = {};
  std::vector<std::string> queries = {};
  std::function<void()> let_time_pass = nullptr;
  uint64_t seed = 1;

  size_t size() const { return steps.size(); }
  // Numbers of steps to stop at: none, few, more, all.
  std::vector<size_t> Stops() const;
};
// kInvalidArgument: there are no commands.
absl::StatusOr<MachineScript> WriteScript(const StateMachineFactory& factory,
                                          const StateMachineOptions& options);

inline constexpr size_t kNever = ~size_t{0};

// Runs `job`; the writer fails from record number `fail_at` on (from 0).
absl::Status WriteRecords(SnapshotJob& job, size_t fail_at, Records* records);

// One machine on its way through the script. What must succeed is expected to.
class MachineRun {
 public:
  MachineRun(const MachineScript& script, Trial* trial);

  // Null if the factory made none; then the trial is over.
  StateMachine* machine() { return machine_.get(); }

  // Applies the script up to step `end`. False when one fails.
  bool ApplyTo(size_t end);
  // The same, with each command gone after its call.
  bool ApplyFleetingTo(size_t end);
  // Applies a command that is not in the script, once the script is through. Nothing
  // when it fails.
  std::optional<std::string> ApplyBeyond(std::string_view command);
  // Takes a snapshot and writes it at once.
  std::optional<Records> Snapshot();
  // Only captures it.
  std::optional<SnapshotJob> BeginSnapshot();
  std::optional<Records> Write(SnapshotJob job);
  // `records` are of a machine at step `at`; this one goes on from there.
  bool Restore(const Records& records, size_t at);
  // The reader fails instead of giving record `fail_at`: expects that to be reported, if
  // that record is asked for. The state after it may be anything.
  void RestoreFailing(const Records& records, size_t fail_at);
  std::vector<std::string> Answers();

  size_t at() const { return at_; }
  // Expects the replies that both have got to be the same, and the states.
  bool RepliesLike(const MachineRun& other);
  bool StateLike(const Records& wanted);
  bool StateLike(MachineRun& other);

 private:
  bool ApplyNext(std::string_view command);

  const MachineScript& script_;
  Trial& trial_;
  std::string fleeting_;  // a command during its call
  std::unique_ptr<StateMachine> machine_;
  size_t at_ = 0;
  Zxid beyond_ = {};  // of the last command that was not in the script
  std::vector<std::optional<std::string>> replies_;  // by step; none: not applied here
};

}  // namespace zkq::testing
