#include "test/sim/kept_machine.h"

#include <charconv>
#include <iomanip>
#include <sstream>
#include <string>
#include <utility>

#include "lib/base/crc32c.h"

namespace zkq::sim {
namespace {

constexpr char kDirectory[] = "app";
constexpr char kFile[] = "app/state", kNext[] = "app/state.next";

// In front of a checkpoint: disks rot.
constexpr size_t kCrcBytes = 8;
std::string CrcOf(std::string_view text) {
  std::ostringstream out;
  out << std::hex << std::setw(kCrcBytes) << std::setfill('0') << Crc32c(text);
  return out.str();
}

// The records of a snapshot, each as its size, a colon, and its bytes.
class TextWriter final : public SnapshotWriter {
 public:
  absl::Status WriteRecord(std::string_view record) override {
    text_ += std::to_string(record.size()) + ':';
    text_ += record;
    return absl::OkStatus();
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

class TextReader final : public SnapshotReader {
 public:
  explicit TextReader(std::string_view text) : rest_(text) {}
  absl::StatusOr<bool> ReadRecord(std::string* record) override {
    if (rest_.empty()) return false;
    size_t size = 0;
    const char* const end = rest_.data() + rest_.size();
    const auto [at, error] = std::from_chars(rest_.data(), end, size);
    if (error != std::errc() || at == end || *at != ':' || static_cast<size_t>(end - at) <= size) {
      return absl::DataLossError("app/state is not a checkpoint");
    }
    *record = std::string(at + 1, size);
    rest_.remove_prefix(static_cast<size_t>(at + 1 - rest_.data()) + size);
    return true;
  }

 private:
  std::string_view rest_;
};

class KeptMachine final : public StateMachine {
 public:
  KeptMachine(std::unique_ptr<StateMachine> inner, FileSystem* disk, uint64_t every)
      : inner_(std::move(inner)), disk_(*disk), every_(every) {}

  absl::StatusOr<std::string> Apply(const Transaction& txn) override {
    absl::StatusOr<std::string> reply = inner_->Apply(txn);
    if (reply.ok()) Applied(txn.zxid);
    return reply;
  }
  absl::StatusOr<std::string> Query(std::string_view request) override {
    return inner_->Query(request);
  }
  // A snapshot says what it has applied: it may be restored where nothing is known.
  absl::StatusOr<SnapshotJob> Snapshot() override {
    absl::StatusOr<SnapshotJob> job = inner_->Snapshot();
    if (!job.ok()) return job;
    return SnapshotJob([applied = applied_, job = *std::move(job)](SnapshotWriter& out) mutable {
      absl::Status written =
          out.WriteRecord(std::to_string(applied.epoch) + ' ' + std::to_string(applied.counter));
      return written.ok() ? job(out) : written;
    });
  }
  absl::Status Restore(SnapshotReader& in) override {
    if (absl::Status read = Take(in); !read.ok()) return read;
    (void)Checkpoint();
    return absl::OkStatus();
  }
  absl::StatusOr<Zxid> Open() override {
    if (absl::Status made = disk_.CreateDirectory(kDirectory); !made.ok()) return made;
    auto file = disk_.Open(kFile, FileSystem::Mode::kRead);
    if (absl::IsNotFound(file.status())) return Zxid{};
    if (!file.ok()) return file.status();
    absl::StatusOr<uint64_t> size = (*file)->Size();
    if (!size.ok()) return size.status();
    std::string text(*size, '\0');
    absl::StatusOr<size_t> got = (*file)->Read(0, text.size(), text.data());
    if (!got.ok()) return got.status();
    if (*got != text.size() || text.size() < kCrcBytes ||
        CrcOf(std::string_view(text).substr(kCrcBytes)) != text.substr(0, kCrcBytes)) {
      return absl::DataLossError("app/state has changed");
    }
    TextReader reader(std::string_view(text).substr(kCrcBytes));
    if (absl::Status read = Take(reader); !read.ok()) return read;
    return applied_;
  }

 private:
  void Applied(Zxid zxid) {
    applied_ = zxid;
    if (++since_ < every_) return;
    if (Checkpoint().ok()) since_ = 0;
  }
  absl::Status Take(SnapshotReader& in) {
    std::string applied;
    if (absl::StatusOr<bool> more = in.ReadRecord(&applied); !more.ok()) return more.status();
    std::istringstream numbers(applied);
    if (!(numbers >> applied_.epoch >> applied_.counter)) {
      return absl::DataLossError("a snapshot that says it has applied \"" + applied + '"');
    }
    return inner_->Restore(in);
  }
  absl::Status Checkpoint() {
    absl::StatusOr<SnapshotJob> job = Snapshot();
    if (!job.ok()) return job.status();
    TextWriter text;
    if (absl::Status written = std::move(*job)(text); !written.ok()) return written;
    (void)disk_.Remove(kNext);  // of an attempt that failed
    auto file = disk_.Open(kNext, FileSystem::Mode::kCreate);
    if (!file.ok()) return file.status();
    const std::string crc = CrcOf(text.text());
    if (absl::Status status = (*file)->Write(0, {crc, text.text()}); !status.ok()) return status;
    if (absl::Status status = (*file)->Sync(); !status.ok()) return status;
    if (absl::Status status = disk_.Rename(kNext, kFile); !status.ok()) return status;
    return disk_.SyncDirectory(kDirectory);
  }

  const std::unique_ptr<StateMachine> inner_;
  FileSystem& disk_;
  const uint64_t every_;
  uint64_t since_ = 0;
  Zxid applied_ = {};
};

}  // namespace

std::unique_ptr<StateMachine> Kept(std::unique_ptr<StateMachine> inner, FileSystem* disk,
                                   uint64_t every) {
  return std::make_unique<KeptMachine>(std::move(inner), disk, every);
}

}  // namespace zkq::sim
