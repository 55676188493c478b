#include "lib/testing/disk_mirror.h"

#include <algorithm>
#include <utility>

#include "lib/base/codec.h"
#include "lib/storage/framing.h"

namespace zkq::testing {
namespace {

using Step = MemoryFileSystem::Step;
using storage::RecordType;

bool IsSegment(const std::string& path) {
  return storage::ParseSegmentName(path.substr(path.rfind('/') + 1)).has_value();
}

}  // namespace

void DiskMirror::OnOperation(const MemoryFileSystem::Operation& operation, Reader* reader) {
  if (operation.step == Step::kWrite && operation.offset >= storage::kSectorBytes &&
      IsSegment(operation.path)) {
    OnBatch(operation, reader);
  } else if (operation.step == Step::kSync) {
    while (!pending_.empty() && pending_.front().path == operation.path) {
      durable_ = std::move(pending_.front().after);
      pending_.pop_front();
    }
  } else if (operation.step == Step::kRemove) {
    // A segment that did not come into being holds nothing but its start.
    std::erase_if(pending_, [&](const Batch& batch) { return batch.path == operation.path; });
  }
}

// Anything else that is written there is zeros.
void DiskMirror::OnBatch(const MemoryFileSystem::Operation& operation, Reader* reader) {
  const auto header = storage::DecodeBatchHeader(operation.bytes);
  if (!header || header->offset != operation.offset ||
      header->end() > operation.offset + operation.bytes.size()) {
    return;
  }
  const Payload payload{std::string(operation.bytes.substr(storage::kBatchHeaderBytes))};
  storage::RecordReader record(payload.view());
  while (record.Next()) {
    if (record.type() == RecordType::kTxn) {
      const auto txn = DecodeTxn(payload.Part(record.body()));
      if (!txn) continue;
      reader->OnTxn(written_, *txn);
      written_.last = txn->zxid;
    } else if (record.type() == RecordType::kState) {
      const auto state = DecodeHardState(record.body());
      if (!state) continue;
      reader->OnState(written_, *state);
      written_.state = *state;
    } else if (record.type() == RecordType::kTruncate || record.type() == RecordType::kBase) {
      const auto zxid = storage::DecodeZxid(record.body());
      if (!zxid) continue;
      if (record.type() == RecordType::kTruncate) {
        reader->OnTruncate(written_, *zxid);
      } else {
        reader->OnBase(written_, *zxid);
        written_.base = *zxid;
      }
      written_.last = *zxid;
    }
  }
  pending_.push_back({operation.path, operation.offset, std::string(operation.bytes), written_});
}

bool DiskMirror::Survives(const Batch& batch, const MemoryFileSystem& disk) {
  const absl::StatusOr<std::string> contents = disk.Contents(batch.path);
  return contents.ok() && contents->size() >= batch.offset + batch.bytes.size() &&
         contents->compare(batch.offset, batch.bytes.size(), batch.bytes) == 0;
}

// A process that was killed leaves its writes in the cache: they are there, and not
// durable yet. A power cut makes whatever is there durable.
void DiskMirror::OnCrash(const MemoryFileSystem& disk) {
  const auto torn = std::find_if(pending_.begin(), pending_.end(),
                                 [&](const Batch& batch) { return !Survives(batch, disk); });
  pending_.erase(torn, pending_.end());
  written_ = pending_.empty() ? durable_ : pending_.back().after;
  if (pending_.empty()) return;
  const auto durable = disk.AfterCrash();
  while (!pending_.empty() && Survives(pending_.front(), *durable)) {
    durable_ = std::move(pending_.front().after);
    pending_.pop_front();
  }
}

}  // namespace zkq::testing
