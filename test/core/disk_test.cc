// Disk alone: what its last syncs say of it.
#include "lib/core/disk.h"

#include "test/harness/catch.h"

namespace zkq::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("a disk is as slow as the slowest of its last eight syncs") {
  Disk disk;
  REQUIRE(disk.slowest() == Time{});
  disk.Synced(milliseconds(900), Time{});
  for (int i = 0; i < 7; ++i) disk.Synced(milliseconds(i), Time{});
  REQUIRE(disk.slowest() == milliseconds(900));
  disk.Synced(milliseconds(5), Time{});
  REQUIRE(disk.slowest() == milliseconds(6));
}

TEST_CASE("half of the last syncs of a disk say what is usual, and one that took long does not") {
  Disk disk;
  for (int i = 0; i < 3; ++i) disk.Synced(seconds(1), Time{});
  REQUIRE(disk.usual() == Time{});  // too few
  for (int i = 0; i < 8; ++i) disk.Synced(milliseconds(10 + i), Time{});
  disk.Synced(seconds(5), Time{});
  REQUIRE(disk.usual() == milliseconds(15));
}

TEST_CASE("a disk is slow where six of its syncs take longer than the limit") {
  REQUIRE_FALSE(IsSlow(milliseconds(600), milliseconds(100)));
  REQUIRE(IsSlow(milliseconds(600), milliseconds(101)));
}

TEST_CASE("a disk stands still from its first write, or from the end of its last sync") {
  Disk disk;
  disk.Begin(milliseconds(100));
  REQUIRE(disk.StandsStill(milliseconds(150)) == milliseconds(50));
  disk.Synced(milliseconds(60), milliseconds(160));
  REQUIRE(disk.StandsStill(milliseconds(200)) == milliseconds(40));
}

TEST_CASE("a limit that waits for a disk is six of its syncs, and no longer than 30 s") {
  REQUIRE(LimitOfDisk(seconds(1), milliseconds(150)) == seconds(1));
  REQUIRE(LimitOfDisk(seconds(1), milliseconds(600)) == milliseconds(3600));
  REQUIRE(LimitOfDisk(seconds(1), seconds(20)) == seconds(30));
  REQUIRE(LimitOfDisk(seconds(60), seconds(20)) == seconds(60));
}

TEST_CASE("what a peer says of its disk makes no limit absurd") {
  REQUIRE(LimitOfDisk(seconds(1), Time::max()) == seconds(30));
  REQUIRE(LimitOfDisk(seconds(1), Time::min()) == seconds(1));
}

}  // namespace
}  // namespace zkq::core
