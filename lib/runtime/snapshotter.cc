#include "lib/runtime/snapshotter.h"

#include <utility>

#include "lib/base/texts.h"
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
    bytes_ += record.size();
    return out_.WriteRecord(record);
  }
  uint64_t bytes() const { return bytes_; }  // of all records
  // Why a record was refused: the file lacks it, whatever the job says. OK if none was.
  const absl::Status& refused() const { return refused_; }

 private:
  const std::atomic<bool>& stopping_;
  SnapshotWriter& out_;
  absl::Status refused_;
  uint64_t bytes_ = 0;
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
  const absl::Duration began = ports_.clock->Monotonic();
  uint64_t bytes = 0;
  absl::Status taken = ports_.snapshots->Take(meta, [&](SnapshotWriter& out) {
    StoppableWriter writer(*ports_.stopping, &out);
    absl::Status done = std::move(job)(writer);
    bytes = writer.bytes();
    return writer.refused().ok() ? done : writer.refused();
  });
  if (!taken.ok()) return taken;
  const absl::Duration took = ports_.clock->Monotonic() - began;
  ports_.voice->Say(Line::kSnapshotTaken, "at ", ToString(meta.zxid), ", ", BytesText(bytes),
                    " in ", TimeText(absl::ToChronoMicroseconds(took)));
  return taken;
}

void Snapshotter::Purge(Zxid newest) {
  const absl::StatusOr<Zxid> oldest = ports_.snapshots->Purge(retain_, newest);
  if (oldest.ok()) return ports_.ears->OnOldestKept(*oldest);
  ports_.voice->Say(Line::kSnapshotsNotPurged, oldest.status().ToString());
}

}  // namespace zkq::runtime
