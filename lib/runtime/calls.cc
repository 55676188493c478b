#include "lib/runtime/calls.h"

#include <algorithm>
#include <utility>

#include "lib/base/checks.h"
#include "zkq/wire.h"

namespace zkq::runtime {
Calls::Calls(Strand* callbacks, Executor* waiters, Halter* halter, size_t outstanding_bytes_max)
    : strand_(*callbacks),
      waiters_(*waiters),
      halter_(*halter),
      outstanding_bytes_max_(outstanding_bytes_max),
      inbox_(callbacks, [this] { Tell(); }) {}

// --- taking calls on ---------------------------------------------------------------

Calls::Added Calls::Add(Kind kind, std::string text, absl::Duration deadline, Caller* caller) {
  const size_t bytes = text.size() + kCallBytes;
  Call write;
  if (kind == Kind::kWrite) write = MakeCall(0, Payload(std::exchange(text, {})));
  const bool to_take = kind == Kind::kWrite || kind == Kind::kIndexRead;
  return inbox_.With([&](State& state) -> Added {
    if (state.closed) return {Verdict::kClosed};
    if (bytes_ + bytes > outstanding_bytes_max_) return {Verdict::kOverloaded};
    bytes_ += bytes;
    Added added{.first = to_take && !std::exchange(state.take_follows, true)};
    added.tag = state.pending.Add({.kind = kind,
                                   .taken = 0,
                                   .absent = false,
                                   .bytes = bytes,
                                   .caller = std::move(*caller),
                                   .request = std::move(text),
                                   .write = std::move(write)});
    if (kind == Kind::kIndexRead) state.reads.push_back(added.tag);
    state.deadlines.Add(deadline, added.tag, state.pending.size(),
                        [&](uint64_t tag) { return state.Waits(tag); });
    return added;
  });
}

void Calls::Refuse(absl::Status why, Caller caller) {
  Completion refusal{.caller = std::move(caller), .result = std::move(why)};
  const bool here = inbox_.With([&](State& state) {
    if (state.ended) refusal.result = ShutDown();
    if (state.ended || refusal.caller.waits) return true;
    state.done.push_back(std::move(refusal));
    return false;
  });
  if (here) return Run(std::move(refusal));
  inbox_.Change([](State&) {});
}

// --- pending -------------------------------------------------------------------------

Calls::Taken Calls::Take(size_t room) {
  return inbox_.With([room](State& state) mutable {
    state.take_follows = false;
    ++state.takes;
    Taken taken{.reads = std::exchange(state.reads, {})};
    std::erase_if(taken.reads, [&](uint64_t tag) { return !state.Waits(tag); });
    while (room > 0) {
      Pending* const next = state.FirstWrite();
      if (next == nullptr || (next->bytes > room && !taken.writes.empty())) break;
      room -= std::min(room, next->bytes);
      next->taken = state.takes;
      taken.writes.push_back(next->write);
      taken.writes.back().tag = state.next_write++;
    }
    return taken;
  });
}

// A write that has expired is pending no more, so it is never proposed: its caller was told
// that it did not happen.
Calls::Pending* Calls::State::FirstWrite() {
  for (uint64_t tag = pending.Next(next_write); tag != 0; tag = pending.Next(tag + 1)) {
    next_write = tag;
    Pending* const one = pending.Find(tag);
    if (one->kind == Kind::kWrite && one->taken == 0) return one;
  }
  next_write = pending.last_tag() + 1;
  return nullptr;
}

void Calls::PutBack(const std::vector<uint64_t>& tags, bool sent) {
  inbox_.With([&](State& state) {
    for (const uint64_t tag : tags) {
      Pending* const one = state.pending.Find(tag);
      if (one == nullptr) continue;
      one->taken = 0;
      one->absent = one->absent || sent;
      state.next_write = std::min(state.next_write, tag);
    }
  });
}

std::optional<std::string> Calls::TakeRequest(uint64_t tag) {
  return inbox_.With([tag](State& state) -> std::optional<std::string> {
    Pending* const pending = state.pending.Find(tag);
    if (pending == nullptr) return std::nullopt;
    return std::move(pending->request);
  });
}

bool Calls::Waits(uint64_t tag) const {
  return inbox_.With([tag](const State& state) { return state.Waits(tag); });
}

uint64_t Calls::takes() const {
  return inbox_.With([](const State& state) { return state.takes; });
}

absl::Duration Calls::NextDeadline() {
  return inbox_.With([](State& state) {
    return state.deadlines.Next([&](uint64_t tag) { return state.Waits(tag); });
  });
}

size_t Calls::waiting() const {
  return inbox_.With([](const State& state) { return state.pending.size(); });
}

// --- done ------------------------------------------------------------------------------

template <typename Fn>
void Calls::Settle(Fn settle) {
  strand_.InTime([this, settle = std::move(settle)]() mutable {
    std::vector<Completion> awaited;
    inbox_.Change([&](State& state) {
      settle(state);
      awaited.swap(state.awaited);
      return !state.done.empty();
    });
    for (Completion& one : awaited) Run(std::move(one));
    waiters_.Wake();
  });
}

void Calls::Finish(std::vector<Result> results) {
  Settle([this, results = std::move(results)](State& state) mutable {
    for (Result& result : results) Done(&state, result.tag, std::move(result.reply));
  });
}

void Calls::Fail(std::vector<uint64_t> tags, Why why) {
  Settle([this, tags = std::move(tags), why = std::move(why)](State& state) {
    for (const uint64_t tag : tags) FailOne(&state, tag, why);
  });
}

void Calls::FailTaken(uint64_t take, Why why) {
  Settle([this, take, why = std::move(why)](State& state) {
    for (const uint64_t tag : state.pending.Tags()) {
      const Pending* const pending = state.pending.Find(tag);
      if (pending->fate() == Fate::kSent && pending->taken <= take) FailOne(&state, tag, why);
    }
  });
}

void Calls::Expire(absl::Duration now, Why why) {
  if (NextDeadline() > now) return;
  Settle([this, now, why = std::move(why)](State& state) {
    while (const uint64_t tag = state.deadlines.TakeDue(now)) FailOne(&state, tag, why);
  });
}

void Calls::Close(Why why) {
  Settle([this, why = std::move(why)](State& state) {
    state.closed = true;
    for (const uint64_t tag : state.pending.Tags()) FailOne(&state, tag, why);
    state.reads.clear();
    state.deadlines.Clear();
  });
}

void Calls::Done(State* state, uint64_t tag, absl::StatusOr<Reply> result) {
  std::optional<Pending> call = state->pending.Take(tag);
  if (!call) return;
  Completion done{std::move(call->caller), std::move(result), call->bytes};
  if (done.caller.waits) {
    state->awaited.push_back(std::move(done));
  } else {
    state->done.push_back(std::move(done));
  }
}

void Calls::FailOne(State* state, uint64_t tag, const Why& why) {
  const Pending* const pending = state->pending.Find(tag);
  if (pending != nullptr) Done(state, tag, why(pending->fate()));
}

// --- told ------------------------------------------------------------------------------

// What is done meanwhile has a turn of its own, so others on the strand have theirs.
void Calls::Tell() {
  ZKQ_CHECK(strand_.Inside());
  const Strand::Doing doing(strand_, "a callback");
  size_t left = inbox_.Take([](State& state) { return state.done.size(); });
  while (left-- > 0) TellNext();
}

void Calls::TellNext() {
  std::optional<Completion> next;
  inbox_.With([&](State& state) {
    if (state.done.empty()) return;  // End has them
    next = std::move(state.done.front());
    state.done.pop_front();
  });
  if (next) Run(*std::move(next));
}

void Calls::Run(Completion completion) {
  Release(completion.bytes);
  if (completion.caller.done != nullptr) {
    std::move(completion.caller.done)(std::move(completion.result));
  }
}

void Calls::Release(size_t bytes) {
  const size_t before = bytes_.fetch_sub(bytes);
  ZKQ_CHECK(bytes <= before);
}

void Calls::End() {
  const Strand::Inhabit inside(strand_);  // what runs here must not wait for itself
  std::deque<Completion> rest = inbox_.With([](State& state) {
    state.ended = true;
    return std::exchange(state.done, {});
  });
  for (Completion& one : rest) Run(std::move(one));
}

bool Calls::ended() const {
  return inbox_.With([](const State& state) { return state.ended; });
}

}  // namespace zkq::runtime
