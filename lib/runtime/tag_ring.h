// TagRing: values by tag, for tags that are given one after the other, from 1 on.
//
// A ring in which each tag has a place of its own, so adding, finding and erasing cost
// the same however many there are. A few values that outlive thousands of younger ones
// move to a map beside it: the ring has room for about twice what is in it, or a
// minimum, and never for all tags since the oldest.
//
// Threads: one at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace zkq::runtime {

template <typename T>
class TagRing {
 public:
  // The tag of `value`: one more than the one before.
  uint64_t Add(T value) {
    if (next_ - first_ == ring_.size()) MakeRoom();
    At(next_) = std::move(value);
    ++size_;
    return next_++;
  }

  // Null if it is not here (any more). Valid until the next Add.
  T* Find(uint64_t tag) {
    if (tag >= first_) return tag < next_ && At(tag) ? &*At(tag) : nullptr;
    const auto old = old_.find(tag);
    return old == old_.end() ? nullptr : &old->second;
  }
  const T* Find(uint64_t tag) const { return const_cast<TagRing*>(this)->Find(tag); }

  // Nothing if it is not here (any more).
  std::optional<T> Take(uint64_t tag) {
    T* const found = Find(tag);
    if (found == nullptr) return std::nullopt;
    std::optional<T> taken = std::move(*found);
    --size_;
    if (tag < first_) {
      old_.erase(tag);
    } else {
      At(tag).reset();
      if (size_ == old_.size()) first_ = next_;
    }
    return taken;
  }

  // The first tag from `from` on whose value is here; 0: there is none.
  uint64_t Next(uint64_t from) const {
    if (const auto old = old_.lower_bound(from); old != old_.end()) return old->first;
    for (uint64_t tag = std::max(from, first_); tag < next_; ++tag) {
      if (Find(tag) != nullptr) return tag;
    }
    return 0;
  }
  // Oldest first, up to `last`.
  std::vector<uint64_t> Tags(uint64_t last = UINT64_MAX) const {
    std::vector<uint64_t> tags;
    for (uint64_t tag = Next(1); tag != 0 && tag <= last; tag = Next(tag + 1)) tags.push_back(tag);
    return tags;
  }

  size_t size() const { return size_; }
  uint64_t last_tag() const { return next_ - 1; }
  size_t capacity() const { return ring_.size(); }

 private:
  static constexpr size_t kPlacesMin = 64;

  std::optional<T>& At(uint64_t tag) { return ring_[tag & (ring_.size() - 1)]; }

  // The ring is full of tags, but not of values: most of them may be gone.
  void MakeRoom() {
    const uint64_t half = first_ + ring_.size() / 2;
    if (ring_.empty() || size_ - old_.size() > ring_.size() / 2) return Grow();
    for (; first_ < half; ++first_) {
      if (At(first_))
        old_.emplace_hint(old_.end(), first_, *std::exchange(At(first_), std::nullopt));
    }
  }
  void Grow() {
    std::vector<std::optional<T>> old(ring_.empty() ? kPlacesMin : 2 * ring_.size());
    old.swap(ring_);
    for (uint64_t tag = first_; tag < next_; ++tag)
      At(tag) = std::move(old[tag & (old.size() - 1)]);
  }

  std::vector<std::optional<T>> ring_;  // its size is a power of two; holds [first_, next_)
  uint64_t first_ = 1;
  uint64_t next_ = 1;
  std::map<uint64_t, T> old_;  // below first_
  size_t size_ = 0;            // of both
};

}  // namespace zkq::runtime
