#include "lib/runtime/snapshotter.h"

#include <utility>

#include "lib/runtime/errors.h"

namespace zkq::runtime {
namespace {

// Ends a job early when the replica does: each record from then on is refused.
class StoppableWriter final : public SnapshotWriter {
 public:
  StoppableWriter(const std::atomic<bool>& stopping, SnapshotWriter* out)
      : stopping_(stopping), out_(*out) {}
  absl::Status WriteRecord(std::string_view record) override {
    if (refused_.ok() && stopping_) refused_ = EndedByShutdown(Fate::kNothing);
    if (!refused_.ok()) return refused_;
    return out_.WriteRecord(record);
  }
  // Why a record was refused: the file lacks it, whatever the job says. OK if none was.
  const absl::Status& refused() const { return refused_; }

 private:
  const std::atomic<bool>& stopping_;
  SnapshotWriter& out_;
  absl::Status refused_;
};

}  // namespace

void Snapshotter::Take(const SnapshotMeta& meta, SnapshotJob job) {
  ports_.strand->Post([this, meta, job = std::move(job)]() mutable {
    if (*ports_.stopping) return;
    absl::Status written = Write(meta, std::move(job));
    const bool purge = written.ok();
    ports_.ears->OnSnapshotDone(meta.zxid, std::move(written));
    if (purge) Purge(meta.zxid);
  });
}

absl::Status Snapshotter::Write(const SnapshotMeta& meta, SnapshotJob job) {
  const Strand::Doing doing(*ports_.strand, "a snapshot job");
  return ports_.snapshots->Take(meta, [this, job = std::move(job)](SnapshotWriter& out) mutable {
    StoppableWriter writer(*ports_.stopping, &out);
    absl::Status done = std::move(job)(writer);
    return writer.refused().ok() ? done : writer.refused();
  });
}

void Snapshotter::Purge(Zxid newest) {
  const absl::StatusOr<Zxid> oldest = ports_.snapshots->Purge(retain_, newest);
  if (oldest.ok()) return ports_.ears->OnOldestKept(*oldest);
  ports_.voice->Say(Line::kSnapshotsNotPurged, oldest.status().ToString());
}

}  // namespace zkq::runtime
