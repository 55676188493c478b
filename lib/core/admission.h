// Admission: which calls a leader takes, and the numbers that it gives them
// (PROTOCOL §8.2 B5, §9.5).
//
// A call is admitted if there is room for it. Admission counts it as outstanding
// from then on until it is committed, or dropped with its session. An admitted call
// is proposed at once, and numbered by that; while admission is paused it waits.
// What has to be done between two transactions is done so: pause admission, wait
// until it is drained, resume it.
//
// Sends nothing: Leading proposes, and tells who is refused.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "lib/base/checks.h"
#include "lib/core/requests.h"
#include "zkq/message.h"

namespace zkq::core {

class Admission {
 public:
  // Calls that came together, in their order.
  struct Submission {
    std::optional<LinkId> asker = {};  // none: this replica's own
    Origin origin = {};                // without a call
    std::vector<Call> calls = {};
  };
  enum class Pause {
    kRenewal,  // of the epoch
  };

  struct Options {
    size_t command_bytes_max = 0;
    size_t outstanding_bytes_max = 0;
  };
  Admission(const Options& options, Invariants* invariants)
      : options_(options), invariants_(invariants) {}

  struct Verdict {
    Submission admitted = {};
    std::map<RejectReason, std::vector<uint64_t>> refused = {};  // tags
  };
  Verdict Judge(Submission submission);

  // What this leader itself has to propose comes in whatever the bounds say.
  void Admit(const Call& call) { bytes_ += CostOf(call); }

  // --- what is admitted --------------------------------------------------------
  // From now on proposals are of this epoch, and counted from 1 on.
  void BeginEpoch(Epoch epoch);
  // The zxid of an admitted call that is proposed now.
  Zxid Number(const Call& call);
  // The last counter that was given in this epoch.
  uint32_t counter() const { return counter_; }
  // What is proposed up to here is committed.
  void Committed(Zxid through);
  // Everything proposed is committed.
  bool drained() const { return outstanding_.empty(); }

  // --- pauses --------------------------------------------------------------------
  void PauseFor(Pause reason) { paused_for_ = reason; }
  const std::optional<Pause>& paused_for() const { return paused_for_; }
  // Keeps what was admitted during a pause.
  void Wait(Submission admitted) { waiting_.push_back(std::move(admitted)); }
  // Ends the pause. Returns what has waited, in its order; it is still admitted.
  std::vector<Submission> Resume();
  // The session of `asker` has ended: none of its calls that wait may come into the
  // history later, for it is decided there without them (PROTOCOL §8.5).
  void Drop(const LinkId& asker);
  // So have all sessions, by a renewal.
  void DropAll();

 private:
  struct Outstanding {
    Zxid zxid{};
    size_t bytes = 0;
  };
  std::optional<RejectReason> Objection(const Call& call, size_t admitted) const;
  void GiveBack(size_t bytes);
  Invariants& invariants() { return *invariants_; }

  const Options options_;
  Invariants* const invariants_;
  Epoch epoch_ = 0;
  uint32_t counter_ = 0;
  std::deque<Outstanding> outstanding_;  // proposed, not committed
  std::vector<Submission> waiting_;
  size_t bytes_ = 0;  // of both; bounded by outstanding_bytes_max
  std::optional<Pause> paused_for_;
};

}  // namespace zkq::core
