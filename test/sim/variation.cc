#include "test/sim/variation.h"

#include <algorithm>
#include <vector>

namespace zkq::sim {

Clients::Options Variation::ForClients() {
  Clients::Options clients{.queue = run_.state_machine == "queue", .seed = run_.seed * 3 + 1};
  if (calm() || !OneIn(6)) return clients;
  clients.clients = clients.keys = 8;
  clients.pause_max /= 3;
  return clients;
}

testing::SimClusterOptions Variation::ForCluster() {
  testing::SimClusterOptions cluster{.servers = run_.servers, .seed = run_.seed};
  if (calm()) return cluster;
  if (run_.profile == Profile::kMembership) Found(&cluster);
  // Drawn apart from all else, so that the rest of a run is as without it.
  testing::SimRandom apart(run_.seed * 13 + 7);
  if (apart.Below(8) == 0) cluster.network.socket_bytes = apart.Below(2000);
  cluster.mixed_versions = testing::SimRandom(run_.seed * 23 + 11).Below(4) == 0;
  if (OneIn(4)) cluster.epoch_transactions = 10 + static_cast<uint32_t>(random_.Below(100));
  if (OneIn(4)) cluster.learner_bytes_max = 1 + random_.Below(2000);
  // A call counts with some 256 bytes more than its command: 6 to 240 small ones.
  if (OneIn(4)) cluster.proposed_bytes_max = 16 * (100 + random_.Below(4000));
  if (OneIn(4)) cluster.diff_transactions_max = 1 + random_.Below(50);
  if (OneIn(4)) cluster.log_batch_bytes_max = 1 + random_.Below(2000);
  if (OneIn(4)) cluster.network.delay_max *= static_cast<double>(1 + random_.Below(50));
  if (OneIn(4)) cluster.sync_delay *= static_cast<double>(1 + random_.Below(20));
  return cluster;
}

namespace {

// Any one of the voters may lose its disk while the ensemble is founded, and is not waited for.
bool BearsALoss(const testing::SimClusterOptions& cluster) {
  Membership founders;
  std::vector<ServerId> all;
  for (size_t i = 0; i < static_cast<size_t>(cluster.servers); ++i) {
    all.push_back(ServerId(i + 1));
    founders.members.push_back({.id = all.back(),
                                .weight = cluster.weights.empty() ? 1 : cluster.weights[i],
                                .group = cluster.groups.empty() ? 0 : cluster.groups[i]});
  }
  return std::all_of(all.begin(), all.end(), [&](ServerId lost) {
    std::vector<ServerId> others = all;
    std::erase(others, lost);
    return IsQuorum(founders, others);
  });
}

}  // namespace

// Mostly equal voters alone, as most ensembles are.
void Variation::Found(testing::SimClusterOptions* cluster) const {
  testing::SimRandom apart(run_.seed * 19 + 8);
  cluster->observers = static_cast<int>(apart.Below(6)) % 3;
  const bool weighed = apart.Below(4) == 0, grouped = apart.Below(4) == 0;
  for (int i = 0; i < cluster->servers; ++i) {
    if (weighed) cluster->weights.push_back(static_cast<uint32_t>(apart.Below(4)));
    if (grouped) cluster->groups.push_back(1 + static_cast<uint32_t>(i % 3));
  }
  if (!BearsALoss(*cluster)) cluster->weights = cluster->groups = {};
}

// A start may find other options than the one before: they are not agreed on.
void Variation::Adjust(ReplicaOptions* options) {
  if (calm()) return;
  options->snapshot_every_transactions = 10 + random_.Below(90);
  options->retain_snapshots = 1 + static_cast<int>(random_.Below(3));
  if (OneIn(2)) options->window_bytes = 1 + random_.Below(1000);
  options->log_segment_bytes = uint64_t{8 << 10} << random_.Below(4);
  if (OneIn(4)) options->tick = absl::Milliseconds(50 + 50 * random_.Below(4));
  if (OneIn(4)) options->sync_limit = 5 + static_cast<int>(random_.Below(10));
}

// Large ones take several messages.
size_t Variation::Ballast() { return calm() || !OneIn(16) ? 0 : random_.Below(1 << 20); }

// Drawn apart from all else, so that the rest of a run is as without it. Where disks may be slow,
// less often: all that waits is applied in one task, and however the disk does meanwhile, what it
// syncs takes as long as it did when the task began.
uint64_t Variation::KeptEvery() const {
  testing::SimRandom random(run_.seed * 7 + 3);
  if (calm() || random.Below(4) != 0) return 0;
  const bool slow = run_.profile == Profile::kDisk || run_.profile == Profile::kLasting ||
                    run_.profile == Profile::kEverything || SyncTakes() > absl::ZeroDuration();
  return 1 + random.Below(20) + (slow ? 20 : 0);
}

// What each disk takes for a sync until it is healed: in one run of ten 0.1 to 3 s, as an ensemble
// has to bear, and short more often than long. Drawn apart, too.
absl::Duration Variation::SyncTakes() const {
  testing::SimRandom random(run_.seed * 11 + 5);
  if (calm() || random.Below(10) != 0) return absl::ZeroDuration();
  const absl::Duration shortest = absl::Milliseconds(100) * (1 << random.Below(5));
  return shortest * (1 + static_cast<double>(random.Below(900)) / 1000);
}

absl::Duration Variation::Quiet() const {
  const absl::Duration sync_takes = SyncTakes();
  if (sync_takes == absl::ZeroDuration()) return sync_takes;
  return absl::Seconds(20) + 10 * sync_takes;
}

// Wall clocks that were never set right, for nothing may rest on them; and disks that
// are always slow to read, or to sync.
void Variation::Spoil(testing::SimCluster* cluster) {
  if (calm()) return;
  const bool clocks = OneIn(2), disks = OneIn(12);
  const absl::Duration sync_takes = SyncTakes();
  for (const ServerId sid : cluster->servers()) {
    const auto offset = static_cast<int64_t>(random_.Below(7200)) - 3600;
    if (clocks) cluster->server(sid).clock().SetWallOffset(absl::Seconds(offset));
    if (disks) cluster->server(sid).SlowReads(absl::Seconds(2));
    cluster->server(sid).SlowDisk(sync_takes);
  }
}

}  // namespace zkq::sim
