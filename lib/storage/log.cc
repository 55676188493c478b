// The one writer of the log. An addition becomes durable in three steps:
//
//   queue  Append, Truncate, Store and Rebase put it into a list.
//   write  Sync takes the list through `history_`, which refuses what does not continue
//          it, and into `batch_`. A batch is written when the next addition may not share
//          it: one of another kind, or an entry that would make it too large.
//   sync   One fdatasync makes all these batches durable. Only then the index changes, so
//          that what is read is durable.
//
// What must hold:
//
// - `written_` is what the batches on the disk lead to; `history_` also has what is in
//   `batch_`. A new segment begins with `written_`, since `batch_` is written after that.
// - A segment begins only when the one before it is durable. So its existence proves to a
//   later start that nothing of the one before may be missing.
// - After the first failure nothing is written or synced any more, and nothing is tried
//   again: the kernel counts pages as clean whose write-back has failed.
#include "lib/storage/log.h"

#include <algorithm>
#include <optional>
#include <variant>

#include "lib/base/absl/string_view.h"
#include "lib/storage/batch.h"
#include "lib/storage/ensure.h"
#include "lib/storage/extent_reader.h"
#include "lib/storage/indexed_log.h"
#include "lib/storage/replay.h"
#include "lib/storage/segment_writer.h"
#include "lib/wire/disk.h"

namespace zkq::storage {
class Log::Impl {
 public:
  struct Cut {
    Zxid after;
  };
  struct NewBase {
    Zxid base;
  };
  struct NewState {
    HardState state;
  };
  using Entries = std::vector<Txn>;
  using Addition = std::variant<Entries, Cut, NewBase, NewState>;

  // The first error, kept as text: a Status would be shared between threads.
  struct Failure {
    absl::StatusCode code = absl::StatusCode::kOk;
    std::string message = {};
  };

  Impl(std::shared_ptr<FileSystem> file_system, std::string directory, const LogOptions& options)
      : file_system_(std::move(file_system)), directory_(std::move(directory)), options_(options) {}

  absl::Status Open(Recovered* found);
  template <typename Kind>
  void Add(Kind addition) {
    additions_.emplace_back(std::move(addition));
  }
  void Hint(Zxid commit) { hint_ = std::max(hint_.value_or(Zxid{}), commit); }
  bool dirty() const { return !additions_.empty(); }
  absl::Status Sync();
  absl::Status Confirm();
  absl::StatusOr<std::vector<Txn>> Read(Zxid after, size_t bytes_max) const;
  absl::StatusOr<bool> PurgeOne(Zxid through);
  Zxid begin() const { return index_.begin(); }
  absl::Status failure() const { return {failure_.code, failure_.message}; }

 private:
  std::string PathOf(uint64_t segment) const { return directory_ + "/" + SegmentName(segment); }
  absl::Status Describe(Recovered* found) const;
  absl::Status Begin();
  absl::Status BeginSegment(uint64_t number);

  absl::Status WriteAndSync();
  absl::Status WriteAll();
  absl::Status AddEntries(const Entries& entries);
  absl::Status AddRecord(const Addition& addition);
  absl::Status Frame(const Cut& cut);
  absl::Status Frame(const NewBase& rebase);
  absl::Status Frame(const NewState& store);
  // A kInternal at the place that would have been written next.
  absl::Status Broken(std::string_view condition) const {
    return BrokenInvariant(condition, PathOf(writer_->number()), writer_->offset());
  }
  absl::Status WriteBatch();
  absl::Status RollOver();
  absl::Status ForgetOldest(Zxid through);
  absl::Status RemoveOldest(Zxid through);
  absl::Status Fail(const absl::Status& status);

  const std::shared_ptr<FileSystem> file_system_;
  const std::string directory_;
  const LogOptions options_;

  std::vector<Addition> additions_;
  std::optional<Zxid> hint_;
  Failure failure_;

  LiveLog history_;  // with what was framed
  LiveLog written_;  // with what was written: what a new segment begins with
  IndexedLog indexed_{&history_};
  Batch batch_;
  std::optional<SegmentWriter> writer_;  // none before the first Sync
  SegmentWriter::End end_;               // of the log as read; then, where a segment begins
  Leftover leftover_;
  bool confirmed_ = false;         // the last batch is an empty one, by Confirm
  std::vector<Segment> segments_;  // ascending; the last one is being written
  Index index_;
};

absl::Status Log::Impl::Open(Recovered* found) {
  absl::StatusOr<Replayed> replayed = Replay(file_system_.get(), directory_, options_, &index_);
  if (!replayed.ok()) return replayed.status();
  history_ = std::move(replayed->history);
  written_ = history_;
  segments_ = std::move(replayed->segments);
  end_ = replayed->end;
  end_.full = options_.segment_bytes;
  leftover_ = replayed->leftover;
  found->window = std::move(replayed->window);
  found->reconfigurations = std::move(replayed->reconfigurations);
  return Describe(found);
}

absl::Status Log::Impl::Describe(Recovered* found) const {
  found->fresh = history_.state().empty();
  if (!found->fresh) {
    std::optional<HardState> state = DecodeHardState(history_.state());
    if (!state || state->current > state->accepted.epoch) {
      return absl::DataLossError(directory_ + ": the log holds an impossible hard state");
    }
    found->state = *std::move(state);
  }
  found->base.zxid = history_.base();
  found->epochs = history_.epochs();
  found->last_leader_time = history_.leader_time();
  found->commit = history_.commit();
  return absl::OkStatus();
}

// What was read back is made durable first: bytes that the crash of a process left
// unsynced read like durable ones, and would be acknowledged.
absl::Status Log::Impl::Begin() {
  if (leftover_.torn_segment) {
    absl::Status removed = file_system_->Remove(PathOf(*leftover_.torn_segment));
    if (!removed.ok()) return removed;
  }
  absl::Status synced = file_system_->SyncDirectory(directory_);
  if (!synced.ok()) return synced;
  if (segments_.empty()) return BeginSegment(1);
  ZKQ_ENSURE(end_.number == segments_.back().number, PathOf(end_.number), end_.offset);
  absl::StatusOr<std::unique_ptr<File>> file =
      file_system_->Open(PathOf(end_.number), FileSystem::Mode::kWrite);
  if (!file.ok()) return file.status();
  writer_.emplace(*std::move(file), end_);
  return writer_->Mend(leftover_.dirty_end);
}

absl::Status Log::Impl::Sync() {
  if (failure_.code != absl::StatusCode::kOk) return failure();
  absl::Status status = writer_ ? absl::OkStatus() : Begin();
  if (!status.ok()) return Fail(status);
  return dirty() ? WriteAndSync() : absl::OkStatus();
}

absl::Status Log::Impl::Confirm() {
  if (absl::Status status = Sync(); !status.ok()) return status;
  if (confirmed_) return absl::OkStatus();
  absl::Status status = WriteAndSync();
  confirmed_ = status.ok();
  return status;
}

absl::Status Log::Impl::WriteAndSync() {
  confirmed_ = false;
  absl::Status status = WriteAll();
  if (status.ok()) status = writer_->Sync();
  if (status.ok()) status = index_.Apply(indexed_.changes());
  if (!status.ok()) return Fail(status);
  indexed_.Clear();
  additions_.clear();
  return absl::OkStatus();
}

absl::Status Log::Impl::WriteAll() {
  for (const Addition& addition : additions_) {
    const Entries* entries = std::get_if<Entries>(&addition);
    absl::Status added = entries != nullptr ? AddEntries(*entries) : AddRecord(addition);
    if (!added.ok()) return added;
  }
  // Not with an earlier batch: what it ends with may be cut by a later one, and a crash
  // between the two must not leave it as known committed.
  if (hint_) history_.Hint(*hint_);
  hint_.reset();
  return WriteBatch();
}

absl::Status Log::Impl::AddEntries(const Entries& entries) {
  for (const Txn& txn : entries) {
    const bool joins = batch_.kind() == BatchKind::kEntries &&
                       batch_.payload_bytes() + txn.encoded.size() <= options_.batch_bytes_max;
    if (!batch_.empty() && !joins) {
      absl::Status written = WriteBatch();
      if (!written.ok()) return written;
    }
    if (!indexed_.Append(txn, batch_.payload_bytes())) {
      return Broken("entry " + ToString(txn.zxid) + " after " + ToString(txn.prev) +
                    " continues the history, which ends with " + ToString(history_.last()));
    }
    batch_.Add(txn);
  }
  return absl::OkStatus();
}

// Records that come together stay together.
absl::Status Log::Impl::AddRecord(const Addition& addition) {
  if (batch_.kind() == BatchKind::kEntries) {
    absl::Status written = WriteBatch();
    if (!written.ok()) return written;
  }
  if (const auto* cut = std::get_if<Cut>(&addition)) return Frame(*cut);
  if (const auto* rebase = std::get_if<NewBase>(&addition)) return Frame(*rebase);
  return Frame(std::get<NewState>(addition));
}

absl::Status Log::Impl::Frame(const Cut& cut) {
  if (cut.after < history_.begin() || !indexed_.Truncate(cut.after)) {
    return Broken("a cut after " + ToString(cut.after) + " lies in the history from " +
                  ToString(history_.begin()) + " to " + ToString(history_.last()));
  }
  batch_.Add(RecordType::kTruncate, EncodeZxid(cut.after));
  return absl::OkStatus();
}

absl::Status Log::Impl::Frame(const NewBase& rebase) {
  indexed_.Rebase(rebase.base);
  batch_.Add(RecordType::kBase, EncodeZxid(rebase.base));
  return absl::OkStatus();
}

// What a start would refuse is not written.
absl::Status Log::Impl::Frame(const NewState& store) {
  const HardState& state = store.state;
  ZKQ_ENSURE(state.current <= state.accepted.epoch, PathOf(writer_->number()), writer_->offset());
  const std::string encoded = EncodeHardState(state);
  history_.Store(encoded);
  batch_.Add(RecordType::kState, encoded);
  return absl::OkStatus();
}

absl::Status Log::Impl::WriteBatch() {
  if (writer_->offset() + batch_.size() > options_.segment_bytes) {
    absl::Status status = RollOver();
    if (!status.ok()) return status;
  }
  const uint64_t begin = writer_->offset();
  absl::Status status = writer_->Write(&batch_, history_.commit());
  if (!status.ok()) return status;
  batch_.Clear();
  const Zxid highest = indexed_.Place(writer_->number(), begin, writer_->offset());
  segments_.back().highest = std::max(segments_.back().highest, highest);
  written_ = history_;
  return absl::OkStatus();
}

absl::Status Log::Impl::RollOver() {
  absl::Status synced = writer_->Sync();
  if (!synced.ok()) return synced;
  end_.chain = writer_->chain();
  return BeginSegment(writer_->number() + 1);
}

absl::Status Log::Impl::BeginSegment(uint64_t number) {
  ZKQ_ENSURE(number == (segments_.empty() ? 1 : segments_.back().number + 1), PathOf(number), 0);
  end_.number = number;
  absl::StatusOr<SegmentWriter> writer = SegmentWriter::Create(file_system_.get(), directory_, end_,
                                                               written_.start(), written_.commit());
  if (!writer.ok()) return writer.status();
  writer_ = *std::move(writer);
  segments_.push_back({number});
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Txn>> Log::Impl::Read(Zxid after, size_t bytes_max) const {
  const std::optional<std::vector<Extent>> extents = index_.After(after, bytes_max);
  if (extents) return ReadExtents(file_system_.get(), directory_, *extents, after, bytes_max);
  return absl::OutOfRangeError("the log has no entry " + ToString(after));
}

absl::StatusOr<bool> Log::Impl::PurgeOne(Zxid through) {
  if (failure_.code != absl::StatusCode::kOk) return failure();
  if (segments_.size() <= 1 || segments_.front().highest > through) return false;
  absl::Status status = RemoveOldest(through);
  if (!status.ok()) return status;
  return true;
}

// Before the file is gone, so that nobody looks for it.
absl::Status Log::Impl::ForgetOldest(Zxid through) {
  const uint64_t oldest = segments_.front().number;
  ZKQ_ENSURE(segments_[1].number == oldest + 1, PathOf(oldest), 0);
  const Zxid begin = index_.begin();
  index_.Purge(oldest + 1);
  ZKQ_ENSURE(index_.begin() <= std::max(begin, through), PathOf(oldest), 0);
  return absl::OkStatus();
}

// Durably, before the next: a crash must not leave a gap.
absl::Status Log::Impl::RemoveOldest(Zxid through) {
  absl::Status status = ForgetOldest(through);
  if (!status.ok()) return Fail(status);
  status = file_system_->Remove(PathOf(segments_.front().number));
  if (!status.ok()) return status;
  segments_.erase(segments_.begin());
  status = file_system_->SyncDirectory(directory_);
  return status.ok() ? status : Fail(status);
}

absl::Status Log::Impl::Fail(const absl::Status& status) {
  failure_ = {status.code(), std::string(FromAbsl(status.message()))};
  batch_.Clear();
  additions_.clear();
  return failure();
}

Log::Log(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Log::~Log() = default;

absl::StatusOr<std::unique_ptr<Log>> Log::Open(std::shared_ptr<FileSystem> file_system,
                                               std::string directory, const LogOptions& options,
                                               Recovered* found) {
  auto impl = std::make_unique<Impl>(std::move(file_system), std::move(directory), options);
  absl::Status status = impl->Open(found);
  if (!status.ok()) return status;
  return std::unique_ptr<Log>(new Log(std::move(impl)));
}

void Log::Append(std::span<const Txn> txns) {
  impl_->Add(std::vector<Txn>(txns.begin(), txns.end()));
}
void Log::Truncate(Zxid after) { impl_->Add(Impl::Cut{after}); }
void Log::Store(const HardState& state) { impl_->Add(Impl::NewState{state}); }
void Log::Rebase(Zxid base) { impl_->Add(Impl::NewBase{base}); }
void Log::Hint(Zxid commit) { impl_->Hint(commit); }
bool Log::dirty() const { return impl_->dirty(); }
absl::Status Log::Sync() { return impl_->Sync(); }
absl::Status Log::Confirm() { return impl_->Confirm(); }
absl::StatusOr<std::vector<Txn>> Log::Read(Zxid after, size_t bytes_max) {
  return impl_->Read(after, bytes_max);
}
absl::StatusOr<bool> Log::PurgeOne(Zxid through) { return impl_->PurgeOne(through); }
Zxid Log::begin() const { return impl_->begin(); }
absl::Status Log::status() const { return impl_->failure(); }

}  // namespace zkq::storage
