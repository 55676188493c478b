// Builds one batch: collects records and seals them under a header. Small
// records are copied side by side, so that a batch of many is few pieces; large
// ones stay where they are and must outlive the batch.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "lib/storage/framing.h"

namespace zkq::storage {

class Batch {
 public:
  void Add(RecordType type, std::string_view body);
  void Add(RecordType type, std::string&& body);  // copied, however large: it does not last

  bool empty() const { return copied_.empty(); }
  // What the next record added will stand at in the payload.
  size_t payload_bytes() const { return copied_.size() + lent_bytes_; }
  // On disk, header and padding included.
  uint64_t size() const { return SectorsUp(kBatchHeaderBytes + payload_bytes()); }

  // Pads the payload, fills in its size and CRC, and encodes `header`.
  void Seal(BatchHeader* header);
  // The sealed batch, piece by piece; valid until the batch is changed.
  const std::vector<std::string_view>& pieces() const { return pieces_; }

  void Clear();

 private:
  // Bytes that are not ours, to stand before copied_[at].
  struct Lent {
    size_t at;
    std::string_view bytes;
  };
  void AddHeader(RecordType type, size_t body_bytes);
  void ListPieces();

  std::string copied_;
  std::vector<Lent> lent_;
  size_t lent_bytes_ = 0;
  std::array<char, kBatchHeaderBytes> header_;
  std::vector<std::string_view> pieces_;
};

}  // namespace zkq::storage
