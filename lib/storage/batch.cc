#include "lib/storage/batch.h"

#include "lib/base/crc32c.h"

namespace zkq::storage {
namespace {

// Up to here copying a piece is cheaper than one more of them for the kernel.
constexpr size_t kCopiedBytesMax = 4096;

}  // namespace

void Batch::Add(RecordType type, std::string_view body) {
  char header[kRecordHeaderBytes];
  EncodeRecordHeader(type, body.size(), header);
  records_.append(header, sizeof(header));
  records_.append(body);
}

void Batch::Seal(BatchHeader* header) {
  ListPieces(size() - kBatchHeaderBytes - payload_bytes());
  header->kind = kind();
  header->payload_size = static_cast<uint32_t>(payload_bytes());
  header->payload_crc = 0;
  for (size_t i = 1; i < pieces_.size(); ++i) {
    header->payload_crc = Crc32c(pieces_[i], header->payload_crc);
  }
  EncodeBatchHeader(header, header_.data());
}

void Batch::ListPieces(size_t padding) {
  const auto small = [](std::string_view piece) { return piece.size() <= kCopiedBytesMax; };
  size_t copied = records_.size() + padding;
  for (std::string_view piece : entries_.pieces()) copied += small(piece) ? piece.size() : 0;
  copied_.clear();
  copied_.reserve(copied);  // Pieces point into it while it grows.
  pieces_.assign(1, {header_.data(), header_.size()});
  for (std::string_view piece : entries_.pieces()) {
    if (small(piece)) {
      Copy(piece);
    } else {
      pieces_.push_back(piece);
    }
  }
  Copy(records_);
  static constexpr char kZeros[kSectorBytes] = {};
  Copy({kZeros, padding});
}

void Batch::Copy(std::string_view bytes) {
  if (bytes.empty()) return;
  const size_t from = copied_.size();
  copied_.append(bytes);
  const std::string_view copy = std::string_view(copied_).substr(from);
  std::string_view& last = pieces_.back();
  const bool joins = from > 0 && last.data() + last.size() == copy.data();
  if (joins) {
    last = {last.data(), last.size() + copy.size()};
  } else {
    pieces_.push_back(copy);
  }
}

}  // namespace zkq::storage
