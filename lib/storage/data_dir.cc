#include "lib/storage/data_dir.h"

#include <algorithm>

namespace zkq::storage {
namespace {

// True if `zxid` is where the log begins or one of its entries.
bool Reaches(const LogContents& log, Zxid zxid) {
  if (zxid == log.log_begin) return true;
  if (zxid < log.log_begin || zxid.counter == 0) return false;
  return std::any_of(log.epochs.begin(), log.epochs.end(), [zxid](Zxid highest) {
    return highest.epoch == zxid.epoch && zxid.counter <= highest.counter;
  });
}

// The newest snapshot that verifies and that the log goes on from; {0,0}, the
// empty state, if the log goes back to the beginning. A snapshot beyond the log
// was fetched, and never switched to.
absl::StatusOr<Zxid> ChooseBase(const Snapshots& snapshots, const LogContents& log,
                                const std::string& path) {
  std::vector<Zxid> found = snapshots.List();
  if (log.fresh && !found.empty()) {
    return absl::DataLossError(path + ": there are snapshots, but the log is gone");
  }
  std::string why = "no snapshot at or behind " + ToString(log.log_begin);
  for (auto zxid = found.rbegin(); zxid != found.rend(); ++zxid) {
    if (!Reaches(log, *zxid)) continue;
    absl::Status verified = snapshots.Verify(*zxid);
    if (verified.ok()) return *zxid;
    why = verified.ToString();
  }
  if (log.log_begin == Zxid{}) return Zxid{};
  return absl::DataLossError(path + ": nothing for the log to go on from: " + why);
}

DiskId DrawDiskId(Random* random) {
  DiskId id;
  while (id == DiskId{}) id = {random->Next(), random->Next()};
  return id;
}

// The hard state of this life: what is stored, or the first one of the directory.
HardState NextState(const LogContents& log, const DataDirOptions& options) {
  HardState state = log.state;
  if (log.fresh) {
    state.sid = options.sid;
    state.disk = DrawDiskId(options.random.get());
  }
  const auto wall = static_cast<uint64_t>(std::max<int64_t>(options.wall_micros, 0));
  state.boot = std::max(state.boot + 1, wall);
  return state;
}

// A configuration is stored once it is committed, so its entry is.
Zxid KnownCommitted(const LogContents& log, Zxid base) {
  const Zxid config = log.state.config.version;
  const Zxid committed = Reaches(log, config) ? config : Zxid{};
  return std::max({base, std::min(log.hint, log.last), committed});
}

Recovery Recover(LogContents log, Zxid base, const DataDirOptions& options) {
  Recovery recovery;
  recovery.state = NextState(log, options);
  recovery.base = base;
  recovery.commit = KnownCommitted(log, base);
  recovery.log_begin = log.log_begin;
  recovery.epochs = std::move(log.epochs);
  recovery.last = log.last;
  recovery.last_leader_time = log.last_leader_time;
  recovery.window = std::move(log.window);
  return recovery;
}

// Locks the directory, reads the log and looks whose it is; writes nothing.
absl::StatusOr<LogContents> Enter(const std::shared_ptr<FileSystem>& file_system,
                                  const std::string& path, const DataDirOptions& options,
                                  DataDir* dir) {
  absl::StatusOr<std::unique_ptr<File>> lock = file_system->Lock(path + "/lock");
  if (!lock.ok()) return lock.status();
  dir->lock = *std::move(lock);
  LogContents contents;
  absl::StatusOr<std::unique_ptr<Log>> log = Log::Open(file_system, path, options.log, &contents);
  if (!log.ok()) return log.status();
  dir->log = *std::move(log);
  if (contents.fresh || contents.state.sid == options.sid) return contents;
  return absl::FailedPreconditionError(path + ": belongs to server " +
                                       ToString(contents.state.sid) + ", not to server " +
                                       ToString(options.sid));
}

}  // namespace

absl::StatusOr<DataDir> DataDir::Open(std::shared_ptr<FileSystem> file_system,
                                      const std::string& path, const DataDirOptions& options) {
  if (options.random == nullptr) return absl::InvalidArgumentError("no source of random numbers");
  absl::Status made = file_system->CreateDirectory(path);
  if (!made.ok()) return made;
  DataDir dir;
  absl::StatusOr<LogContents> contents = Enter(file_system, path, options, &dir);
  if (!contents.ok()) return contents.status();
  absl::StatusOr<std::unique_ptr<Snapshots>> snapshots = Snapshots::Open(file_system, path);
  if (!snapshots.ok()) return snapshots.status();
  dir.snapshots = *std::move(snapshots);
  absl::StatusOr<Zxid> base = ChooseBase(*dir.snapshots, *contents, path);
  if (!base.ok()) return base.status();

  dir.recovery = Recover(*std::move(contents), *base, options);
  dir.log->Store(dir.recovery.state);
  absl::Status synced = dir.log->Sync();
  if (!synced.ok()) return synced;
  return dir;
}

}  // namespace zkq::storage
