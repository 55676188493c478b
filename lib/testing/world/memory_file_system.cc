#include "zkq/testing/memory_file_system.h"

#include <algorithm>
#include <limits>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "lib/testing/world/memory_disk.h"

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
  std::shared_ptr<const Witness> witness;
  std::shared_ptr<const ReadObserver> read_observer;

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
  absl::Status Begin(Operation* operation, std::unique_lock<std::mutex>* lock) {
    *lock = std::unique_lock(mutex);
    const std::string& path = operation->path;
    if (absl::Status status = Alive(path); !status.ok()) return status;
    const uint64_t begun_in = life;
    operation->number = ++operations;
    const bool dies = crash_before != 0 && operation->number >= crash_before;
    Verdict verdict = dies ? Verdict::kCrash : Verdict::kProceed;
    if (observer != nullptr) {
      const std::shared_ptr<const Observer> asked = observer;
      lock->unlock();
      const Verdict said = (*asked)(*operation);
      lock->lock();
      // What else may have happened meanwhile.
      if (life != begun_in) return Error(absl::StatusCode::kUnavailable, "crashed", path);
      if (absl::Status status = Alive(path); !status.ok()) return status;
      if (verdict == Verdict::kProceed) verdict = said;
    }
    if (verdict == Verdict::kProceed) return absl::OkStatus();
    dead = verdict == Verdict::kCrash;
    return Error(dead ? absl::StatusCode::kUnavailable : absl::StatusCode::kInternal,
                 std::string(ToString(operation->step)) + " failed", path);
  }

  Verdict BeforeRead(const std::string& path) {
    std::shared_ptr<const ReadObserver> asked;
    {
      const std::lock_guard lock(mutex);
      asked = read_observer;
    }
    return asked != nullptr ? (*asked)(path) : Verdict::kProceed;
  }

  // It took place: tells the witness, without the lock.
  void End(const Operation& operation, std::unique_lock<std::mutex> lock) {
    const std::shared_ptr<const Witness> told = witness;
    lock.unlock();
    if (told != nullptr) (*told)(operation);
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
    std::string bytes;
    for (std::string_view piece : pieces) bytes.append(piece);
    Operation operation{.step = Step::kWrite, .path = path_, .offset = offset, .bytes = bytes};
    std::unique_lock<std::mutex> lock;
    if (absl::Status status = Begin(&operation, &lock); !status.ok()) return status;
    const uint64_t size = file_->live().size();
    const uint64_t end = offset + bytes.size();
    const uint64_t over = end > size ? end - size - std::min(end - size, machine_->Free()) : 0;
    operation.bytes.remove_suffix(std::min<uint64_t>(over, bytes.size()));
    file_->Write(offset, operation.bytes);
    machine_->End(operation, std::move(lock));
    return over > 0 ? Full() : absl::OkStatus();
  }

  absl::StatusOr<size_t> Read(uint64_t offset, size_t size, char* buffer) override {
    {
      const std::lock_guard lock(machine_->mutex);
      if (absl::Status status = Usable(); !status.ok()) return status;
    }
    const Verdict verdict = machine_->BeforeRead(path_);
    const std::lock_guard lock(machine_->mutex);
    if (absl::Status status = Usable(); !status.ok()) return status;
    if (verdict == Verdict::kFail) {
      return Error(absl::StatusCode::kInternal, "read failed", path_);
    }
    const std::string& contents = file_->live();
    return offset < contents.size() ? contents.copy(buffer, size, offset) : size_t{0};
  }

  absl::Status Sync() override {
    Operation operation{.step = Step::kSync, .path = path_};
    std::unique_lock<std::mutex> lock;
    if (absl::Status status = Begin(&operation, &lock); !status.ok()) {
      if (lock.owns_lock() && Usable().ok()) file_->FailSync();
      return status;
    }
    file_->Sync();
    machine_->End(operation, std::move(lock));
    return absl::OkStatus();
  }

  absl::StatusOr<uint64_t> Size() override {
    const std::lock_guard lock(machine_->mutex);
    if (absl::Status status = Usable(); !status.ok()) return status;
    return uint64_t{file_->live().size()};
  }

  absl::Status Resize(uint64_t size) override {
    Operation operation{.step = Step::kResize, .path = path_, .offset = size};
    std::unique_lock<std::mutex> lock;
    if (absl::Status status = Begin(&operation, &lock); !status.ok()) return status;
    const uint64_t now = file_->live().size();
    if (size > now && size - now > machine_->Free()) return Full();
    file_->Resize(size);
    machine_->End(operation, std::move(lock));
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
  absl::Status Begin(Operation* operation, std::unique_lock<std::mutex>* lock) {
    if (!writable_) return Error(absl::StatusCode::kPermissionDenied, "opened to read", path_);
    {
      const std::lock_guard held(machine_->mutex);
      if (absl::Status status = Usable(); !status.ok()) return status;
    }
    if (absl::Status status = machine_->Begin(operation, lock); !status.ok()) return status;
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
  if (mode == Mode::kCreate) return Create(path);
  const std::lock_guard lock(machine_->mutex);
  if (absl::Status status = machine_->Alive(path); !status.ok()) return status;
  MemoryDisk::FilePtr file = machine_->disk.Find(path);
  if (file == nullptr) return NotThere(path);
  if (mode == Mode::kWrite) file->DropFailed();
  return std::make_unique<OpenFile>(machine_, path, std::move(file), mode != Mode::kRead,
                                    /*holds_lock=*/false);
}

absl::StatusOr<std::unique_ptr<File>> MemoryFileSystem::Create(const std::string& path) {
  Operation operation{.step = Step::kCreate, .path = path};
  std::unique_lock<std::mutex> lock;
  if (absl::Status status = machine_->Begin(&operation, &lock); !status.ok()) return status;
  MemoryDisk& disk = machine_->disk;
  if (disk.Find(path) != nullptr) {
    return Error(absl::StatusCode::kAlreadyExists, "is there", path);
  }
  if (!disk.HasDirectory(DirectoryOf(path))) return NotThere(path);
  auto file = std::make_unique<OpenFile>(machine_, path, disk.Create(path), /*writable=*/true,
                                         /*holds_lock=*/false);
  machine_->End(operation, std::move(lock));
  return file;
}

absl::Status MemoryFileSystem::Rename(const std::string& given_from, const std::string& given_to) {
  const std::string from = Plain(given_from), to = Plain(given_to);
  Operation operation{.step = Step::kRename, .path = from, .to = to};
  std::unique_lock<std::mutex> lock;
  if (absl::Status status = machine_->Begin(&operation, &lock); !status.ok()) return status;
  if (machine_->disk.Find(from) == nullptr) return NotThere(from);
  if (DirectoryOf(from) != DirectoryOf(to)) {
    return Error(absl::StatusCode::kUnimplemented, "renamed into another directory", from);
  }
  if (from != to) machine_->disk.Rename(from, to);
  machine_->End(operation, std::move(lock));
  return absl::OkStatus();
}

absl::Status MemoryFileSystem::Remove(const std::string& given) {
  Operation operation{.step = Step::kRemove, .path = Plain(given)};
  const std::string& path = operation.path;
  std::unique_lock<std::mutex> lock;
  if (absl::Status status = machine_->Begin(&operation, &lock); !status.ok()) return status;
  if (machine_->disk.Find(path) == nullptr) return NotThere(path);
  machine_->disk.Remove(path);
  machine_->End(operation, std::move(lock));
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
  Operation operation{.step = Step::kCreateDirectory, .path = Plain(given)};
  const std::string& path = operation.path;
  std::unique_lock<std::mutex> lock;
  if (absl::Status status = machine_->Begin(&operation, &lock); !status.ok()) return status;
  if (!machine_->disk.HasDirectory(DirectoryOf(path))) return NotThere(path);
  if (machine_->disk.Find(path) != nullptr) {
    return Error(absl::StatusCode::kAlreadyExists, "is a file", path);
  }
  machine_->disk.CreateDirectory(path);
  machine_->End(operation, std::move(lock));
  return absl::OkStatus();
}

absl::Status MemoryFileSystem::SyncDirectory(const std::string& given) {
  Operation operation{.step = Step::kSyncDirectory, .path = Plain(given)};
  const std::string& directory = operation.path;
  std::unique_lock<std::mutex> lock;
  if (absl::Status status = machine_->Begin(&operation, &lock); !status.ok()) return status;
  if (!machine_->disk.HasDirectory(directory)) return NotThere(directory);
  machine_->disk.SyncDirectory(directory);
  machine_->End(operation, std::move(lock));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<File>> MemoryFileSystem::Lock(const std::string& given) {
  Operation operation{.step = Step::kLock, .path = Plain(given)};
  const std::string& path = operation.path;
  std::unique_lock<std::mutex> lock;
  if (absl::Status status = machine_->Begin(&operation, &lock); !status.ok()) return status;
  if (!machine_->disk.HasDirectory(DirectoryOf(path))) return NotThere(path);
  if (!machine_->locked.insert(path).second) {
    return Error(absl::StatusCode::kFailedPrecondition, "is locked", path);
  }
  MemoryDisk::FilePtr file = machine_->disk.Find(path);
  if (file == nullptr) file = machine_->disk.Create(path);
  auto held = std::make_unique<OpenFile>(machine_, path, std::move(file), /*writable=*/true,
                                         /*holds_lock=*/true);
  machine_->End(operation, std::move(lock));
  return held;
}

void MemoryFileSystem::Observe(Observer observer) {
  const std::lock_guard lock(machine_->mutex);
  machine_->observer =
      observer == nullptr ? nullptr : std::make_shared<const Observer>(std::move(observer));
}

void MemoryFileSystem::ObserveReads(ReadObserver observer) {
  const std::lock_guard lock(machine_->mutex);
  machine_->read_observer =
      observer == nullptr ? nullptr : std::make_shared<const ReadObserver>(std::move(observer));
}

void MemoryFileSystem::SetWitness(Witness witness) {
  const std::lock_guard lock(machine_->mutex);
  machine_->witness =
      witness == nullptr ? nullptr : std::make_shared<const Witness>(std::move(witness));
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

void MemoryFileSystem::KillProcess() {
  const std::lock_guard lock(machine_->mutex);
  machine_->disk.DropFailed();
  machine_->Revive();
}

void MemoryFileSystem::Wipe() {
  const std::lock_guard lock(machine_->mutex);
  machine_->disk = MemoryDisk();
  machine_->Revive();
}

std::shared_ptr<MemoryFileSystem> MemoryFileSystem::AfterCrash() const {
  auto left = std::make_shared<MemoryFileSystem>();
  const std::lock_guard lock(machine_->mutex);
  left->machine_->disk = machine_->disk.AfterCrash();
  return left;
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

std::vector<std::string> MemoryFileSystem::Files() const {
  const std::lock_guard lock(machine_->mutex);
  return machine_->disk.Files();
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
