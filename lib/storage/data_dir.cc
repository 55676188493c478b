#include "lib/storage/data_dir.h"

#include <algorithm>

namespace zkq::storage {
namespace {

absl::StatusOr<SnapshotMeta> Verify(const Snapshots& snapshots, Zxid zxid, EnsembleId ensemble) {
  absl::StatusOr<SnapshotMeta> verified = snapshots.Verify(zxid);
  if (!verified.ok() || verified->ensemble == ensemble) return verified;
  return absl::DataLossError("the snapshot at " + ToString(zxid) + " belongs to ensemble " +
                             ToString(verified->ensemble) + ", and the log to " +
                             ToString(ensemble));
}

// The newest snapshot of this ensemble that verifies and that the log goes on from; {0,0},
// the empty state, if the log goes back to the beginning. A snapshot beyond the log
// was fetched, and never switched to.
absl::StatusOr<SnapshotMeta> ChooseBase(const Snapshots& snapshots, const Recovered& found,
                                        const std::string& path) {
  const absl::StatusOr<std::vector<Zxid>> all = snapshots.List();
  if (!all.ok()) return all.status();
  if (found.fresh && !all->empty()) {
    return absl::DataLossError(path + ": there are snapshots, but the log is gone");
  }
  std::string why = "no snapshot at or after " + ToString(found.epochs.begin());
  for (auto zxid = all->rbegin(); zxid != all->rend(); ++zxid) {
    if (!found.epochs.Contains(*zxid)) continue;
    absl::StatusOr<SnapshotMeta> verified = Verify(snapshots, *zxid, found.state.ensemble);
    if (verified.ok()) return verified;
    why = verified.status().ToString();
  }
  if (found.epochs.begin() == Zxid{}) return SnapshotMeta{};
  return absl::DataLossError(path + ": nothing for the log to go on from: " + why);
}

DiskId DrawDiskId(Random* random) {
  DiskId id;
  while (id == DiskId{}) id = {random->Next(), random->Next()};
  return id;
}

// Of an observer that has none: above all that people give, so never that of a listed server.
ServerId MintId(Random* random) {
  return ServerId{(ToInt(kServerIdMax) + 1) | (random->Next() & ToInt(kServerIdMax))};
}

// The hard state of this life: what is stored, or the first one of the directory.
void BeginLife(const DataDirOptions& options, Recovered* found) {
  HardState& state = found->state;
  if (found->fresh) {
    state.sid = options.sid != kNoServer ? options.sid : MintId(options.random.get());
    state.disk = DrawDiskId(options.random.get());
  }
  const auto wall = static_cast<uint64_t>(std::max<int64_t>(options.wall_micros, 0));
  state.boot = std::max(state.boot + 1, wall);
}

// A configuration is stored once it is committed, so its entry is.
Zxid KnownCommitted(const Recovered& found) {
  const Zxid config = found.state.config.version;
  const Zxid committed = found.epochs.Contains(config) ? config : Zxid{};
  return std::max({found.base.zxid, std::min(found.commit, found.epochs.last()), committed});
}

// Locks the directory, reads the log and looks whose it is; writes nothing.
absl::Status Enter(const std::shared_ptr<FileSystem>& file_system, const std::string& path,
                   const DataDirOptions& options, DataDir* dir) {
  absl::StatusOr<std::unique_ptr<File>> lock = file_system->Lock(path + "/lock");
  if (!lock.ok()) return lock.status();
  dir->lock = *std::move(lock);
  Recovered& found = dir->recovered;
  absl::StatusOr<std::unique_ptr<Log>> log = Log::Open(file_system, path, options.log, &found);
  if (!log.ok()) return log.status();
  dir->log = *std::move(log);
  const bool any = options.sid == kNoServer;
  if (found.fresh || any || found.state.sid == options.sid) return absl::OkStatus();
  return absl::FailedPreconditionError(path + ": belongs to server " + ToString(found.state.sid) +
                                       ", not to server " + ToString(options.sid));
}

}  // namespace

absl::StatusOr<DataDir> DataDir::Open(std::shared_ptr<FileSystem> file_system,
                                      const std::string& path, const DataDirOptions& options) {
  if (options.random == nullptr) return absl::InvalidArgumentError("no source of random numbers");
  absl::Status made = file_system->CreateDirectory(path);
  if (!made.ok()) return made;
  DataDir dir;
  absl::Status entered = Enter(file_system, path, options, &dir);
  if (!entered.ok()) return entered;
  absl::StatusOr<std::unique_ptr<Snapshots>> snapshots = Snapshots::Open(file_system, path);
  if (!snapshots.ok()) return snapshots.status();
  dir.snapshots = *std::move(snapshots);
  Recovered& found = dir.recovered;
  absl::StatusOr<SnapshotMeta> base = ChooseBase(*dir.snapshots, found, path);
  if (!base.ok()) return base.status();

  found.base = *std::move(base);
  found.commit = KnownCommitted(found);
  BeginLife(options, &found);
  dir.log->Store(found.state);
  absl::Status synced = dir.log->Sync();
  if (!synced.ok()) return synced;
  return dir;
}

}  // namespace zkq::storage
