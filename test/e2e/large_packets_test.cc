// A path that passes small packets and swallows large ones, as a tunnel does whose ICMP is
// filtered: dialling works, and the first large frame never arrives.
#include <iostream>
#include <memory>
#include <string>

#include "test/e2e/ensemble.h"
#include "test/e2e/namespaces.h"
#include "test/harness/catch.h"

using namespace e2e;

namespace {

// Null where the machine has none, which is said.
std::unique_ptr<Namespaces> MakeNamespaces(int size) {
  try {
    return std::make_unique<Namespaces>(size);
  } catch (const std::exception& error) {
    std::cout << "SKIPPED: no network namespaces here: " << error.what() << "\n";
    return nullptr;
  }
}

}  // namespace

TEST_CASE("a path that swallows large packets is said in the log, and costs no election") {
  const std::unique_ptr<Namespaces> network = MakeNamespaces(3);
  if (network == nullptr) return;
  Ensemble ensemble(network->places());
  ensemble.StartAll();
  const int leader = ensemble.WaitForLeader();
  const int follower = ensemble.Follower();
  network->SwallowLarge(leader, follower);
  kv::Client client = ensemble.Client(leader);
  WaitFor("a line about the path MTU", [&] {
    Put(client, "large", std::string(500'000, 'v'));
    return Count(ensemble.log(leader) + ensemble.log(follower), "path MTU") > 0;
  });
  CHECK(ensemble.Status(leader).value().epoch() == 1);
  network->Heal();
  ensemble.WaitUntilEqual();
}
