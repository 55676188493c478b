// Is a history of calls linearizable? (Herlihy and Wing 1990; the search is Wing and
// Gong's with Lowe's memory of what was tried, "Testing for linearizability", 2017.)
//
// A history is what clients saw: who called when, when it returned, and with what.
// It is linearizable if every call can be given one instant between its two ends so
// that a single object, given the calls in that order, would have answered the same.
// Keys are objects of their own and are judged one by one.
//
//   const Verdict verdict = CheckLinearizable(history, RegisterModel());
//   if (!verdict.ok()) std::cout << verdict.counter_example;
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "zkq/types.h"

namespace zkq::testing {
inline namespace v1 {

struct Operation {
  std::string key = {};
  absl::Duration called = absl::ZeroDuration();
  // Infinite: nobody knows whether it happened. It may take effect at any time after
  // the call, or never. A call that is known not to have happened is left out.
  absl::Duration returned = absl::InfiniteDuration();
  std::string input = {};
  std::optional<std::string> output = {};  // none: unknown
  uint64_t client = 0;                     // for people
};

// What a single object of this kind does.
class ZKQ_EXPORT SequentialModel {
 public:
  virtual ~SequentialModel() = default;
  virtual std::string Initial() const = 0;
  // Performs `operation` on `*state`; false, with the state as it may be, if it
  // cannot have answered what it did. Any answer will do when it is unknown.
  virtual bool Step(const Operation& operation, std::string* state) const = 0;
  // Whether `kept` could have answered what it did because `other` took effect, or did
  // not. Only for short counter-examples: true when in doubt.
  virtual bool MayExplain(const Operation& /*other*/, const Operation& /*kept*/) const {
    return true;
  }
};

// A value, or none; a value is one word. "put V" answers "", "get" answers "=V" or "-", "del"
// answers "1" or "0", "cas OLD NEW" answers "1" if the value was OLD, else "0".
class ZKQ_EXPORT RegisterModel final : public SequentialModel {
 public:
  std::string Initial() const override;
  bool Step(const Operation& operation, std::string* state) const override;
  bool MayExplain(const Operation& other, const Operation& kept) const override;
};

// First in, first out; a value is one word without a "=". "enq V" answers "", "deq" answers "=V",
// or "-" if it is empty.
class ZKQ_EXPORT QueueModel final : public SequentialModel {
 public:
  std::string Initial() const override;
  bool Step(const Operation& operation, std::string* state) const override;
};

struct Verdict {
  enum class Kind { kLinearizable, kNotLinearizable, kUndecided };
  Kind kind = Kind::kLinearizable;
  // Not linearizable: the key, and the fewest calls found that cannot be put in order
  // whatever the others did, a line each. Undecided: the key.
  std::string counter_example = {};
  bool ok() const { return kind == Kind::kLinearizable; }
};

// `states_max` bounds the search of one key; beyond it the verdict is kUndecided,
// never a wrong one.
ZKQ_EXPORT Verdict CheckLinearizable(const std::vector<Operation>& history,
                                     const SequentialModel& model, uint64_t states_max = 1'000'000);

}  // namespace v1
}  // namespace zkq::testing
