#include "lib/storage/snapshots.h"

#include <algorithm>
#include <cstdio>
#include <optional>

#include "lib/base/absl/string_view.h"
#include "lib/storage/snapshot_file.h"

namespace zkq::storage {
namespace {

constexpr std::string_view kTaking = ".tmp";
constexpr std::string_view kReceiving = ".part";
constexpr uint64_t kStepBytes = 8 << 20;  // of a fsync, and of a verification

std::string NameOf(Zxid zxid) {
  char name[sizeof("snapshot-00000000-00000000")];
  std::snprintf(name, sizeof(name), "snapshot-%08x-%08x", zxid.epoch, zxid.counter);
  return name;
}

std::optional<Zxid> ParseName(const std::string& name) {
  Zxid zxid;
  std::sscanf(name.c_str(), "snapshot-%8x-%8x", &zxid.epoch, &zxid.counter);
  if (NameOf(zxid) != name) return std::nullopt;
  return zxid;
}

bool IsPart(std::string_view name, std::string_view ending) {
  return name.starts_with("snapshot-") && name.ends_with(ending);
}

// Makes a whole and durable file appear under its name, durably.
absl::Status Publish(FileSystem* file_system, const std::string& directory, const std::string& from,
                     Zxid zxid) {
  absl::Status status = file_system->Rename(from, directory + "/" + NameOf(zxid));
  return status.ok() ? file_system->SyncDirectory(directory) : status;
}

absl::StatusOr<SnapshotMeta> VerifyFile(FileSystem* file_system, const std::string& path, Zxid zxid,
                                        Snapshots::Progress progress) {
  absl::StatusOr<std::unique_ptr<SnapshotFileReader>> reader =
      SnapshotFileReader::Open(file_system, path, zxid);
  if (!reader.ok()) return reader.status();
  std::string record;
  for (uint64_t told = 0;;) {
    absl::StatusOr<bool> more = (*reader)->ReadRecord(&record);
    if (!more.ok()) return more.status();
    if (!*more) return (*reader)->meta();
    if ((*reader)->offset() - told < kStepBytes) continue;
    told = (*reader)->offset();
    progress();
  }
}

class IncomingFile final : public Snapshots::Incoming {
 public:
  IncomingFile(std::shared_ptr<FileSystem> file_system, std::string directory, std::string path,
               Zxid zxid, std::unique_ptr<File> file, uint64_t offset)
      : file_system_(std::move(file_system)),
        directory_(std::move(directory)),
        path_(std::move(path)),
        zxid_(zxid),
        file_(std::move(file)),
        offset_(offset),
        synced_(offset) {}

  uint64_t offset() const override { return offset_; }

  absl::Status Write(std::string_view bytes) override {
    absl::Status status = file_->Write(offset_, {&bytes, 1});
    if (!status.ok()) return status;
    offset_ += bytes.size();
    if (offset_ - synced_ < kStepBytes) return status;
    synced_ = offset_;
    status = file_->Sync();
    if (!status.ok()) file_system_->Remove(path_).IgnoreError();  // else swept at the next start
    return status;
  }

  absl::StatusOr<SnapshotMeta> Finish(Snapshots::Progress progress) override {
    absl::StatusOr<SnapshotMeta> meta = Check(progress);
    if (meta.ok()) {
      absl::Status published = Publish(file_system_.get(), directory_, path_, zxid_);
      if (!published.ok()) return published;
      return meta;
    }
    // What does not verify cannot be gone on with. If it cannot be removed
    // either, the next start sweeps it.
    file_system_->Remove(path_).IgnoreError();
    return meta;
  }

 private:
  absl::StatusOr<SnapshotMeta> Check(Snapshots::Progress progress) {
    absl::Status status = file_->Resize(offset_);
    if (status.ok()) status = file_->Sync();
    if (!status.ok()) return status;
    return VerifyFile(file_system_.get(), path_, zxid_, progress);
  }

  const std::shared_ptr<FileSystem> file_system_;
  const std::string directory_;
  const std::string path_;
  const Zxid zxid_;
  const std::unique_ptr<File> file_;
  uint64_t offset_;
  uint64_t synced_;  // the offset at the last fsync
};

}  // namespace

Snapshots::Snapshots(std::shared_ptr<FileSystem> file_system, std::string directory)
    : file_system_(std::move(file_system)), directory_(std::move(directory)) {}

absl::StatusOr<std::unique_ptr<Snapshots>> Snapshots::Open(std::shared_ptr<FileSystem> file_system,
                                                           std::string directory) {
  absl::StatusOr<std::vector<std::string>> names = file_system->List(directory);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    const std::optional<Zxid> zxid = ParseName(name);
    if (!zxid) continue;
    absl::Status header =
        SnapshotFileReader::Open(file_system.get(), directory + "/" + name, *zxid).status();
    if (absl::IsFailedPrecondition(header)) return header;
  }
  for (const std::string& name : *names) {
    if (!IsPart(name, kTaking) && !IsPart(name, kReceiving)) continue;
    absl::Status removed = file_system->Remove(directory + "/" + name);
    if (!removed.ok()) return removed;
  }
  return std::unique_ptr<Snapshots>(new Snapshots(std::move(file_system), std::move(directory)));
}

absl::StatusOr<std::vector<Zxid>> Snapshots::List() const {
  absl::StatusOr<std::vector<std::string>> names = file_system_->List(directory_);
  if (!names.ok()) return names.status();
  std::vector<Zxid> found;
  for (const std::string& name : *names) {
    if (const std::optional<Zxid> zxid = ParseName(name)) found.push_back(*zxid);
  }
  std::sort(found.begin(), found.end());
  return found;
}

absl::StatusOr<SnapshotMeta> Snapshots::Verify(Zxid snapshot) const {
  return VerifyFile(file_system_.get(), directory_ + "/" + NameOf(snapshot), snapshot, [] {});
}

absl::StatusOr<SnapshotMeta> Snapshots::Adopt(Zxid snapshot, EnsembleId ensemble,
                                              Progress progress) const {
  absl::StatusOr<SnapshotMeta> verified =
      VerifyFile(file_system_.get(), directory_ + "/" + NameOf(snapshot), snapshot, progress);
  if (!verified.ok()) return verified;
  if (verified->ensemble != ensemble) {
    return absl::FailedPreconditionError("the snapshot at " + ToString(snapshot) +
                                         " belongs to ensemble " + ToString(verified->ensemble));
  }
  absl::Status synced = file_system_->SyncDirectory(directory_);
  if (!synced.ok()) return synced;
  return verified;
}

absl::StatusOr<Snapshots::Opened> Snapshots::Read(Zxid snapshot) const {
  absl::StatusOr<std::unique_ptr<SnapshotFileReader>> reader =
      SnapshotFileReader::Open(file_system_.get(), directory_ + "/" + NameOf(snapshot), snapshot);
  if (!reader.ok()) return reader.status();
  const SnapshotMeta meta = (*reader)->meta();
  return Opened{meta, *std::move(reader)};
}

// Read back before it counts: the log before it may be purged next.
absl::Status Snapshots::Take(const SnapshotMeta& meta, SnapshotJob job) {
  const std::string path = directory_ + "/" + NameOf(meta.zxid) + std::string(kTaking);
  // One that a failure has left, if it could not be removed then.
  file_system_->Remove(path).IgnoreError();
  absl::StatusOr<std::unique_ptr<File>> file = file_system_->Open(path, FileSystem::Mode::kCreate);
  if (!file.ok()) return file.status();
  SnapshotFileWriter writer(file->get(), meta);
  absl::Status status = std::move(job)(writer);
  if (status.ok()) status = writer.Finish();
  file->reset();
  if (status.ok()) status = VerifyFile(file_system_.get(), path, meta.zxid, [] {}).status();
  if (status.ok()) return Publish(file_system_.get(), directory_, path, meta.zxid);
  file_system_->Remove(path).IgnoreError();  // else swept at the next start
  return status;
}

absl::StatusOr<std::string> Snapshots::ReadBytes(Zxid snapshot, uint64_t offset,
                                                 size_t size) const {
  absl::StatusOr<std::unique_ptr<File>> file =
      file_system_->Open(directory_ + "/" + NameOf(snapshot), FileSystem::Mode::kRead);
  if (!file.ok()) return file.status();
  std::string bytes(size, '\0');
  absl::StatusOr<size_t> read = (*file)->Read(offset, size, bytes.data());
  if (!read.ok()) return read.status();
  bytes.resize(*read);
  return bytes;
}

absl::StatusOr<std::unique_ptr<Snapshots::Incoming>> Snapshots::Receive(Zxid snapshot) {
  const std::string wanted = NameOf(snapshot) + std::string(kReceiving);
  absl::StatusOr<std::vector<std::string>> names = file_system_->List(directory_);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (name == wanted || !IsPart(name, kReceiving)) continue;
    absl::Status removed = file_system_->Remove(directory_ + "/" + name);
    if (!removed.ok()) return removed;
  }
  const std::string path = directory_ + "/" + wanted;
  absl::StatusOr<std::unique_ptr<File>> file = file_system_->Open(path, FileSystem::Mode::kWrite);
  if (absl::IsNotFound(file.status())) {
    file = file_system_->Open(path, FileSystem::Mode::kCreate);
  }
  if (!file.ok()) return file.status();
  absl::StatusOr<uint64_t> size = (*file)->Size();
  if (!size.ok()) return size.status();
  return std::make_unique<IncomingFile>(file_system_, directory_, path, snapshot, *std::move(file),
                                        *size);
}

absl::StatusOr<Zxid> Snapshots::Purge(int retain, Zxid newest) {
  const absl::StatusOr<std::vector<Zxid>> all = List();
  if (!all.ok()) return all.status();
  auto oldest = all->begin();
  const auto newer = std::upper_bound(all->begin(), all->end(), newest);
  for (; newer - oldest > std::max(retain, 1); ++oldest) {
    absl::Status removed = file_system_->Remove(directory_ + "/" + NameOf(*oldest));
    if (!removed.ok()) return removed;
  }
  absl::Status synced = file_system_->SyncDirectory(directory_);
  if (!synced.ok()) return synced;
  return oldest == all->end() ? Zxid{} : *oldest;
}

}  // namespace zkq::storage
