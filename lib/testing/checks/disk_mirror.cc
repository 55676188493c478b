#include "lib/testing/checks/disk_mirror.h"

#include <algorithm>
#include <utility>

#include "lib/wire/disk.h"
#include "lib/wire/txn.h"

namespace zkq::testing {
namespace {

using Step = MemoryFileSystem::Step;
using storage::RecordType;

bool IsSegment(const std::string& path) {
  return storage::ParseSegmentName(path.substr(path.rfind('/') + 1)).has_value();
}

}  // namespace

void DiskMirror::OnOperation(const MemoryFileSystem::Operation& operation, Reader* reader) {
  if (operation.step == Step::kSyncDirectory) {
    unnamed_.clear();  // all segments are in one directory
    return Advance();
  }
  if (!IsSegment(operation.path)) return;
  if (operation.step == Step::kWrite && operation.offset >= storage::kSectorBytes) {
    OnBatch(operation, reader);
  } else if (operation.step == Step::kSync) {
    for (Batch& batch : pending_) batch.synced |= batch.path == operation.path;
    Advance();
  } else if (operation.step == Step::kCreate) {
    unnamed_.insert(operation.path);
  } else if (operation.step == Step::kRemove) {
    // A segment that did not come into being holds nothing but its start.
    std::erase_if(pending_, [&](const Batch& batch) { return batch.path == operation.path; });
  }
}

void DiskMirror::Advance() {
  for (; !pending_.empty() && pending_.front().synced && !unnamed_.contains(pending_.front().path);
       pending_.pop_front()) {
    durable_ = std::move(pending_.front().after);
  }
}

// Anything else that is written there is zeros.
void DiskMirror::OnBatch(const MemoryFileSystem::Operation& operation, Reader* reader) {
  const auto header = storage::DecodeBatchHeader(operation.bytes);
  if (!header || header->offset != operation.offset ||
      header->end() > operation.offset + operation.bytes.size()) {
    return;
  }
  const std::string_view payload =
      operation.bytes.substr(storage::kBatchHeaderBytes, header->payload_size);
  if (header->kind == storage::BatchKind::kEntries) {
    OnEntries(Payload{std::string(payload)}, reader);
  } else {
    storage::RecordReader record(payload);
    while (record.Next()) OnRecord(record, header->commit, reader);
  }
  written_.hint = std::max(written_.hint, std::min(header->commit, written_.last));
  pending_.push_back({operation.path, operation.offset, std::string(operation.bytes), written_});
}

void DiskMirror::OnEntries(const Payload& payload, Reader* reader) {
  wire::TxnReader entries(payload);
  while (const auto txn = entries.Next()) {
    reader->OnTxn(written_, *txn);
    written_.last = txn->zxid;
  }
}

void DiskMirror::OnRecord(const storage::RecordReader& record, Zxid commit, Reader* reader) {
  if (record.type() == RecordType::kState) {
    const auto state = DecodeHardState(record.body());
    if (!state) return;
    reader->OnState(written_, *state);
    written_.state = *state;
  } else if (record.type() == RecordType::kStart) {
    const auto start = DecodeSegmentStart(record.body());
    if (start) reader->OnStart(written_, *start, commit);
  } else if (const auto zxid = DecodeZxid(record.body())) {
    OnZxid(record.type(), *zxid, reader);
  }
}

void DiskMirror::OnZxid(RecordType type, Zxid zxid, Reader* reader) {
  if (type == RecordType::kTruncate) {
    reader->OnTruncate(written_, zxid);
    written_.last = zxid;
    written_.hint = std::min(written_.hint, zxid);
  } else if (type == RecordType::kBase) {
    reader->OnBase(written_, zxid);
    written_.base = written_.last = written_.hint = zxid;
  }
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
  if (pending_.empty()) return unnamed_.clear();
  const auto durable = disk.AfterCrash();
  while (!pending_.empty() && Survives(pending_.front(), *durable)) {
    durable_ = std::move(pending_.front().after);
    pending_.pop_front();
  }
  if (pending_.empty()) unnamed_.clear();
}

}  // namespace zkq::testing
