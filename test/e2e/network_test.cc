// Networks that are slow, or change what they carry. Silent ones: network_cuts.cc.
#include <future>
#include <string>
#include <vector>

#include "test/e2e/ensemble.h"
#include "test/e2e/outcome.h"
#include "test/e2e/relay.h"
#include "test/e2e/workload.h"
#include "test/harness/catch.h"

using namespace e2e;
using std::chrono::milliseconds;

// Bad memory on the way flips bits after TCP's checksum has been made.
TEST_CASE("flipped bits on the way are noticed, said, and never applied") {
  Relay relay(3);
  Ensemble ensemble(relay.places());
  ensemble.StartAll();
  relay.SetAll({.flip_every = 1'000});
  Workload load(ensemble.addresses(), 4, "w" + std::string(1'000, 'k'), 1'000'000);
  WaitFor("flipped bits, and a link that is said to end for one", [&] {
    int said = 0;  // at most once a minute for each link
    for (int id : ensemble.ids()) said += Count(ensemble.log(id), "not what its checksum says");
    return said > 0 && relay.flipped() >= 40;
  });
  relay.Heal();
  load.WaitForAcknowledged(load.acknowledged() + 100);
  CHECK(WhatIsWrong(ensemble, load) == "");
}

TEST_CASE("servers that are 400 ms of round trip apart serve with a tick of 500 ms") {
  Relay relay(3);
  relay.SetAll({.delay = milliseconds(200)});
  Ensemble ensemble(relay.places(), {"--tick=500ms"});
  ensemble.StartAll();
  ensemble.WaitForLeader();
  for (int id : ensemble.ids()) {
    kv::Client client = ensemble.Client(id);
    Put(client, "far", std::to_string(id));
    CHECK(Get(client, "far") == std::to_string(id));
  }
}

// All of them take 13 s to the leader, and a word that waits for all of them comes too late:
// 5 s are the limit. So long, for the two threads with which gRPC serves links and clients need
// more than a second for the clients' first 64 MB where other tests run beside this one.
TEST_CASE("a follower keeps its session while 64 large writes pass through it") {
  Relay relay(3);
  relay.SetAll({.delay = milliseconds(20), .bytes_per_second = 5'000'000});
  Ensemble ensemble(relay.places(), {"--tick=500ms"});
  ensemble.StartAll();
  const int leader = ensemble.WaitForLeader();
  const int follower = ensemble.Follower();
  const int before = Count(ensemble.log(follower), "looking");
  std::vector<std::future<void>> puts;
  for (int i = 0; i < 64; ++i) {
    puts.push_back(std::async(std::launch::async, [&, i] {
      kv::Client client = ensemble.Client(follower);
      Put(client, "large" + std::to_string(i), std::string((1 << 20) - 1'000, 'v'));
    }));
  }
  for (std::future<void>& put : puts) put.get();
  CHECK(ensemble.WaitForLeader() == leader);
  CHECK(Count(ensemble.log(follower), "looking") == before);
  ensemble.WaitUntilEqual();
}
