#include "lib/env/posix_file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace zkq {
namespace {

absl::StatusCode CodeOf(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
      return absl::StatusCode::kResourceExhausted;
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::StatusCode::kPermissionDenied;
    case ENOENT:
    case ENOTDIR:
      return absl::StatusCode::kNotFound;
    case ENAMETOOLONG:
    case ELOOP:
      return absl::StatusCode::kInvalidArgument;
    case EEXIST:
      return absl::StatusCode::kAlreadyExists;
    default:
      return absl::StatusCode::kInternal;
  }
}

absl::Status Failed(const char* call, const std::string& path, int error) {
  return {CodeOf(error),
          std::string(call) + " " + path + ": " + std::generic_category().message(error)};
}

// Repeats a call that a signal interrupted. Not for close and not for fsync:
// what became of those is not known.
template <typename Call>
auto Uninterrupted(const Call& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

// A descriptor, closed at the end.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  // Everything that had to be durable was synced, so a failing close tells
  // nothing new.
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

Descriptor OpenDescriptor(const std::string& path, int flags) {
  return Descriptor(
      Uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, S_IRUSR | S_IWUSR); }));
}

class PosixFile final : public File {
 public:
  PosixFile(Descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  absl::Status Write(uint64_t offset, absl::Span<const std::string_view> pieces) override;
  absl::StatusOr<size_t> Read(uint64_t offset, size_t size, char* buffer) override;

  absl::Status Sync() override {
    if (::fdatasync(fd_.get()) == 0) return absl::OkStatus();
    return Failed("fdatasync", path_, errno);
  }

  absl::StatusOr<uint64_t> Size() override {
    struct stat status;
    if (::fstat(fd_.get(), &status) != 0) return Failed("fstat", path_, errno);
    return static_cast<uint64_t>(status.st_size);
  }

  absl::Status Resize(uint64_t size) override {
    const auto length = static_cast<off_t>(size);
    if (Uninterrupted([&] { return ::ftruncate(fd_.get(), length); }) == 0) {
      return absl::OkStatus();
    }
    return Failed("ftruncate", path_, errno);
  }

 private:
  absl::Status WriteVector(uint64_t offset, iovec* vector, size_t count);

  const Descriptor fd_;
  const std::string path_;
};

// How many pieces go into one call; the kernel takes up to 1024.
constexpr size_t kPiecesMax = 256;

absl::Status PosixFile::Write(uint64_t offset, absl::Span<const std::string_view> pieces) {
  std::array<iovec, kPiecesMax> vector;
  while (!pieces.empty()) {
    size_t count = 0;
    uint64_t bytes = 0;
    for (; count < std::min(pieces.size(), kPiecesMax); ++count) {
      vector[count] = {const_cast<char*>(pieces[count].data()), pieces[count].size()};
      bytes += pieces[count].size();
    }
    absl::Status written = WriteVector(offset, vector.data(), count);
    if (!written.ok()) return written;
    offset += bytes;
    pieces.remove_prefix(count);
  }
  return absl::OkStatus();
}

// A short write is no error: the next call goes on, or tells why it cannot.
absl::Status PosixFile::WriteVector(uint64_t offset, iovec* vector, size_t count) {
  while (count > 0) {
    if (vector->iov_len == 0) {
      ++vector;
      --count;
      continue;
    }
    const ssize_t written = Uninterrupted([&] {
      return ::pwritev(fd_.get(), vector, static_cast<int>(count), static_cast<off_t>(offset));
    });
    if (written < 0) return Failed("write", path_, errno);
    if (written == 0) return Failed("write", path_, ENOSPC);
    offset += static_cast<uint64_t>(written);
    for (size_t rest = static_cast<size_t>(written); rest > 0;) {
      const size_t step = std::min(rest, vector->iov_len);
      vector->iov_base = static_cast<char*>(vector->iov_base) + step;
      vector->iov_len -= step;
      rest -= step;
      if (vector->iov_len == 0 && rest > 0) ++vector, --count;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<size_t> PosixFile::Read(uint64_t offset, size_t size, char* buffer) {
  size_t done = 0;
  while (done < size) {
    const ssize_t read = Uninterrupted([&] {
      return ::pread(fd_.get(), buffer + done, size - done, static_cast<off_t>(offset + done));
    });
    if (read < 0) return Failed("read", path_, errno);
    if (read == 0) break;
    done += static_cast<size_t>(read);
  }
  return done;
}

std::string ParentOf(const std::string& path) {
  const size_t end = path.find_last_not_of('/');
  const size_t slash = path.find_last_of('/', end);
  if (end == std::string::npos || slash == 0) return "/";
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

class PosixFileSystem final : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path, Mode mode) override;
  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
    return Failed("rename", from, errno);
  }
  absl::Status Remove(const std::string& path) override {
    if (::unlink(path.c_str()) == 0) return absl::OkStatus();
    return Failed("unlink", path, errno);
  }
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override;
  absl::Status CreateDirectory(const std::string& path) override;
  absl::Status SyncDirectory(const std::string& directory) override;
  absl::StatusOr<std::unique_ptr<File>> Lock(const std::string& path) override;
};

absl::StatusOr<std::unique_ptr<File>> PosixFileSystem::Open(const std::string& path, Mode mode) {
  const int flags = mode == Mode::kRead    ? O_RDONLY
                    : mode == Mode::kWrite ? O_RDWR
                                           : O_RDWR | O_CREAT | O_EXCL;
  Descriptor fd = OpenDescriptor(path, flags);
  if (fd.get() < 0) return Failed("open", path, errno);
  // Pages whose write-back has failed count as clean and read as if they were on the disk.
  // A file that is opened to be written to must show the disk itself.
  if (mode == Mode::kWrite) ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
  return std::make_unique<PosixFile>(std::move(fd), path);
}

absl::StatusOr<std::vector<std::string>> PosixFileSystem::List(const std::string& directory) {
  DIR* stream = ::opendir(directory.c_str());
  if (stream == nullptr) return Failed("opendir", directory, errno);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  const int error = errno;
  ::closedir(stream);
  if (error != 0) return Failed("readdir", directory, error);
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status PosixFileSystem::CreateDirectory(const std::string& path) {
  if (::mkdir(path.c_str(), S_IRWXU) != 0) {
    const int error = errno;
    struct stat status;
    const bool there = error == EEXIST && ::stat(path.c_str(), &status) == 0;
    if (!there || !S_ISDIR(status.st_mode)) return Failed("mkdir", path, error);
    // Made by somebody else, in a directory we may not read: theirs to sync.
    if (::access(ParentOf(path).c_str(), R_OK) != 0) return absl::OkStatus();
  }
  return SyncDirectory(ParentOf(path));
}

absl::Status PosixFileSystem::SyncDirectory(const std::string& directory) {
  const Descriptor fd = OpenDescriptor(directory, O_RDONLY | O_DIRECTORY);
  if (fd.get() < 0) return Failed("open", directory, errno);
  if (::fsync(fd.get()) == 0) return absl::OkStatus();
  return Failed("fsync", directory, errno);
}

// flock belongs to the open file, not to the process: a second replica of this
// process opens its own and is kept out like any other.
absl::StatusOr<std::unique_ptr<File>> PosixFileSystem::Lock(const std::string& path) {
  Descriptor fd = OpenDescriptor(path, O_RDWR | O_CREAT);
  if (fd.get() < 0) return Failed("open", path, errno);
  if (Uninterrupted([&] { return ::flock(fd.get(), LOCK_EX | LOCK_NB); }) != 0) {
    if (errno != EWOULDBLOCK) return Failed("flock", path, errno);
    return absl::FailedPreconditionError(path + ": held by another replica");
  }
  return std::make_unique<PosixFile>(std::move(fd), path);
}

}  // namespace

std::shared_ptr<FileSystem> NewPosixFileSystem() { return std::make_shared<PosixFileSystem>(); }

}  // namespace zkq
