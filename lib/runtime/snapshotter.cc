#include "lib/runtime/snapshotter.h"

#include <algorithm>
#include <utility>

#include "lib/runtime/errors.h"
#include "lib/runtime/node.h"

namespace zkq::runtime {
namespace {

// Ends a job early when the replica does: the next record fails.
class StoppableWriter final : public SnapshotWriter {
 public:
  StoppableWriter(const Node& node, SnapshotWriter* out) : node_(node), out_(*out) {}
  absl::Status WriteRecord(std::string_view record) override {
    if (node_.stopping()) return EndedByShutdown(Fate::kNothing);
    return out_.WriteRecord(record);
  }

 private:
  const Node& node_;
  SnapshotWriter& out_;
};

}  // namespace

void Snapshotter::Take(Zxid applied, SnapshotJob job) {
  strand_.Post([this, applied, job = std::move(job)]() mutable {
    if (node_.stopping()) return;
    absl::Status written = Write(applied, std::move(job));
    strand_.InTime([this, applied, written = std::move(written)]() mutable {
      Tell(applied, std::move(written));
    });
  });
}

void Snapshotter::Tell(Zxid applied, absl::Status written) {
  if (!written.ok()) return node_.applier.OnSnapshotDone(std::move(written));
  node_.board.SetSnapshot(applied);
  node_.protocol.Post(core::SnapshotTaken{applied});
  node_.applier.OnSnapshotDone(applied);
  node_.events.Raise(Event::Kind::kSnapshotTaken);
  Purge(applied);
}

absl::Status Snapshotter::Write(Zxid applied, SnapshotJob job) {
  const Strand::Doing doing(strand_, "a snapshot job");
  return node_.disk.snapshots->Take(applied,
                                    [this, job = std::move(job)](SnapshotWriter& out) mutable {
                                      StoppableWriter writer(node_, &out);
                                      return job(writer);
                                    });
}

// The log stays back to the oldest snapshot that is kept, so that each of them
// can be gone on from, and as far as a learner is being fed from it.
void Snapshotter::Purge(Zxid newest) {
  const absl::StatusOr<Zxid> oldest =
      node_.disk.snapshots->Purge(node_.options.retain_snapshots, newest);
  if (!oldest.ok()) {
    node_.Say(LogLevel::kWarning, "old snapshots were not removed: ", oldest.status().ToString());
    return;
  }
  node_.journal.Purge(std::min(*oldest, node_.board.pinned_after()));
}

}  // namespace zkq::runtime
