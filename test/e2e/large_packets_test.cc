// A path that passes small packets and swallows large ones, as a tunnel does whose ICMP is
// filtered: dialling works, and the first large frame never arrives.
#include <algorithm>
#include <iostream>
#include <memory>
#include <set>
#include <string>

#include "test/e2e/ensemble.h"
#include "test/e2e/namespaces.h"
#include "test/e2e/sockets.h"
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

// Swallows what is large on the way from the leader to `follower`, until so many connections
// have got stuck. How many were stuck at once.
size_t LetConnectionsStick(Namespaces& network, Ensemble& ensemble, int follower, size_t count) {
  const int leader = ensemble.WaitForLeader();
  const pid_t pid = ensemble.process(leader).pid();
  network.SwallowLarge(leader, follower);
  kv::Client client = ensemble.Client(leader);
  Put(client, "large", std::string(500'000, 'v'));
  std::set<std::string> stuck;
  size_t at_once = 0;
  WaitFor("connections that get stuck", [&] {
    const std::set<std::string> now = ConnectionsWithUnsent(pid);
    at_once = std::max(at_once, now.size());
    stuck.insert(now.begin(), now.end());
    return stuck.size() >= count;
  });
  return at_once;
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

// Each link goes down after a second and is dialled anew. What it had written stays in the
// kernel, and with it the connection, for a quarter of an hour by Linux's defaults.
TEST_CASE("connections whose bytes are swallowed do not pile up at the end that dialled") {
  const std::unique_ptr<Namespaces> network = MakeNamespaces(3);
  if (network == nullptr) return;
  Ensemble ensemble(network->places());
  ensemble.StartAll();
  REQUIRE(ensemble.WaitForLeader() == 3);  // the largest id dials
  CHECK(LetConnectionsStick(*network, ensemble, 1, 12) <= 6);
  network->Heal();
  ensemble.WaitUntilEqual();
}

TEST_CASE("connections whose bytes are swallowed do not pile up at the end that was dialled") {
  const std::unique_ptr<Namespaces> network = MakeNamespaces(3);
  if (network == nullptr) return;
  Ensemble ensemble(network->places());
  ensemble.StartAll();
  ensemble.WaitForLeader();
  ensemble.Kill(3);
  REQUIRE(ensemble.WaitForLeader() == 2);
  ensemble.Start(3);
  CHECK(LetConnectionsStick(*network, ensemble, 3, 12) <= 6);
  network->Heal();
  ensemble.WaitUntilEqual();
}
