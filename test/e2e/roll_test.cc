// Whole ensembles that are replaced while they are written to: no acknowledged write is lost, none
// is done twice, and none that was called "not committed" is there.
#include <string>

#include "test/e2e/ctl.h"
#include "test/e2e/outcome.h"
#include "test/e2e/workload.h"
#include "test/harness/catch.h"

using namespace e2e;

namespace {

constexpr uint64_t kWritesBetween = 50;
constexpr uint64_t kNoLimit = 1'000'000'000;

// Writes go on whatever was done last.
void AwaitWrites(Workload& load) { load.WaitForAcknowledged(load.acknowledged() + kWritesBetween); }

void CheckOutcome(Members& members, Workload& load) {
  CHECK(WhatIsWrong(members.servers(), load) == "");
  kv::Client client = members.servers().Client(members.servers().WaitForLeader());
  CHECK(load.Repeated(client) == "");
}

}  // namespace

TEST_CASE("five servers are replaced one at a time, then all at once, and no write is lost") {
  Members members(15, 5);
  members.Found();
  Workload load(members.servers().addresses(), 3, "w", kNoLimit);
  AwaitWrites(load);
  for (int old = 1; old <= 5; ++old) {
    members.Join(old + 5);
    members.Do({"replace", std::to_string(old), members.entry(old + 5)});
    members.Stop(old);
    AwaitWrites(load);
  }
  std::string added, removed;
  for (int id = 11; id <= 15; ++id) {
    members.Join(id);
    added += (added.empty() ? "" : ",") + members.entry(id);
    removed += (removed.empty() ? "" : ",") + std::to_string(id - 5);
  }
  members.Do({"reconfig", "--add=" + added, "--remove=" + removed});
  for (int id = 6; id <= 10; ++id) members.servers().Kill(id);
  AwaitWrites(load);
  CheckOutcome(members, load);
}

TEST_CASE("three of five disks are lost one after the other, replaced, and no write is lost") {
  Members members(5, 5);
  members.Found();
  Workload load(members.servers().addresses(), 3, "w", kNoLimit);
  for (int id = 1; id <= 3; ++id) {
    AwaitWrites(load);
    members.LoseDisk(id);
    members.Restart(id);
    members.Do({"replace", std::to_string(id)});
    members.WaitUntilReady(id);
  }
  // The two that have kept their disks are not needed any more.
  members.servers().Kill(4);
  members.servers().Kill(5);
  AwaitWrites(load);
  CheckOutcome(members, load);
  CHECK(load.dropped() == "");  // no server was shut down with calls of its own
}
