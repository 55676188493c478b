// Epochs: which entries a history has, told without the entries.
//
// Everything follows from two facts of ZAB: a zxid names one transaction for ever, and
// two histories that share an entry share all that lies before it. So the highest
// counter of each epoch describes a history exactly, and the point where two of them
// part is found without reading either.
//
// A history begins after an entry (its snapshot's, or where its log was purged to), which
// counts as one of it; what lies before that is not known.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "zkq/message.h"

namespace zkq {

// Whether `zxid` may stand right after `prev`: the next counter, or the first of a later
// epoch (INV-8).
bool Follows(Zxid zxid, Zxid prev);

class Epochs {
 public:
  // Nothing after `begin`.
  explicit Epochs(Zxid begin = {}) : begin_(begin) { highest_[begin.epoch] = begin.counter; }
  // What Table() has told of a history that begins after `begin`.
  Epochs(Zxid begin, const EpochTable& table);

  Zxid begin() const { return begin_; }
  Zxid last() const { return {highest_.rbegin()->first, highest_.rbegin()->second}; }
  // Whether `zxid` is an entry at or after begin().
  bool Contains(Zxid zxid) const;
  // How many entries lie in (from, to], both contained.
  uint64_t Count(Zxid from, Zxid to) const;
  // The newest entry before those of `epoch`; begin() if there is none known.
  Zxid LastBefore(Epoch epoch) const;
  // The highest counter of each epoch, that of begin() included; the newest kEpochTableMax.
  EpochTable Table() const;
  // The newest entry that this history shares with one that has `table` and begins after
  // `begin`; none if they may share only what one of them has purged.
  std::optional<Zxid> Divergence(const EpochTable& table, Zxid begin) const;

  // Each returns false, and changes nothing, if the history does not allow it.
  bool Append(Zxid zxid);
  // The entries after `after`, which is one, are no more.
  bool Truncate(Zxid after);
  // The history begins later now, after this entry of it.
  bool Purge(Zxid begin);

  friend bool operator==(const Epochs&, const Epochs&) = default;

 private:
  Zxid begin_;
  std::map<Epoch, uint32_t> highest_;  // counter of each epoch; begin_ stands in it
};

}  // namespace zkq
