// What the storage tests share: a disk in memory with one directory on it, and
// histories to fill it with.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lib/storage/log.h"
#include "zkq/testing/memory_file_system.h"
#include "zkq/wire.h"

namespace zkq::storage {

using testing::MemoryFileSystem;

inline constexpr char kDir[] = "dir";

// Small enough that everything rolls over, and that each of its bits can be tried.
inline constexpr LogOptions kTiny = {.segment_bytes = 4096};

inline std::shared_ptr<MemoryFileSystem> NewDisk() {
  auto disk = std::make_shared<MemoryFileSystem>();
  disk->CreateDirectory(kDir).IgnoreError();
  return disk;
}

using Files = std::map<std::string, std::string>;
inline Files FilesOf(FileSystem* disk, const std::string& directory) {
  Files files;
  const std::vector<std::string> names = *disk->List(directory);
  for (const std::string& name : names) {
    std::unique_ptr<File> file = *disk->Open(directory + "/" + name, FileSystem::Mode::kRead);
    std::string bytes(*file->Size(), '\0');
    bytes.resize(*file->Read(0, bytes.size(), bytes.data()));
    files[name] = bytes;
  }
  return files;
}
inline Files FilesOf(MemoryFileSystem& disk) { return FilesOf(&disk, kDir); }

// A new disk that holds just these files, durably.
inline std::shared_ptr<MemoryFileSystem> DiskWith(const Files& files) {
  std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  for (const auto& [name, bytes] : files) disk->SetContents(kDir + ("/" + name), bytes);
  return disk;
}

// `count` entries after `prev`, the first of them `first`. {e,0} is {0,0}: so
// loops can say "the one before".
inline std::vector<Txn> Entries(Zxid prev, Zxid first, int count, size_t bytes = 10) {
  std::vector<Txn> txns;
  if (prev.counter == 0) prev = {};
  for (int i = 0; i < count; ++i) {
    const std::string command = ToString(first) + std::string(bytes, '.');
    txns.push_back(EncodeTxn(first, prev, TxnKind::kCommand, {ServerId{1}, 7, 9},
                             1000 + first.counter, command));
    prev = first;
    ++first.counter;
  }
  return txns;
}

inline HardState StateOf(Epoch epoch) {
  HardState state;
  state.sid = ServerId{1};
  state.disk = {11, 22};
  state.boot = 5;
  state.accepted = {epoch, ServerId{2}, 9};
  state.current = epoch;
  return state;
}

inline absl::StatusOr<Zxid> PurgeAll(Log* log, Zxid through) {
  absl::StatusOr<bool> purged = true;
  while (purged.ok() && *purged) purged = log->PurgeOne(through);
  if (!purged.ok()) return purged.status();
  return log->begin();
}

struct OpenedLog {
  std::unique_ptr<Log> log;
  Recovered contents;
};
inline absl::StatusOr<OpenedLog> OpenLog(std::shared_ptr<FileSystem> disk,
                                         const LogOptions& options = kTiny) {
  OpenedLog opened;
  absl::StatusOr<std::unique_ptr<Log>> log =
      Log::Open(std::move(disk), kDir, options, &opened.contents);
  if (!log.ok()) return log.status();
  opened.log = *std::move(log);
  return opened;
}

inline std::string Print(const std::vector<Txn>& txns) {
  std::string text;
  for (const Txn& txn : txns) text += (text.empty() ? "" : " ") + ToString(txn.zxid);
  return text;
}

// All that a log says of itself, its live entries as they read included.
inline std::string Print(Log& log, const Recovered& contents) {
  std::string text = contents.fresh ? "fresh " : "";
  text += "epoch " + std::to_string(contents.state.current) + " base " +
          ToString(contents.base.zxid) + " begin " + ToString(contents.epochs.begin()) + " last " +
          ToString(contents.epochs.last()) + " hint " + ToString(contents.commit) + " epochs";
  for (Zxid zxid : contents.epochs.Table()) text += " " + ToString(zxid);
  const absl::StatusOr<std::vector<Txn>> read = log.Read(contents.epochs.begin(), 1 << 20);
  text += " read " + (read.ok() ? Print(*read) : read.status().ToString());
  return text;
}

// The same of the log on `disk`, opened for this; or why it cannot be.
inline std::string PrintLog(std::shared_ptr<FileSystem> disk, const LogOptions& options = kTiny) {
  absl::StatusOr<OpenedLog> opened = OpenLog(std::move(disk), options);
  if (!opened.ok()) return opened.status().ToString();
  return Print(*opened->log, opened->contents);
}

}  // namespace zkq::storage
