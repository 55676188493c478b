// Networks that are slow, or change what they carry. Silent ones: network_cuts.cc.
#include <string>

#include "test/e2e/ensemble.h"
#include "test/e2e/outcome.h"
#include "test/e2e/relay.h"
#include "test/e2e/workload.h"
#include "test/harness/catch.h"

using namespace e2e;

// Bad memory on the way flips bits after TCP's checksum has been made.
TEST_CASE("flipped bits on the way are noticed, said, and never applied") {
  Relay relay(3);
  Ensemble ensemble(relay.places());
  ensemble.StartAll();
  relay.SetAll({.flip_every = 1'000});
  Workload load(ensemble.addresses(), 4, "w" + std::string(1'000, 'k'), 1'000'000);
  WaitFor("flipped bits, and a link that is said to end for one", [&] {
    int said = 0;  // at most once a minute for each link, whatever it ends for
    for (int id : ensemble.ids()) said += Count(ensemble.log(id), "not what its checksum says");
    return said > 0 && relay.flipped() >= 40;
  });
  relay.Heal();
  load.WaitForAcknowledged(load.acknowledged() + 100);
  CHECK(WhatIsWrong(ensemble, load) == "");
}
