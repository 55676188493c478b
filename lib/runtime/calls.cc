#include "lib/runtime/calls.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace zkq::runtime {
namespace {

// What a call costs besides its text, so that empty calls are bounded too.
constexpr size_t kStaleDeadlinesMin = 1024;

}  // namespace

CallTable::Added CallTable::Add(Kind kind, std::string text, absl::Duration deadline,
                                Caller* caller) {
  const size_t bytes = text.size() + kCallBytes;
  Payload command;
  if (kind == Kind::kWrite) command = Payload(std::exchange(text, {}));
  std::lock_guard lock(mutex_);
  if (closed_) return {Verdict::kClosed};
  if (bytes > outstanding_bytes_max_ - bytes_) return {Verdict::kOverloaded};
  bytes_ += bytes;
  const uint64_t tag = ++last_tag_;
  entries_.emplace_hint(entries_.end(), tag,
                        Entry{.kind = kind,
                              .taken = false,
                              .bytes = bytes,
                              .caller = std::move(*caller),
                              .request = std::move(text)});
  if (kind == Kind::kWrite) writes_.push_back({.tag = tag, .command = std::move(command)});
  if (kind == Kind::kIndexRead) reads_.push_back(tag);
  AddDeadline(deadline, tag);
  return {Verdict::kAdded, tag};
}

CallTable::Taken CallTable::Take() {
  Taken taken;
  std::lock_guard lock(mutex_);
  taken.writes.swap(writes_);
  taken.reads.swap(reads_);
  // What has expired meanwhile is gone from the table and must not be proposed:
  // its caller was told that it did not happen.
  std::erase_if(taken.writes, [&](const Call& call) {
    Entry* entry = Find(call.tag);
    if (entry != nullptr) entry->taken = true;
    return entry == nullptr;
  });
  std::erase_if(taken.reads, [&](uint64_t tag) { return Find(tag) == nullptr; });
  return taken;
}

std::optional<std::string> CallTable::TakeRequest(uint64_t tag) {
  std::lock_guard lock(mutex_);
  Entry* entry = Find(tag);
  if (entry == nullptr) return std::nullopt;
  return std::move(entry->request);
}

bool CallTable::Waits(uint64_t tag) const {
  std::lock_guard lock(mutex_);
  return entries_.contains(tag);
}

void CallTable::Finish(uint64_t tag, absl::StatusOr<Reply> result, Completions* out) {
  std::lock_guard lock(mutex_);
  const auto at = entries_.find(tag);
  if (at != entries_.end()) End(at, std::move(result), out);
}

void CallTable::Fail(std::span<const uint64_t> tags, Why why, Completions* out) {
  std::lock_guard lock(mutex_);
  for (const uint64_t tag : tags) FailOne(tag, why, out);
}

void CallTable::FailTaken(uint64_t last, Why why, Completions* out) {
  std::lock_guard lock(mutex_);
  for (auto at = entries_.begin(); at != entries_.end() && at->first <= last;) {
    const auto entry = at++;
    const bool taken = entry->second.kind == Kind::kWrite && entry->second.taken;
    if (taken) End(entry, why(/*sent=*/true), out);
  }
}

uint64_t CallTable::last_tag() const {
  std::lock_guard lock(mutex_);
  return last_tag_;
}

void CallTable::Expire(absl::Duration now, Why why, Completions* out) {
  std::lock_guard lock(mutex_);
  while (!deadlines_.empty() && deadlines_.front().when <= now) {
    FailOne(deadlines_.front().tag, why, out);
    std::pop_heap(deadlines_.begin(), deadlines_.end(), std::greater<>());
    deadlines_.pop_back();
  }
}

void CallTable::Close(Why why, Completions* out) {
  std::lock_guard lock(mutex_);
  closed_ = true;
  while (!entries_.empty()) FailOne(entries_.begin()->first, why, out);
  writes_.clear();
  reads_.clear();
  deadlines_.clear();
}

absl::Duration CallTable::NextDeadline() const {
  std::lock_guard lock(mutex_);
  return deadlines_.empty() ? absl::InfiniteDuration() : deadlines_.front().when;
}

size_t CallTable::waiting() const {
  std::lock_guard lock(mutex_);
  return entries_.size();
}

size_t CallTable::outstanding_bytes() const {
  std::lock_guard lock(mutex_);
  return bytes_;
}

void CallTable::Release(size_t bytes) {
  std::lock_guard lock(mutex_);
  bytes_ -= bytes;
}

CallTable::Entry* CallTable::Find(uint64_t tag) {
  const auto at = entries_.find(tag);
  return at == entries_.end() ? nullptr : &at->second;
}

void CallTable::End(Entries::iterator at, absl::StatusOr<Reply> result, Completions* out) {
  out->push_back({std::move(at->second.caller), std::move(result), at->second.bytes});
  entries_.erase(at);
}

void CallTable::FailOne(uint64_t tag, Why why, Completions* out) {
  const auto at = entries_.find(tag);
  if (at != entries_.end()) End(at, why(at->second.taken), out);
}

void CallTable::AddDeadline(absl::Duration when, uint64_t tag) {
  if (when == absl::InfiniteDuration()) return;
  if (deadlines_.size() >= kStaleDeadlinesMin && deadlines_.size() >= 2 * entries_.size()) {
    std::erase_if(deadlines_, [&](const Deadline& d) { return Find(d.tag) == nullptr; });
    std::make_heap(deadlines_.begin(), deadlines_.end(), std::greater<>());
  }
  deadlines_.push_back({when, tag});
  std::push_heap(deadlines_.begin(), deadlines_.end(), std::greater<>());
}

}  // namespace zkq::runtime
