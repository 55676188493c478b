#include "lib/storage/batch.h"

#include "lib/base/crc32c.h"

namespace zkq::storage {
namespace {

// Up to here copying a body is cheaper than one more piece for the kernel.
constexpr size_t kCopiedBytesMax = 4096;

}  // namespace

void Batch::Add(RecordType type, std::string&& body) {
  AddHeader(type, body.size());
  copied_.append(body);
}

void Batch::Add(RecordType type, std::string_view body) {
  AddHeader(type, body.size());
  if (body.size() <= kCopiedBytesMax) {
    copied_.append(body);
    return;
  }
  lent_.push_back({copied_.size(), body});
  lent_bytes_ += body.size();
}

void Batch::AddHeader(RecordType type, size_t body_bytes) {
  char header[kRecordHeaderBytes];
  EncodeRecordHeader(type, body_bytes, header);
  copied_.append(header, sizeof(header));
}

void Batch::Seal(BatchHeader* header) {
  copied_.append(size() - kBatchHeaderBytes - payload_bytes(), '\0');
  ListPieces();
  header->payload_size = static_cast<uint32_t>(payload_bytes());
  header->payload_crc = 0;
  for (size_t i = 1; i < pieces_.size(); ++i) {
    header->payload_crc = Crc32c(pieces_[i], header->payload_crc);
  }
  EncodeBatchHeader(header, header_.data());
}

void Batch::ListPieces() {
  pieces_.assign(1, {header_.data(), header_.size()});
  size_t from = 0;
  for (const Lent& lent : lent_) {
    pieces_.push_back(std::string_view(copied_).substr(from, lent.at - from));
    pieces_.push_back(lent.bytes);
    from = lent.at;
  }
  pieces_.push_back(std::string_view(copied_).substr(from));
}

void Batch::Clear() {
  copied_.clear();
  lent_.clear();
  lent_bytes_ = 0;
}

}  // namespace zkq::storage
