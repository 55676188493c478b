// The store's state machine keeps every promise of one: alone, claim by claim, and
// replicated under faults, where all replicas have to reply alike.
#include "state_machine.h"

#include <functional>
#include <iostream>

#include "zkq/testing/conformance.h"
#include "zkq/testing/nemesis.h"

namespace {

using namespace zkq::testing;
namespace pb = kv::pb;

// Few keys, so that commands meet; large enough values now and then.
std::string RandomKey(SimRandom& random) { return "key/" + std::to_string(random.Below(10)); }
std::string RandomValue(SimRandom& random) {
  return std::string(random.Below(20) == 0 ? 100'000 : 1, static_cast<char>('0' + random.Below(4)));
}

std::string RandomCommand(SimRandom& random) {
  pb::Command command;
  switch (random.Below(4)) {
    case 0:
      command.mutable_delete_()->set_key(RandomKey(random));
      break;
    case 1:
      command.mutable_cas()->set_key(RandomKey(random));
      command.mutable_cas()->set_expected(RandomValue(random));
      command.mutable_cas()->set_value(RandomValue(random));
      command.mutable_cas()->set_expect_absent(random.Below(3) == 0);
      break;
    default:
      command.mutable_put()->set_key(RandomKey(random));
      command.mutable_put()->set_value(RandomValue(random));
  }
  return command.SerializeAsString();
}

std::string RandomQuery(SimRandom& random) {
  pb::Query query;
  if (random.Below(2) == 0) {
    query.mutable_get()->set_key(RandomKey(random));
  } else {
    query.mutable_list()->set_prefix("key/");
    query.mutable_list()->set_limit(static_cast<uint32_t>(random.Below(5)));
  }
  return query.SerializeAsString();
}

std::unique_ptr<zkq::StateMachine> NewMachine() {
  return std::make_unique<kv::KvStateMachine>(nullptr);
}

absl::Status Simulate(uint64_t seed) {
  constexpr absl::Duration kMinute = absl::Minutes(1);
  std::function<void()> write;
  SimCluster cluster({.servers = 3, .seed = seed}, [](zkq::ServerId) { return NewMachine(); });
  SimRandom& random = cluster.scheduler().random();
  write = [&] {
    cluster.scheduler().After(absl::Milliseconds(100), [&] { write(); });
    const zkq::ServerId sid = cluster.servers()[random.Below(3)];
    cluster.server(sid).Propose(RandomCommand(random), absl::Seconds(2), nullptr);
  };
  cluster.StartAll();
  write();
  Nemesis(&cluster).Run(PlanStrikes(Profile::kEverything, seed, kMinute), kMinute);
  write = [] {};
  if (absl::Status calm = cluster.CheckConverges(kMinute); !calm.ok()) return calm;
  cluster.RunFor(absl::Seconds(3));  // longer than a call may wait
  return cluster.CheckEnd();
}

}  // namespace

int main() {
  absl::Status status =
      RunStateMachineConformance(NewMachine, {.command = RandomCommand, .query = RandomQuery});
  for (uint64_t seed = 1; seed <= 20 && status.ok(); ++seed) {
    status = Simulate(seed);
    if (!status.ok()) std::cerr << "seed " << seed << ": ";
  }
  if (!status.ok()) {
    std::cerr << status << "\n";
    return 1;
  }
  std::cout << "every claim held, and every replica replied alike\n";
}
