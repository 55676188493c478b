// Disk: how quick the disk of this peer is, by its own last syncs, and whether it still
// moves (PROTOCOL §9.2). A disk of 3 s a sync makes a slow ensemble, and not none: where a
// limit waits for a disk, the disk's own limit counts if that is longer.
#pragma once

#include <algorithm>
#include <deque>

#include "zkq/election.h"

namespace zkq::core {

// How long is waited for a disk whose last syncs took up to `slowest`, where it would be
// `limit` else.
Time LimitOfDisk(Time limit, Time slowest);
// A disk whose syncs take `usual` makes others wait for longer than `limit`.
bool IsSlow(Time limit, Time usual);

class Disk {
 public:
  // A write is handed over, and none was under way.
  void Begin(Time now) { moved_ = now; }
  // A sync has ended that took so long.
  void Synced(Time took, Time now);

  // Of its last syncs; 0: none is known.
  Time slowest() const { return slowest_; }
  // What half of them took at least; 0: too few are known. One that took long once is no slow disk.
  Time usual() const { return usual_; }
  // While writes are under way: for so long no sync has ended.
  Time StandsStill(Time now) const { return now - moved_; }

 private:
  std::deque<Time> took_;  // the newest kSyncs
  Time slowest_{}, usual_{};
  Time moved_{};
};

}  // namespace zkq::core
