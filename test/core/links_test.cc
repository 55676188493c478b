// Links alone: whom a peer reaches, and who counts as down for it.
#include "lib/core/links.h"

#include "test/harness/catch.h"

namespace zkq::core {
namespace {

constexpr ServerId kTwo{2};
constexpr LinkId kOld{kTwo, 20, 1}, kNew{kTwo, 20, 2}, kReborn{kTwo, 21, 1};

Identity OnDisk(uint64_t disk) { return {.sid = kTwo, .disk = {0, disk}}; }

TEST_CASE("the newest link to a server is the one of its latest life and count") {
  Links links;
  REQUIRE_FALSE(links.To(kTwo));
  for (const LinkId& link : {kReborn, kOld, kNew}) links.Up(link, OnDisk(2));
  REQUIRE(links.To(kTwo) == kReborn);
  links.Down(kReborn);
  REQUIRE(links.To(kTwo) == kNew);
  REQUIRE(links.Find(kReborn) == nullptr);
  REQUIRE_FALSE(links.To(ServerId{3}));
}

TEST_CASE("a server counts as down until it has another disk, or is taken to be sound") {
  Links links;
  REQUIRE_FALSE(links.CountAsDown(kOld));  // not linked
  links.Up(kOld, OnDisk(2));
  REQUIRE(links.CountAsDown(kOld));
  REQUIRE_FALSE(links.CountAsDown(kOld));  // no news
  links.Down(kOld);
  links.Up(kNew, OnDisk(2));
  REQUIRE(links.CountsAsDown(kTwo));
  links.Up(kReborn, OnDisk(9));
  REQUIRE_FALSE(links.CountsAsDown(kTwo));
  REQUIRE(links.CountAsDown(kReborn));
  links.CountAsUp(kTwo);
  REQUIRE_FALSE(links.CountsAsDown(kTwo));
}

}  // namespace
}  // namespace zkq::core
