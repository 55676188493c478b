// A state machine of your own under faults: three replicas on one thread, a minute of
// virtual time a seed. What was acknowledged has to be in the sum, once.
#include <functional>
#include <iostream>

#include "tally.h"
#include "zkq/testing/nemesis.h"

using namespace zkq::testing;

absl::Status Simulate(uint64_t seed) {
  long long sum = -1, acknowledged = 0, unknown = 0;  // outlive the cluster: it calls back
  std::function<void()> add;
  SimCluster cluster({.servers = 3, .seed = seed},
                     [](zkq::ServerId) { return std::make_unique<Tally>(); });
  add = [&] {
    cluster.scheduler().After(absl::Milliseconds(100), [&] { add(); });
    const zkq::ServerId sid(1 + cluster.scheduler().random().Below(3));
    if (!cluster.up(sid)) return;
    cluster.Propose(sid, "1", absl::Seconds(2), [&](absl::StatusOr<zkq::Reply> reply) {
      if (reply.ok()) ++acknowledged;
      if (GetErrorInfo(reply.status()).outcome == zkq::Outcome::kUnknown) ++unknown;
    });
  };
  cluster.StartAll();
  add();
  constexpr absl::Duration kMinute = absl::Minutes(1);
  Nemesis(&cluster).Run(PlanStrikes(Profile::kEverything, seed, kMinute), kMinute);
  add = [] {};
  absl::Status status = cluster.CheckConverges(kMinute);  // longer than any call waits
  if (!status.ok()) return status;
  cluster.Read(*cluster.leader(), "", kMinute, [&](absl::StatusOr<zkq::Reply> reply) {
    sum = reply.ok() ? std::stoll(reply->value) : 0;
  });
  cluster.RunUntil([&] { return sum >= 0; }, kMinute);
  if (acknowledged <= sum && sum <= acknowledged + unknown) return cluster.CheckInvariants();
  return absl::InternalError("acknowledged " + std::to_string(acknowledged) + ", perhaps " +
                             std::to_string(unknown) + ", and the sum is " + std::to_string(sum));
}

int main() {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const absl::Status status = Simulate(seed);
    if (!status.ok()) return std::cerr << "seed " << seed << ": " << status << "\n", 1;
  }
  std::cout << "nothing lost, nothing counted twice\n";
}
