// Env: everything outside that is not deterministic. A null member of Env means
// the shipped implementation; the simulation kit brings its own.
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
#include "zkq/types.h"

namespace zkq {
inline namespace v1 {

// Thread-safe.
class ZKQ_EXPORT Clock {
 public:
  virtual ~Clock() = default;
  // Monotonic, from an arbitrary start; never falls, not even over a wall-clock
  // change. The protocol's only clock.
  virtual absl::Duration Monotonic() = 0;
  // Wall time: stamped on transactions, compared with nothing.
  virtual absl::Time Wall() = 0;
};

// Runs tasks on threads of its own. Thread-safe. Tasks may run side by side and
// in any order; zkq puts them in order itself.
class ZKQ_EXPORT Executor {
 public:
  using Task = absl::AnyInvocable<void() &&>;
  virtual ~Executor() = default;

  // Queues `task`; never runs it inside this call. After the executor's end a
  // task is dropped without being run.
  virtual void Run(Task task) = 0;
  // Queues `task` after `delay`. The id is never 0.
  virtual uint64_t RunAfter(absl::Duration delay, Task task) = 0;
  // True: the task will not run. False: it has run, runs, or is not known.
  virtual bool Cancel(uint64_t timer) = 0;
  // Waits until done() holds or `timeout` has passed, and returns done(). A
  // thread blocks, a simulated executor moves its virtual time on. Wake() makes
  // waiters look again. Never called on one of this executor's own threads.
  virtual bool Await(absl::FunctionRef<bool()> done, absl::Duration timeout) = 0;
  virtual void Wake() = 0;
  // True on a thread that runs this executor's tasks, in such a task.
  virtual bool InTask() const = 0;
};

// Thread-safe.
class ZKQ_EXPORT Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t Next() = 0;
};

// An open file. One thread at a time.
class ZKQ_EXPORT File {
 public:
  virtual ~File() = default;  // closes; what was not synced may be lost
  // Writes all of `pieces`, one after the other, from `offset` on, or fails.
  virtual absl::Status Write(uint64_t offset, absl::Span<const std::string_view> pieces) = 0;
  // Reads up to `size` bytes into `buffer`; fewer only at the end of the file.
  virtual absl::StatusOr<size_t> Read(uint64_t offset, size_t size, char* buffer) = 0;
  // Makes contents and size durable (fdatasync). Never repeated after a failure.
  virtual absl::Status Sync() = 0;
  virtual absl::StatusOr<uint64_t> Size() = 0;
  virtual absl::Status Resize(uint64_t size) = 0;
};

// Paths are as the host gave them. Thread-safe; errors name the path.
class ZKQ_EXPORT FileSystem {
 public:
  enum class Mode { kRead, kWrite, kCreate };  // kWrite: existing; kCreate: new, fails if there
  virtual ~FileSystem() = default;

  virtual absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path, Mode mode) = 0;
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  virtual absl::Status Remove(const std::string& path) = 0;
  // Names in `directory`, sorted, without "." and "..". kNotFound if it is not there.
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& directory) = 0;
  // Makes one directory, mode 0700; OK if it is there. Durable on return.
  virtual absl::Status CreateDirectory(const std::string& path) = 0;
  // Makes created, renamed and removed names in `directory` durable.
  virtual absl::Status SyncDirectory(const std::string& directory) = 0;
  // Holds `path` exclusively against other processes and other replicas of this
  // one until the result is destroyed. kFailedPrecondition when it is held.
  virtual absl::StatusOr<std::unique_ptr<File>> Lock(const std::string& path) = 0;
};

// Where zkq's log lines go. Thread-safe; must not call into zkq and not block.
enum class LogLevel { kDebug, kInfo, kWarning, kError };
class ZKQ_EXPORT LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void Log(LogLevel level, ServerId self, std::string_view line) = 0;
};

// Two executors keep the disk and the application off the heartbeats: nothing
// that may wait for either runs on the first.
struct Env {
  std::shared_ptr<Clock> clock = nullptr;
  std::shared_ptr<Executor> executor = nullptr;           // what never blocks
  std::shared_ptr<Executor> blocking_executor = nullptr;  // disk and user code
  std::shared_ptr<Random> random = nullptr;
  std::shared_ptr<FileSystem> file_system = nullptr;
};

}  // namespace v1
}  // namespace zkq
