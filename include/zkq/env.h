// Env: what a replica takes from its host: time, threads, chance and files. A null member
// of Env means the shipped implementation; the simulation kit brings its own, so that one
// seed decides a whole run.
//
// A replica keeps each part alive until it is destroyed and the last call that it made to the
// disk or to user code has returned. Several replicas may share a part. Nothing here may throw.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "zkq/log.h"
#include "zkq/types.h"

namespace zkq {
inline namespace v1 {

// Thread-safe.
class ZKQ_EXPORT Clock {
 public:
  virtual ~Clock() = default;
  // Time since an arbitrary start, the same for all calls on this clock. Never falls, and
  // does not follow changes of the wall clock. All time limits go by it, and how stale a local
  // read may be: so it must count the time in which the machine was suspended.
  virtual absl::Duration Monotonic() = 0;
  // The date, which may jump. A leader writes it into its transactions
  // (Transaction::leader_time); no decision depends on it.
  virtual absl::Time Wall() = 0;
};

// Runs tasks on threads of its own. Thread-safe. Tasks may run side by side and
// in any order; zkq puts them in order itself.
class ZKQ_EXPORT Executor {
 public:
  using Task = absl::AnyInvocable<void() &&>;
  virtual ~Executor() = default;

  // Queues `task`; never runs it inside this call, and never blocks. zkq queues at most one
  // task for each serial queue of a replica (six of them), and a few of its own. After the
  // executor's end a task is destroyed without being run.
  virtual void Run(Task task) = 0;
  // Queues `task` once `delay` has passed, by a monotonic clock; 0 or less: at once. The
  // result names the timer for Cancel, and is never 0.
  virtual uint64_t RunAfter(absl::Duration delay, Task task) = 0;
  // True: the task will not run, and is destroyed. False: it has run, runs, or is not known.
  virtual bool Cancel(uint64_t timer) = 0;
  // Waits until done() is true or `timeout` (maybe infinite) has passed, and returns
  // done(). A thread blocks, a simulated executor lets virtual time pass. done() is quick and
  // may be called on any thread; who makes it true calls Wake. Never called on one of this
  // executor's own threads.
  virtual bool Await(absl::FunctionRef<bool()> done, absl::Duration timeout) = 0;
  // Everyone in Await calls its done() again.
  virtual void Wake() = 0;
  // True while the calling thread runs one of this executor's tasks.
  virtual bool InTask() const = 0;
};

// Makes identities (ensembles, disks), and spreads snapshots and redials over time. Thread-safe.
class ZKQ_EXPORT Random {
 public:
  virtual ~Random() = default;
  // 64 random bits. No two processes and no two disks may get the same sequence.
  virtual uint64_t Next() = 0;
};

// An open file. Used by one thread at a time. Offsets and sizes are in bytes.
class ZKQ_EXPORT File {
 public:
  virtual ~File() = default;  // closes; what was not synced may be lost
  // Writes all of `pieces`, one after the other, from `offset` on, or fails.
  virtual absl::Status Write(uint64_t offset, absl::Span<const std::string_view> pieces) = 0;
  // Reads up to `size` bytes into `buffer`; fewer only at the end of the file.
  virtual absl::StatusOr<size_t> Read(uint64_t offset, size_t size, char* buffer) = 0;
  // Makes contents and size durable (fdatasync): after OK they survive a power cut. zkq
  // never repeats it after a failure, since nobody knows then what the disk has.
  virtual absl::Status Sync() = 0;
  virtual absl::StatusOr<uint64_t> Size() = 0;
  // Cuts the file, or extends it with zeros.
  virtual absl::Status Resize(uint64_t size) = 0;
};

// The files of one replica, or of several. Thread-safe. Paths are data_dir as the host gave
// it, and names below it. RunFileSystemConformance (zkq/testing/conformance.h) tests one.
//
// Errors name the path. Code that zkq acts on: kNotFound (no such file; a file in the place
// of a directory, too), kInvalidArgument (no file can have this path), kAlreadyExists,
// kPermissionDenied, kResourceExhausted (no space or no descriptors), kFailedPrecondition (Lock).
// Anything else is kInternal.
class ZKQ_EXPORT FileSystem {
 public:
  enum class Mode {
    kRead,
    kWrite,   // and read: what the disk has, also after a failed Sync; kNotFound if none is there
    kCreate,  // and write and read; kAlreadyExists if one is there
  };
  virtual ~FileSystem() = default;

  virtual absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path, Mode mode) = 0;
  // Replaces `to` in one step, if it is there. Durable after SyncDirectory.
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  // One file. Durable after SyncDirectory.
  virtual absl::Status Remove(const std::string& path) = 0;
  // Names in `directory`, sorted, without "." and "..". kNotFound if it is not there.
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& directory) = 0;
  // Makes one directory, which others cannot read; OK if it is there. kNotFound if its
  // parent is not. Durable on return.
  virtual absl::Status CreateDirectory(const std::string& path) = 0;
  // Makes created, renamed and removed names in `directory` durable.
  virtual absl::Status SyncDirectory(const std::string& directory) = 0;
  // Holds `path` exclusively against other processes and other replicas of this
  // one until the result is destroyed. kFailedPrecondition when it is held.
  virtual absl::StatusOr<std::unique_ptr<File>> Lock(const std::string& path) = 0;
};

// There are two executors so that neither the disk nor the application can delay a
// heartbeat: what may wait for either runs on the second. They must not be the same. A log sink
// that never returns keeps one thread of the second, however many replicas share both.
struct Env {
  std::shared_ptr<Clock> clock = nullptr;
  std::shared_ptr<Executor> executor = nullptr;           // protocol and timers: never blocks
  std::shared_ptr<Executor> blocking_executor = nullptr;  // disk and user code: seven may block
  std::shared_ptr<Random> random = nullptr;
  std::shared_ptr<FileSystem> file_system = nullptr;
};

// The shipped parts: the host's clocks, threads, the kernel's random numbers, POSIX files. An
// executor is null if no thread can be had. A replica makes its own; this is for tests, and
// for those who wrap a part.
ZKQ_EXPORT Env NewSystemEnv();

}  // namespace v1
}  // namespace zkq
