// CallTable: the calls of this replica's user that are not answered yet.
//
// A call is known by its tag. It leaves the table once, with its result, as a
// Completion: by being finished, failed, expired, or by the table's end; who
// comes second finds nothing. So every callback is called exactly once, whatever
// the order in which an answer, a deadline and a shutdown come.
//
// The table also tells what a failed call's outcome is. A write that waits to be
// taken has surely not happened; one that was taken may have, until its answer
// says more.
//
// Thread-safe. Calls nothing of the user's.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "zkq/message.h"
#include "zkq/replica.h"

namespace zkq::runtime {

// Who is told the result.
struct Caller {
  absl::AnyInvocable<void(absl::StatusOr<Reply>) &&> done;
  // `done` is zkq's own, for a blocking form: quick, and run wherever the result
  // is made.
  bool waits = false;
};

struct Completion {
  Caller caller;
  absl::StatusOr<Reply> result;
  size_t bytes = 0;  // outstanding until the callback runs
};
using Completions = std::vector<Completion>;

class CallTable {
 public:
  enum class Kind {
    kWrite,      // to be taken for the protocol
    kIndexRead,  // to be taken for the protocol, then answered
    kRead,       // answered as soon as the state is new enough
    kSnapshot,
  };
  // What a failed call's status is made of.
  using Why = absl::FunctionRef<absl::Status(bool sent)>;

  // What a call counts for besides its text.
  static constexpr size_t kCallBytes = 256;

  explicit CallTable(size_t outstanding_bytes_max)
      : outstanding_bytes_max_(outstanding_bytes_max) {}

  enum class Verdict { kAdded, kOverloaded, kClosed };
  struct Added {
    Verdict verdict = Verdict::kAdded;
    uint64_t tag = 0;
  };
  // Takes on a call, unless its bytes exceed what is left of the bound. `caller`
  // is moved from only when it was added. `deadline` is by the monotonic clock.
  Added Add(Kind kind, std::string text, absl::Duration deadline, Caller* caller);

  // The calls that wait for the protocol, in the order they were made. From here
  // on a write's outcome is unknown.
  struct Taken {
    std::vector<Call> writes = {};
    std::vector<uint64_t> reads = {};
  };
  Taken Take();
  // The request of a read that still waits; to be finished later.
  std::optional<std::string> TakeRequest(uint64_t tag);
  bool Waits(uint64_t tag) const;

  void Finish(uint64_t tag, absl::StatusOr<Reply> result, Completions* out);
  void Fail(std::span<const uint64_t> tags, Why why, Completions* out);
  // Fails the writes up to `last` that were taken: nobody can tell their fate.
  void FailTaken(uint64_t last, Why why, Completions* out);
  void Expire(absl::Duration now, Why why, Completions* out);
  // The end: fails what is there, and takes nothing on any more.
  void Close(Why why, Completions* out);

  uint64_t last_tag() const;  // given so far
  // The earliest deadline; infinite if there is none.
  absl::Duration NextDeadline() const;
  size_t waiting() const;
  size_t outstanding_bytes() const;
  // A callback is about to run: its call's bytes are free again.
  void Release(size_t bytes);

 private:
  struct Entry {
    Kind kind = Kind::kWrite;
    bool taken = false;
    size_t bytes = 0;
    Caller caller;
    std::string request;  // of a read
  };
  using Entries = std::map<uint64_t, Entry>;
  struct Deadline {
    absl::Duration when;
    uint64_t tag;
    bool operator>(const Deadline& other) const { return when > other.when; }
  };

  // All with the lock held.
  Entry* Find(uint64_t tag);
  void End(Entries::iterator at, absl::StatusOr<Reply> result, Completions* out);
  void FailOne(uint64_t tag, Why why, Completions* out);
  void AddDeadline(absl::Duration when, uint64_t tag);

  const size_t outstanding_bytes_max_;
  mutable std::mutex mutex_;
  Entries entries_;  // bounded, with what waits below, by outstanding_bytes_max_
  std::vector<Call> writes_;
  std::vector<uint64_t> reads_;
  // A heap, earliest first. Calls that have ended stay in it until their deadline
  // or until they are the greater part of it.
  std::vector<Deadline> deadlines_;
  uint64_t last_tag_ = 0;
  size_t bytes_ = 0;
  bool closed_ = false;
};

}  // namespace zkq::runtime
