#include "lib/storage/extent_reader.h"

#include <optional>

#include "lib/storage/segment_reader.h"
#include "lib/wire/txn.h"

namespace zkq::storage {
namespace {

// A page of entries on its way to bytes_max.
class Page {
 public:
  Page(Zxid after, size_t bytes_max) : last_(after), bytes_max_(bytes_max) {}

  bool full() const { return full_; }
  Zxid last() const { return last_; }
  std::vector<Txn> Take() { return std::move(txns_); }

  // Takes the entry if it is the next one wanted, passes it by if it lies before.
  absl::Status Add(Txn txn) {
    if (txn.zxid <= last_) return absl::OkStatus();
    if (txn.prev != last_) {
      return absl::OutOfRangeError("the log has no entry " + ToString(last_));
    }
    full_ = !txns_.empty() && bytes_ + txn.encoded.size() > bytes_max_;
    if (full_) return absl::OkStatus();
    bytes_ += txn.encoded.size();
    last_ = txn.zxid;
    txns_.push_back(std::move(txn));
    return absl::OkStatus();
  }

 private:
  Zxid last_;
  const size_t bytes_max_;
  size_t bytes_ = 0;
  bool full_ = false;
  std::vector<Txn> txns_;
};

absl::Status Damaged(const SegmentReader& reader, uint64_t offset) {
  return absl::DataLossError(reader.path() + ": damaged at byte " + std::to_string(offset));
}

// Adds the entries of one batch, from position `from` to the entry `last`.
absl::Status AddBatch(const ReadBatch& batch, size_t from, Zxid last, const SegmentReader& reader,
                      Page* page) {
  if (batch.header.kind != BatchKind::kEntries) return absl::OkStatus();
  if (from > batch.payload.size()) return Damaged(reader, batch.header.offset);
  wire::TxnReader entries(Payload(std::string(batch.payload.substr(from))));
  while (!page->full() && page->last() < last) {
    std::optional<Txn> txn = entries.Next();
    if (!txn) break;
    absl::Status added = page->Add(*std::move(txn));
    if (!added.ok()) return added;
  }
  return entries.ok() ? absl::OkStatus() : Damaged(reader, batch.header.offset);
}

absl::Status AddExtent(FileSystem* file_system, const std::string& directory, const Extent& extent,
                       Page* page) {
  absl::StatusOr<SegmentReader> reader =
      SegmentReader::Open(file_system, directory, extent.segment);
  if (absl::IsNotFound(reader.status())) return absl::OutOfRangeError("purged meanwhile");
  if (!reader.ok()) return reader.status();
  // An extent that was cut may go on after its last entry, with dead ones.
  for (uint64_t offset = extent.begin;
       offset < extent.end && !page->full() && page->last() < extent.last;) {
    absl::StatusOr<std::optional<ReadBatch>> batch = reader->Read(offset);
    if (!batch.ok()) return batch.status();
    if (!*batch) return Damaged(*reader, offset);
    const size_t from = offset == extent.begin ? extent.record : 0;
    absl::Status added = AddBatch(**batch, from, extent.last, *reader, page);
    if (!added.ok()) return added;
    offset = (*batch)->header.end();
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<Txn>> ReadExtents(FileSystem* file_system, const std::string& directory,
                                             const std::vector<Extent>& extents, Zxid after,
                                             size_t bytes_max) {
  Page page(after, bytes_max);
  for (const Extent& extent : extents) {
    if (page.full()) break;
    absl::Status added = AddExtent(file_system, directory, extent, &page);
    if (!added.ok()) return added;
  }
  return page.Take();
}

}  // namespace zkq::storage
