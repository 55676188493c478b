// One simulated run: an ensemble, clients, a nemesis, and in the end judgement.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "zkq/testing/nemesis.h"
#include "zkq/testing/sim_observer.h"

namespace zkq::sim {

using testing::Fault;
using testing::Profile;
using testing::Violation;

struct RunOptions {
  uint64_t seed = 1;
  Profile profile = Profile::kEverything;
  int servers = 3;
  absl::Duration length = absl::Seconds(60);  // under faults; what comes after is not counted
  std::string state_machine = "kv";
  size_t trace_lines = 0;  // the last events to be kept
  // Only these strikes of the plan, by number; none: all.
  std::optional<std::vector<size_t>> strikes = {};
};

// What a fault or a loss has hit: how often.
struct Coverage {
  static constexpr size_t kStates = 4;  // PeerState
  static constexpr size_t kPhases = 4;  // ZabPhase
  // How messages fared.
  enum Fate { kSent, kLost, kSenderCrashed, kReceiverCrashed, kDelayed, kOvertaken, kFates };
  static constexpr size_t kKinds = testing::kMessageKinds;

  // What a change of the configuration asks for. One that asks for several counts for each.
  enum Edit {
    kAddVoter,
    kAddObserver,
    kRemoveVoter,
    kRemoveObserver,
    kPromote,
    kDemote,
    kMove,
    kWeigh,
    kGroup,
    kPrefer,
    kPresent,  // the disk that is there, or a certain one, in place of the listed one
    kName,
    kSeveral,
    kNothing,
    kUnknown,  // nobody was seen to have what it was made from
    kEdits
  };
  static constexpr size_t kCodes = 17;  // absl::StatusCode, of the answer

  std::array<std::array<std::array<uint64_t, kPhases>, kStates>, testing::kFaults> faults = {};
  std::array<std::array<uint64_t, kCodes>, kEdits> changes = {};
  std::array<std::array<uint64_t, kFates>, kKinds> messages = {};

  void Add(const Coverage& other);
};

struct RunResult {
  std::optional<Violation> violation = {};
  bool undecided = false;  // too many calls at once to tell whether their history is linearizable
  uint64_t steps = 0;
  uint64_t trace_hash = 0;
  uint64_t calls = 0;
  bool left_out = false;  // all whom a change had left out were stopped, and LIV-5 was judged
  size_t strikes = 0;     // planned
  absl::Duration simulated = absl::ZeroDuration();  // with what came after
  Coverage coverage = {};
  std::vector<std::string> trace = {};
};
RunResult Run(const RunOptions& options);

}  // namespace zkq::sim
