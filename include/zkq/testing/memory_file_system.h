// MemoryFileSystem: a disk that forgets what a real one may forget.
//
// It keeps apart what was written and what is durable, in files (Sync) as well as in
// directories: a name that was created, renamed or removed without
// SyncDirectory is as it was before, after a crash. It can crash before any
// chosen operation, fail one, fill up, and hold things up.
//
//   MemoryFileSystem disk;
//   disk.CrashBefore(disk.operations() + n);  // the n-th from here and all after it fail
//   Run(disk);
//   disk.Crash();  // what is durable stays; the world goes on
//   Recover(disk);
//
// Renames stay within one directory. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "zkq/env.h"

namespace zkq::testing {
inline namespace v1 {

class ZKQ_EXPORT MemoryFileSystem final : public FileSystem {
 public:
  // What changes the disk, or makes a change durable.
  enum class Step {
    kCreate,
    kWrite,
    kResize,
    kSync,
    kRename,
    kRemove,
    kCreateDirectory,
    kSyncDirectory,
    kLock
  };
  struct Operation {
    uint64_t number = 0;  // counted from 1 over the life of the file system
    Step step = Step::kWrite;
    std::string path = {};
    std::string to = {};          // of kRename
    uint64_t offset = 0;          // of kWrite; the new size of kResize
    std::string_view bytes = {};  // of kWrite; valid during the call
  };
  enum class Verdict {
    kProceed,
    // This one fails and does nothing; the disk goes on. The bytes of a failed Sync can
    // still be read, but no later Sync makes them durable: a handle that is opened to
    // write does not see them, nor does a restarted process. The names of a failed
    // SyncDirectory become durable with the next one.
    kFail,
    kCrash,  // this one and every one after it fails, until Crash()
  };
  // Called before each operation, on the thread that asked for it, with no lock
  // held: it may block (a stalled disk), charge virtual time (a slow one) and
  // look at the file system, but not change it.
  using Observer = std::function<Verdict(const Operation&)>;
  // Called after each operation that took place, likewise. A write that met a full
  // disk is told with the bytes that were written.
  using Witness = std::function<void(const Operation&)>;
  // Called before each read of a file, likewise; kCrash is not for reads.
  using ReadObserver = std::function<Verdict(const std::string& path)>;

  MemoryFileSystem();
  ~MemoryFileSystem() override;

  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path, Mode mode) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override;
  absl::Status CreateDirectory(const std::string& path) override;
  absl::Status SyncDirectory(const std::string& directory) override;
  absl::StatusOr<std::unique_ptr<File>> Lock(const std::string& path) override;

  // Each replaces the one before, which may still be running; null removes it.
  void Observe(Observer observer);
  void ObserveReads(ReadObserver observer);
  void SetWitness(Witness witness);
  // kCrash at the operation of this number, or the next one if it is past, whatever the
  // observer says; 0: nowhere.
  void CrashBefore(uint64_t number);
  uint64_t operations() const;  // so far, those that failed included

  // Power is cut and comes back: only what is durable is there, locks are free,
  // files opened before fail for ever, CrashBefore is over; the observer stays.
  void Crash();
  // The same, but some of what was not durable survives: `random` chooses the sectors of
  // files, and how many of the changes to directories, in the order they were made.
  void CrashTorn(Random& random);
  // Only the process that used the disk is gone: all that was written is there but what
  // a Sync has failed to make durable; the rest as after a Crash.
  void KillProcess();
  // The disk is replaced by an empty one; the rest as after a Crash.
  void Wipe();
  // A disk of its own that holds what a Crash now would leave on this one.
  std::shared_ptr<MemoryFileSystem> AfterCrash() const;

  // Bytes that all files may hold together. A write or resize above is
  // kResourceExhausted; a write may have left a part of itself, as on a real disk.
  void SetCapacity(uint64_t bytes);

  // Reads, and replaces, the contents of a file: for comparison, and for damage that is
  // durable at once. Observers are not told.
  absl::StatusOr<std::string> Contents(const std::string& path) const;
  void SetContents(const std::string& path, std::string contents);
  // Every file, sorted.
  std::vector<std::string> Files() const;

 private:
  class Machine;
  class OpenFile;
  absl::StatusOr<std::unique_ptr<File>> Create(const std::string& path);

  const std::shared_ptr<Machine> machine_;
};

ZKQ_EXPORT std::string_view ToString(MemoryFileSystem::Step step);

}  // namespace v1
}  // namespace zkq::testing
