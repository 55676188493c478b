// A random walk of an ensemble whose configuration changes.
#pragma once

#include <string>
#include <vector>

namespace zkq::core {

// What walks have come to, in sum.
struct ChangesTally {
  size_t changes = 0;       // committed
  size_t lost = 0;          // disks
  size_t returned = 0;      // of them, in the place of their successors
  size_t beside = 0;        // or in a server of their own
  size_t handed_over = 0;   // by leaders that were left out or moved
  size_t with_removed = 0;  // calm phases without those that an answered change has removed
};

// Servers join, are listed, promoted, removed and listed again, the leader among them; disks are
// lost, and come back in the place of their successors, and these in theirs, or beside them: both
// of one seat run at a time, and have links, votes and calls. Servers crash, are cut off and lag.
// Never does a configuration that may count lose its quorum for ever. Then calm: whom an answered
// change has left out is off, and a minority of the newest configuration as well; the others must
// serve and agree (LIV-5). Returns "" or what is wrong, with the seed.
std::string WalkWithChanges(uint64_t seed, int steps, ChangesTally* tally,
                            std::vector<std::string>* trace = nullptr);

}  // namespace zkq::core
