// A state machine of your own under faults: three replicas on one thread, a minute of
// virtual time a seed. What was acknowledged has to be counted everywhere, and once.
#include <functional>
#include <iostream>
#include <optional>

#include "tally.h"
#include "zkq/testing/conformance.h"
#include "zkq/testing/nemesis.h"

using namespace zkq::testing;

absl::Status Simulate(uint64_t seed) {
  constexpr absl::Duration kMinute = absl::Minutes(1);
  long long acknowledged = 0, unknown = 0;  // outlive the cluster: it calls back
  std::function<void()> add;
  SimCluster cluster({.servers = 3, .seed = seed},
                     [](zkq::ServerId) { return std::make_unique<Tally>(); });
  add = [&] {
    cluster.scheduler().After(absl::Milliseconds(100), [&] { add(); });
    const auto sid = zkq::ServerId(1 + cluster.scheduler().random().Below(3));
    if (!cluster.up(sid)) return;
    cluster.Propose(sid, "add", absl::Seconds(2), [&](absl::StatusOr<zkq::Reply> reply) {
      if (reply.ok()) ++acknowledged;
      if (zkq::GetErrorInfo(reply.status()).outcome == zkq::Outcome::kUnknown) ++unknown;
    });
  };
  cluster.StartAll();
  add();
  Nemesis(&cluster).Run(PlanStrikes(Profile::kEverything, seed, kMinute), kMinute);
  add = [] {};
  absl::Status status = cluster.CheckConverges(kMinute);
  cluster.RunFor(absl::Seconds(2));  // so long the last call may wait
  for (const zkq::ServerId sid : cluster.servers()) {
    std::optional<long long> count;
    cluster.Read(sid, "", kMinute, [&](absl::StatusOr<zkq::Reply> reply) {
      count = reply.ok() ? std::strtoll(reply->value.c_str(), nullptr, 10) : -1;
    });
    cluster.RunUntil([&] { return count.has_value(); }, kMinute);
    if (count >= acknowledged && count <= acknowledged + unknown) continue;
    status.Update(absl::InternalError("server " + zkq::ToString(sid) + " has counted " +
                                      std::to_string(count.value_or(-1)) + ", acknowledged were " +
                                      std::to_string(acknowledged) + ", perhaps " +
                                      std::to_string(unknown) + " more"));
  }
  status.Update(cluster.CheckInvariants());
  return status;
}

int main() {
  // What needs no ensemble: determinism, a snapshot's round trip, restoring what is in use.
  absl::Status status =
      RunStateMachineConformance([] { return std::make_unique<Tally>(); },
                                 {.command = [](SimRandom&) { return std::string("add"); }});
  for (uint64_t seed = 1; seed <= 100 && status.ok(); ++seed) {
    status = Simulate(seed);
    if (!status.ok()) std::cerr << "seed " << seed << ": ";
  }
  if (!status.ok()) return std::cerr << status << "\n", 1;
  std::cout << "nothing lost, nothing counted twice\n";
}
