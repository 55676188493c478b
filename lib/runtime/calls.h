// Calls: what this replica's user has asked for, until each caller is told.
//
//   Add ──► pending, by tag ──► done: it has its result ──► told: its callback runs
//
// A call leaves `pending` once, whoever comes first: its result, a refusal, its deadline,
// a halt or the end; who comes second finds nothing. All of it is one state under one
// lock, so a call is always in one of the three, and each callback is called exactly once.
//
// Callbacks run on the callback strand, one at a time, in the order their calls were done.
// Blocking forms are told at once, on the strand that has the result.
//
// A call that fails is told what may have become of it (Fate): a write that waits to be
// taken has surely not happened; one that was taken may have, until its answer says more,
// or until it is put back: then it waits to be taken once more, before newer ones.
//
// Thread-safe. Never calls the user's code but on the callback strand, and at the end.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/core/requests.h"
#include "lib/runtime/deadlines.h"
#include "lib/runtime/errors.h"
#include "lib/runtime/halter.h"
#include "lib/runtime/inbox.h"
#include "lib/runtime/tag_ring.h"
#include "zkq/message.h"
#include "zkq/replica.h"

namespace zkq::runtime {

// Who is told the result.
struct Caller {
  absl::AnyInvocable<void(absl::StatusOr<Reply>) &&> done;  // null: nobody wants to know
  // `done` is a blocking form's own: quick, calls nobody, and is run wherever the result
  // is made.
  bool waits = false;
};

class Calls {
 public:
  enum class Kind {
    kWrite,      // to be taken for the protocol
    kIndexRead,  // to be taken for the protocol, then answered
    kRead,       // answered as soon as the state is new enough
    kSnapshot,
    kChange,  // of the configuration: goes to the protocol by itself, outside the order of writes
  };
  // Makes the status that a failed call is told.
  using Why = absl::AnyInvocable<absl::Status(Fate) const>;
  struct Result {
    uint64_t tag = 0;
    absl::StatusOr<Reply> reply;
  };

  // What a call counts for besides its text, so that empty calls are bounded too.
  static constexpr size_t kCallBytes = core::kCallBytes;

  // `waiters` is the executor that blocking forms, and Shutdown, wait on.
  Calls(Strand* callbacks, Executor* waiters, Halter* halter, size_t outstanding_bytes_max);

  // --- taking calls on -------------------------------------------------------------
  enum class Verdict { kAdded, kOverloaded, kClosed };
  struct Added {
    Verdict verdict = Verdict::kAdded;
    uint64_t tag = 0;
    bool first = false;  // to be taken since the last Take: the protocol must be woken
  };
  // Takes on a call, unless its bytes exceed what is left of the bound. `caller`
  // is moved from only when it was added. `deadline` is by the monotonic clock.
  Added Add(Kind kind, std::string text, absl::Duration deadline, Caller* caller);
  // Tells `caller`, who was not taken on, as if its call had failed. Such calls count
  // nothing: their number is the callers' own pace. After End it is told inside this call,
  // that the replica is shut down.
  void Refuse(absl::Status why, Caller caller);

  // --- pending -------------------------------------------------------------------------
  // The calls that wait for the protocol, in the order they were made. From here
  // on a write's outcome is unknown. `room`: for so many bytes of writes, or one write; 0: for
  // none. The others wait here, where their deadline ends them as what has not happened.
  struct Taken {
    std::vector<Call> writes = {};
    std::vector<uint64_t> reads = {};
  };
  Taken Take(size_t room);
  // These that were taken have not happened, and wait to be taken again. Those whose callers have
  // been told meanwhile never are. `sent`: to a leader, which has lost them.
  void PutBack(const std::vector<uint64_t>& tags, bool sent);
  // The request of a read that still waits; to be finished later.
  std::optional<std::string> TakeRequest(uint64_t tag);
  bool Waits(uint64_t tag) const;
  uint64_t takes() const;  // the number of the latest Take
  // The earliest deadline; infinite if there is none.
  absl::Duration NextDeadline();
  size_t waiting() const;

  // --- done ------------------------------------------------------------------------------
  void Finish(std::vector<Result> results);
  void Fail(std::vector<uint64_t> tags, Why why);
  // Fails the writes that were taken up to the Take of this number, and not put back since:
  // nobody can tell their fate.
  void FailTaken(uint64_t take, Why why);
  void Expire(absl::Duration now, Why why);
  // Fails what is pending, and takes nothing on any more.
  void Close(Why why);

  // --- told ------------------------------------------------------------------------------
  size_t outstanding_bytes() const { return bytes_; }  // until the callback is called
  // The end, once the callback strand is closed: runs what is still queued on this thread,
  // whatever the strand is stuck in. No callback begins after it, but inside Refuse.
  void End();
  bool ended() const;

 private:
  struct Pending {
    Kind kind = Kind::kWrite;
    uint64_t taken = 0;   // by the Take of this number; 0: it waits to be
    bool absent = false;  // it was sent before, and has not happened
    size_t bytes = 0;
    Caller caller;
    std::string request;  // of a read
    Call write;           // kept, for it may be taken again

    Fate fate() const {
      if (kind == Kind::kChange) return Fate::kSent;
      if (kind != Kind::kWrite) return Fate::kNothing;
      if (taken != 0) return Fate::kSent;
      return absent ? Fate::kAbsent : Fate::kNotSent;
    }
  };
  struct Completion {
    Caller caller;
    absl::StatusOr<Reply> result;
    size_t bytes = 0;  // outstanding until the callback is called
  };
  struct State {
    TagRing<Pending> pending = {};  // bounded, with all that follows, by outstanding_bytes_max
    Deadlines deadlines = {};
    uint64_t next_write = 1;  // none below it waits to be taken
    uint64_t takes = 0;
    std::vector<uint64_t> reads = {};  // to be taken
    bool take_follows = false;         // after the latest of these: who takes has been woken
    std::deque<Completion> done = {};
    std::vector<Completion> awaited = {};  // of blocking forms: told as soon as the lock is free
    bool closed = false;
    bool ended = false;

    bool Waits(uint64_t tag) const { return pending.Find(tag) != nullptr; }
    // Of those that wait to be taken, which next_write becomes; null: none does.
    Pending* FirstWrite();
  };
  // Changes the state by what ends calls, tells those who wait, and has the rest told.
  template <typename Fn>
  void Settle(Fn settle);
  // With the lock held.
  void Done(State* state, uint64_t tag, absl::StatusOr<Reply> result);
  void FailOne(State* state, uint64_t tag, const Why& why);

  Halter& invariants() { return halter_; }
  void Tell();
  void TellNext();
  void Run(Completion completion);
  void Release(size_t bytes);

  Strand& strand_;
  Executor& waiters_;
  Halter& halter_;
  const size_t outstanding_bytes_max_;
  std::atomic<size_t> bytes_{0};
  Inbox<State> inbox_;
};

}  // namespace zkq::runtime
