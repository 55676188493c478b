#include "zkq/testing/memory_file_system.h"

#include <algorithm>
#include <limits>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "lib/testing/memory_disk.h"

namespace zkq::testing {
inline namespace v1 {
namespace {

absl::Status Error(absl::StatusCode code, std::string_view what, const std::string& path) {
  return absl::Status(code, path + ": " + std::string(what));
}
absl::Status NotThere(const std::string& path) {
  return Error(absl::StatusCode::kNotFound, "not there", path);
}

// One name for each place: "a//b/" is "a/b".
std::string Plain(const std::string& path) {
  std::string plain;
  for (const char c : path) {
    if (c != '/' || plain.empty() || plain.back() != '/') plain += c;
  }
  if (plain.size() > 1 && plain.back() == '/') plain.pop_back();
  return plain;
}

}  // namespace

// The disk with all that may go wrong around it; shared with the open files.
class MemoryFileSystem::Machine {
 public:
  // What everything goes by, under `mutex`.
  std::mutex mutex;
  MemoryDisk disk;
  std::set<std::string> locked;
  uint64_t capacity = std::numeric_limits<uint64_t>::max();
  uint64_t life = 1;  // one more after each crash; files belong to theirs
  bool dead = false;  // crashed and not yet back
  uint64_t operations = 0;
  uint64_t crash_before = 0;  // 0: never
  std::shared_ptr<const Observer> observer;

  absl::Status Alive(const std::string& path) const {
    return dead ? Error(absl::StatusCode::kUnavailable, "the disk is gone", path)
                : absl::OkStatus();
  }

  uint64_t Free() const {
    const uint64_t used = disk.bytes();
    return capacity > used ? capacity - used : 0;
  }

  // Counts an operation and asks whether it may take place. OK: `*lock` holds the
  // mutex, and has since nothing went wrong.
  absl::Status Begin(Step step, const std::string& path, std::unique_lock<std::mutex>* lock) {
    *lock = std::unique_lock(mutex);
    if (absl::Status status = Alive(path); !status.ok()) return status;
    const uint64_t begun_in = life;
    const Operation operation{.number = ++operations, .step = step, .path = path};
    Verdict verdict = operation.number == crash_before ? Verdict::kCrash : Verdict::kProceed;
    if (observer != nullptr && verdict == Verdict::kProceed) {
      const std::shared_ptr<const Observer> asked = observer;
      lock->unlock();
      verdict = (*asked)(operation);
      lock->lock();
      // What else may have happened meanwhile.
      if (life != begun_in) return Error(absl::StatusCode::kUnavailable, "crashed", path);
      if (absl::Status status = Alive(path); !status.ok()) return status;
    }
    if (verdict == Verdict::kProceed) return absl::OkStatus();
    dead = verdict == Verdict::kCrash;
    return Error(dead ? absl::StatusCode::kUnavailable : absl::StatusCode::kInternal,
                 std::string(ToString(step)) + " failed", path);
  }

  void Revive() {
    ++life;
    dead = false;
    crash_before = 0;
    locked.clear();
  }
};

// A handle. It belongs to the life it was opened in and fails in any later one.
class MemoryFileSystem::OpenFile final : public File {
 public:
  // Under the machine's mutex.
  OpenFile(std::shared_ptr<Machine> machine, std::string path, MemoryDisk::FilePtr file,
           bool writable, bool holds_lock)
      : machine_(std::move(machine)),
        path_(std::move(path)),
        file_(std::move(file)),
        life_(machine_->life),
        writable_(writable),
        holds_lock_(holds_lock) {}

  ~OpenFile() override {
    const std::lock_guard lock(machine_->mutex);
    if (holds_lock_ && life_ == machine_->life) machine_->locked.erase(path_);
  }

  absl::Status Write(uint64_t offset, absl::Span<const std::string_view> pieces) override {
    std::unique_lock<std::mutex> lock;
    if (absl::Status status = Begin(Step::kWrite, &lock); !status.ok()) return status;
    std::string bytes;
    for (std::string_view piece : pieces) bytes.append(piece);
    const uint64_t size = file_->live().size();
    const uint64_t end = offset + bytes.size();
    const uint64_t over = end > size ? end - size - std::min(end - size, machine_->Free()) : 0;
    bytes.resize(bytes.size() - std::min<uint64_t>(over, bytes.size()));
    file_->Write(offset, bytes);
    return over > 0 ? Full() : absl::OkStatus();
  }

  absl::StatusOr<size_t> Read(uint64_t offset, size_t size, char* buffer) override {
    const std::lock_guard lock(machine_->mutex);
    if (absl::Status status = Usable(); !status.ok()) return status;
    const std::string& contents = file_->live();
    return offset < contents.size() ? contents.copy(buffer, size, offset) : size_t{0};
  }

  absl::Status Sync() override {
    std::unique_lock<std::mutex> lock;
    if (absl::Status status = Begin(Step::kSync, &lock); !status.ok()) return status;
    file_->Sync();
    return absl::OkStatus();
  }

  absl::StatusOr<uint64_t> Size() override {
    const std::lock_guard lock(machine_->mutex);
    if (absl::Status status = Usable(); !status.ok()) return status;
    return uint64_t{file_->live().size()};
  }

  absl::Status Resize(uint64_t size) override {
    std::unique_lock<std::mutex> lock;
    if (absl::Status status = Begin(Step::kResize, &lock); !status.ok()) return status;
    const uint64_t now = file_->live().size();
    if (size > now && size - now > machine_->Free()) return Full();
    file_->Resize(size);
    return absl::OkStatus();
  }

 private:
  absl::Status Full() const {
    return Error(absl::StatusCode::kResourceExhausted, "no space left", path_);
  }
  absl::Status Usable() const {
    if (life_ == machine_->life) return machine_->Alive(path_);
    return Error(absl::StatusCode::kFailedPrecondition, "opened before a crash", path_);
  }
  absl::Status Begin(Step step, std::unique_lock<std::mutex>* lock) {
    if (!writable_) return Error(absl::StatusCode::kPermissionDenied, "opened to read", path_);
    {
      const std::lock_guard held(machine_->mutex);
      if (absl::Status status = Usable(); !status.ok()) return status;
    }
    if (absl::Status status = machine_->Begin(step, path_, lock); !status.ok()) return status;
    return Usable();
  }

  const std::shared_ptr<Machine> machine_;
  const std::string path_;
  const MemoryDisk::FilePtr file_;
  const uint64_t life_;
  const bool writable_;
  const bool holds_lock_;
};

MemoryFileSystem::MemoryFileSystem() : machine_(std::make_shared<Machine>()) {}
MemoryFileSystem::~MemoryFileSystem() = default;

absl::StatusOr<std::unique_ptr<File>> MemoryFileSystem::Open(const std::string& given, Mode mode) {
  const std::string path = Plain(given);
  std::unique_lock<std::mutex> lock(machine_->mutex, std::defer_lock);
  if (mode == Mode::kCreate) {
    if (absl::Status status = machine_->Begin(Step::kCreate, path, &lock); !status.ok()) {
      return status;
    }
  } else {
    lock.lock();
  }
  if (absl::Status status = machine_->Alive(path); !status.ok()) return status;
  MemoryDisk::FilePtr file = machine_->disk.Find(path);
  if (mode != Mode::kCreate) {
    if (file == nullptr) return NotThere(path);
  } else {
    if (file != nullptr) return Error(absl::StatusCode::kAlreadyExists, "is there", path);
    if (!machine_->disk.HasDirectory(DirectoryOf(path))) return NotThere(path);
    file = machine_->disk.Create(path);
  }
  return std::make_unique<OpenFile>(machine_, path, std::move(file), mode != Mode::kRead,
                                    /*holds_lock=*/false);
}

absl::Status MemoryFileSystem::Rename(const std::string& given_from, const std::string& given_to) {
  const std::string from = Plain(given_from), to = Plain(given_to);
  std::unique_lock<std::mutex> lock;
  if (absl::Status status = machine_->Begin(Step::kRename, from, &lock); !status.ok()) {
    return status;
  }
  if (machine_->disk.Find(from) == nullptr) return NotThere(from);
  if (DirectoryOf(from) != DirectoryOf(to)) {
    return Error(absl::StatusCode::kUnimplemented, "renamed into another directory", from);
  }
  if (from != to) machine_->disk.Rename(from, to);
  return absl::OkStatus();
}

absl::Status MemoryFileSystem::Remove(const std::string& given) {
  const std::string path = Plain(given);
  std::unique_lock<std::mutex> lock;
  if (absl::Status status = machine_->Begin(Step::kRemove, path, &lock); !status.ok()) {
    return status;
  }
  if (machine_->disk.Find(path) == nullptr) return NotThere(path);
  machine_->disk.Remove(path);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> MemoryFileSystem::List(const std::string& given) {
  const std::string directory = Plain(given);
  const std::lock_guard lock(machine_->mutex);
  if (absl::Status status = machine_->Alive(directory); !status.ok()) return status;
  if (!machine_->disk.HasDirectory(directory)) return NotThere(directory);
  return machine_->disk.List(directory);
}

absl::Status MemoryFileSystem::CreateDirectory(const std::string& given) {
  const std::string path = Plain(given);
  std::unique_lock<std::mutex> lock;
  if (absl::Status status = machine_->Begin(Step::kCreateDirectory, path, &lock); !status.ok()) {
    return status;
  }
  if (!machine_->disk.HasDirectory(DirectoryOf(path))) return NotThere(path);
  if (machine_->disk.Find(path) != nullptr) {
    return Error(absl::StatusCode::kAlreadyExists, "is a file", path);
  }
  machine_->disk.CreateDirectory(path);
  return absl::OkStatus();
}

absl::Status MemoryFileSystem::SyncDirectory(const std::string& given) {
  const std::string directory = Plain(given);
  std::unique_lock<std::mutex> lock;
  if (absl::Status status = machine_->Begin(Step::kSyncDirectory, directory, &lock); !status.ok()) {
    return status;
  }
  if (!machine_->disk.HasDirectory(directory)) return NotThere(directory);
  machine_->disk.SyncDirectory(directory);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<File>> MemoryFileSystem::Lock(const std::string& given) {
  const std::string path = Plain(given);
  std::unique_lock<std::mutex> lock;
  if (absl::Status status = machine_->Begin(Step::kLock, path, &lock); !status.ok()) return status;
  if (!machine_->disk.HasDirectory(DirectoryOf(path))) return NotThere(path);
  if (!machine_->locked.insert(path).second) {
    return Error(absl::StatusCode::kFailedPrecondition, "is locked", path);
  }
  MemoryDisk::FilePtr file = machine_->disk.Find(path);
  if (file == nullptr) file = machine_->disk.Create(path);
  return std::make_unique<OpenFile>(machine_, path, std::move(file), /*writable=*/true,
                                    /*holds_lock=*/true);
}

void MemoryFileSystem::Observe(Observer observer) {
  const std::lock_guard lock(machine_->mutex);
  machine_->observer =
      observer == nullptr ? nullptr : std::make_shared<const Observer>(std::move(observer));
}

void MemoryFileSystem::CrashBefore(uint64_t number) {
  const std::lock_guard lock(machine_->mutex);
  machine_->crash_before = number;
}

uint64_t MemoryFileSystem::operations() const {
  const std::lock_guard lock(machine_->mutex);
  return machine_->operations;
}

void MemoryFileSystem::Crash() {
  const std::lock_guard lock(machine_->mutex);
  machine_->disk.Crash();
  machine_->Revive();
}

void MemoryFileSystem::CrashTorn(Random& random) {
  const std::lock_guard lock(machine_->mutex);
  machine_->disk.CrashTorn(random);
  machine_->Revive();
}

void MemoryFileSystem::SetCapacity(uint64_t bytes) {
  const std::lock_guard lock(machine_->mutex);
  machine_->capacity = bytes;
}

absl::StatusOr<std::string> MemoryFileSystem::Contents(const std::string& path) const {
  const std::lock_guard lock(machine_->mutex);
  const MemoryDisk::FilePtr file = machine_->disk.Find(Plain(path));
  if (file == nullptr) return NotThere(path);
  return file->live();
}

void MemoryFileSystem::SetContents(const std::string& given, std::string contents) {
  const std::string path = Plain(given);
  const std::lock_guard lock(machine_->mutex);
  const MemoryDisk::FilePtr file = machine_->disk.Find(path);
  if (file == nullptr) {
    machine_->disk.Place(path, std::make_shared<MemoryFile>(std::move(contents)));
  } else {
    *file = MemoryFile(std::move(contents));
  }
}

std::string_view ToString(MemoryFileSystem::Step step) {
  using Step = MemoryFileSystem::Step;
  switch (step) {
    case Step::kCreate:
      return "create";
    case Step::kWrite:
      return "write";
    case Step::kResize:
      return "resize";
    case Step::kSync:
      return "sync";
    case Step::kRename:
      return "rename";
    case Step::kRemove:
      return "remove";
    case Step::kCreateDirectory:
      return "create directory";
    case Step::kSyncDirectory:
      return "sync directory";
    case Step::kLock:
      return "lock";
  }
  return "?";
}

}  // namespace v1
}  // namespace zkq::testing
