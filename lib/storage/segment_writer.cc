#include "lib/storage/segment_writer.h"

#include <algorithm>
#include <vector>

#include "lib/storage/ensure.h"

namespace zkq::storage {
namespace {

constexpr uint64_t kFillBytes = 1 << 20;
// From this size on a batch pays for its own growth of the file.
constexpr uint64_t kFillForBatchesBelow = kFillBytes / 8;

std::string_view Zeros() {
  static constexpr char kZeros[64 << 10] = {};
  return {kZeros, sizeof(kZeros)};
}

absl::Status WriteZeros(File* file, uint64_t from, uint64_t to) {
  const std::vector<std::string_view> pieces((to - from) / Zeros().size(), Zeros());
  const std::string_view rest = Zeros().substr(0, (to - from) % Zeros().size());
  absl::Status written = file->Write(from, pieces);
  if (!written.ok() || rest.empty()) return written;
  return file->Write(to - rest.size(), {&rest, 1});
}

}  // namespace

SegmentWriter::SegmentWriter(std::unique_ptr<File> file, const End& end)
    : file_(std::move(file)), end_(end), durable_(end.offset) {}

absl::StatusOr<SegmentWriter> SegmentWriter::Create(FileSystem* file_system,
                                                    const std::string& directory, End end,
                                                    const SegmentStart& start, Zxid commit) {
  const std::string header = EncodeSegmentHeader({end.number, end.chain});
  const std::string path = directory + "/" + SegmentName(end.number);
  absl::StatusOr<std::unique_ptr<File>> file = file_system->Open(path, FileSystem::Mode::kCreate);
  if (!file.ok()) return file.status();
  end.offset = kSectorBytes;
  end.filled = 0;
  SegmentWriter writer(*std::move(file), end);
  writer.durable_ = 0;

  Batch batch;
  batch.Add(RecordType::kStart, EncodeSegmentStart(start));
  absl::Status status = writer.Write(&batch, commit);
  const std::string_view piece = header;
  if (status.ok()) status = writer.file_->Write(0, {&piece, 1});
  if (status.ok()) status = writer.Sync();
  if (status.ok()) status = file_system->SyncDirectory(directory);
  if (!status.ok()) return status;
  return writer;
}

absl::Status SegmentWriter::Mend(uint64_t dirty_end) {
  ZKQ_ENSURE(end_.offset % kSectorBytes == 0, SegmentName(end_.number), end_.offset);
  absl::Status status = absl::OkStatus();
  if (dirty_end > end_.offset) status = WriteZeros(file_.get(), end_.offset, dirty_end);
  return status.ok() ? Sync() : status;
}

absl::Status SegmentWriter::Write(Batch* batch, Zxid commit) {
  ZKQ_ENSURE(end_.offset % kSectorBytes == 0, SegmentName(end_.number), end_.offset);
  ZKQ_ENSURE(batch->of_one_kind(), SegmentName(end_.number), end_.offset);
  ZKQ_ENSURE(batch->payload_bytes() <= UINT32_MAX, SegmentName(end_.number), end_.offset);
  BatchHeader header;
  header.segment = end_.number;
  header.offset = end_.offset;
  header.durable_before = durable_;
  header.previous = end_.chain;
  header.commit = commit;
  batch->Seal(&header);
  absl::Status status = file_->Write(end_.offset, batch->pieces());
  if (!status.ok()) return status;
  ZKQ_ENSURE(header.end() == end_.offset + batch->size(), SegmentName(end_.number), end_.offset);
  end_.offset = header.end();
  end_.chain = header.crc;
  return FillAhead(batch->size());
}

absl::Status SegmentWriter::FillAhead(uint64_t written) {
  if (end_.offset <= end_.filled) return absl::OkStatus();
  end_.filled = end_.offset;
  if (written >= kFillForBatchesBelow) return absl::OkStatus();
  end_.filled = std::max(end_.filled, std::min(end_.filled + kFillBytes, end_.full));
  return WriteZeros(file_.get(), end_.offset, end_.filled);
}

absl::Status SegmentWriter::Sync() {
  absl::Status status = file_->Sync();
  if (status.ok()) durable_ = end_.offset;
  return status;
}

}  // namespace zkq::storage
