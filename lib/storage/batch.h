// Builds one batch and seals it under a header: either entries, which stay where they
// are in memory, or records of this server's own, which are copied.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "lib/storage/framing.h"
#include "lib/wire/txn.h"

namespace zkq::storage {

class Batch {
 public:
  // A batch is all of one kind, or it cannot be written. Entries must outlive it.
  void Add(const Txn& txn) { entries_.Add(txn); }
  void Add(RecordType type, std::string_view body);

  bool empty() const { return payload_bytes() == 0; }
  BatchKind kind() const {
    return entries_.bytes() > 0 ? BatchKind::kEntries : BatchKind::kRecords;
  }
  bool of_one_kind() const { return entries_.bytes() == 0 || records_.empty(); }
  // Where in the payload the next entry or record will stand.
  size_t payload_bytes() const { return entries_.bytes() + records_.size(); }
  // On disk, header and padding included.
  uint64_t size() const { return SectorsUp(kBatchHeaderBytes + payload_bytes()); }

  // Pads the payload, fills in kind, size and CRC, and encodes `header`.
  void Seal(BatchHeader* header);
  // The sealed batch, piece by piece; valid until the batch is changed.
  const std::vector<std::string_view>& pieces() const { return pieces_; }

  void Clear() { *this = Batch(); }

 private:
  void ListPieces(size_t padding);
  void Copy(std::string_view bytes);

  wire::Runs entries_;
  std::string records_;
  std::array<char, kBatchHeaderBytes> header_ = {};
  std::string copied_;  // small pieces, side by side
  std::vector<std::string_view> pieces_;
};

}  // namespace zkq::storage
