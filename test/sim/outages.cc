#include "test/sim/outages.h"

#include <algorithm>
#include <memory>
#include <random>

#include "absl/strings/str_cat.h"
#include "test/sim/machines.h"
#include "zkq/testing/sim_cluster.h"

namespace zkq::sim {
namespace {

using testing::SimCluster;

// No outage is that long.
constexpr absl::Duration kForever = absl::Minutes(1);
constexpr int64_t kStartsWithinUs = 50'000;

std::unique_ptr<SimCluster> NewCluster(const Outage& outage, absl::Duration sync_delay) {
  testing::SimClusterOptions options{
      .servers = outage.servers, .seed = outage.seed, .sync_delay = sync_delay};
  return std::make_unique<SimCluster>(options, [](ServerId) { return NewMachine("kv", 0); });
}

bool AllServe(const SimCluster& cluster) {
  const auto& all = cluster.servers();
  return std::all_of(all.begin(), all.end(), [&](ServerId sid) {
    return cluster.server(sid).up() && cluster.server(sid).Status().leader.has_value();
  });
}

absl::Duration Random(int64_t microseconds, std::mt19937_64* random) {
  return absl::Microseconds((*random)() % static_cast<uint64_t>(microseconds));
}

}  // namespace

absl::Duration RestartOfAll(const Outage& outage) {
  const auto cluster = NewCluster(outage, absl::Milliseconds(1));
  std::mt19937_64 random(outage.seed);
  cluster->StartAll();
  cluster->RunUntil([&] { return AllServe(*cluster); }, kForever);
  for (const ServerId sid : cluster->servers()) cluster->server(sid).Crash();
  cluster->RunFor(absl::Seconds(1));
  std::vector<std::pair<absl::Duration, ServerId>> starts;
  for (const ServerId sid : cluster->servers()) {
    starts.emplace_back(Random(kStartsWithinUs, &random), sid);
  }
  std::sort(starts.begin(), starts.end());
  const absl::Duration began = cluster->now();
  for (const auto& [after, sid] : starts) {
    cluster->RunFor(began + after - starts.front().first - cluster->now());
    if (!cluster->server(sid).Start().ok()) return kForever;
  }
  cluster->RunUntil([&] { return AllServe(*cluster); }, kForever);
  return cluster->now() - began;
}

absl::Duration Failover(const Outage& outage) {
  const auto cluster = NewCluster(outage, absl::Microseconds(200));
  std::mt19937_64 random(outage.seed);
  cluster->StartAll();
  cluster->RunUntil([&] { return AllServe(*cluster); }, kForever);
  cluster->RunFor(absl::Seconds(1) + Random(1'000'000, &random));
  if (!cluster->leader()) return kForever;
  cluster->server(*cluster->leader()).Crash();
  const absl::Duration began = cluster->now();
  cluster->RunUntil([&] { return cluster->leader().has_value(); }, kForever);
  return cluster->now() - began;
}

Outages::Outages(absl::Duration (*measure)(const Outage&), int servers, uint64_t seed,
                 uint64_t runs) {
  absl::Duration longest;
  for (uint64_t i = seed; i < seed + runs; ++i) {
    taken_.push_back(measure({.seed = i, .servers = servers}));
    if (taken_.back() < longest) continue;
    longest = taken_.back();
    slowest_ = i;
  }
  std::sort(taken_.begin(), taken_.end());
}

absl::Duration Outages::Within(double part) const {
  const auto count = static_cast<double>(taken_.size());
  const auto rank = static_cast<size_t>(part * count + 0.999'999);
  return taken_.at(std::clamp<size_t>(rank, 1, taken_.size()) - 1);
}

std::string Outages::Text() const {
  const auto text = [&](double part) { return absl::ToInt64Milliseconds(Within(part)); };
  return absl::StrCat("p50 ", text(0.5), " ms, p99 ", text(0.99), " ms, longest ", text(1),
                      " ms (seed ", slowest_, ")");
}

}  // namespace zkq::sim
