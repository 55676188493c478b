// Where a log ends, and whether it ends there by a crash or by damage.
//
// The log goes on as long as each batch is whole, names its place and carries
// the CRC of the one before. The first that does not is the end. Was it torn or
// damaged? Nothing of it can tell, but what stands after it can: a batch that
// was written when this place was durable already, or a whole segment, for a
// segment begins only when the one before is durable. With such a witness acked
// entries are lost, and nobody may cut; without one nothing from here on was
// ever known to be durable, and nothing was acked.
#include "lib/storage/replay.h"

#include <algorithm>
#include <deque>
#include <iterator>

#include "lib/storage/indexed_log.h"
#include "lib/storage/segment_reader.h"
#include "lib/wire/disk.h"
#include "lib/wire/txn.h"

namespace zkq::storage {
namespace {

absl::Status Damaged(const std::string& path, uint64_t offset, const std::string& what) {
  return absl::DataLossError(path + ": " + what + " at byte " + std::to_string(offset));
}

// What is kept of the history: the newest entries, within the bounds of LogOptions, and
// what all its reconfigurations lead to.
class Kept {
 public:
  explicit Kept(const LogOptions& options) : options_(options) {}

  void Append(Txn txn) {
    if (txn.kind == TxnKind::kReconfig) {
      reconfigurations_.push_back(DecodeMembership(txn.command.view()).value_or(Membership{}));
      reconfigurations_.back().version = txn.zxid;
    }
    bytes_ += txn.encoded.size();
    txns_.push_back(std::move(txn));
    while (txns_.size() > options_.window_txns_max || bytes_ > options_.window_bytes_max) {
      bytes_ -= txns_.front().encoded.size();
      txns_.pop_front();
    }
  }
  void Truncate(Zxid after) {
    for (; !txns_.empty() && txns_.back().zxid > after; txns_.pop_back()) {
      bytes_ -= txns_.back().encoded.size();
    }
    std::erase_if(reconfigurations_, [after](const Membership& m) { return m.version > after; });
  }
  void Clear() { *this = Kept(options_); }
  void MoveTo(Replayed* replayed) {
    replayed->window.assign(std::make_move_iterator(txns_.begin()),
                            std::make_move_iterator(txns_.end()));
    replayed->reconfigurations = std::move(reconfigurations_);
  }

 private:
  LogOptions options_;
  std::deque<Txn> txns_;
  size_t bytes_ = 0;
  std::vector<Membership> reconfigurations_;
};

class Replayer {
 public:
  Replayer(FileSystem* file_system, std::string directory, const LogOptions& options, Index* index)
      : file_system_(*file_system),
        directory_(std::move(directory)),
        index_(*index),
        kept_(options) {}

  absl::StatusOr<Replayed> Run();

 private:
  struct Found {
    uint64_t number = 0;
    HeadState state = HeadState::kAbsent;
    SegmentHeader header = {};
  };

  std::string Path(uint64_t number) const { return directory_ + "/" + SegmentName(number); }
  absl::Status FindSegments();
  absl::Status CheckSegments() const;
  absl::Status ReplaySegment(const Found& found, const Found* next);
  absl::Status ReplayBatches(SegmentReader* reader, SegmentWriter::End* end);
  absl::Status ReplayBatch(const std::string& path, const ReadBatch& batch, bool first);
  absl::Status ReplayEntries(const std::string& path, const BatchHeader& header,
                             const Payload& payload);
  absl::Status ReplayRecords(const std::string& path, const BatchHeader& header,
                             std::string_view payload, bool first);
  bool Apply(const RecordReader& record, bool first);
  bool ApplyStart(std::string_view body);
  absl::Status CloseLast(SegmentReader* reader, const SegmentWriter::End& end);
  absl::Status GiveUpTorn(uint64_t number);

  FileSystem& file_system_;
  const std::string directory_;
  Index& index_;
  Kept kept_;
  std::vector<Found> found_;
  Replayed result_;
  IndexedLog indexed_{&result_.history};
};

absl::StatusOr<Replayed> Replayer::Run() {
  absl::Status status = FindSegments();
  if (status.ok()) status = CheckSegments();
  for (size_t i = 0; i < found_.size() && status.ok(); ++i) {
    const Found* next = i + 1 < found_.size() ? &found_[i + 1] : nullptr;
    status = ReplaySegment(found_[i], next);
  }
  if (!status.ok()) return status;
  kept_.MoveTo(&result_);
  return std::move(result_);
}

absl::Status Replayer::FindSegments() {
  absl::StatusOr<std::vector<std::string>> names = file_system_.List(directory_);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    const std::optional<uint64_t> number = ParseSegmentName(name);
    if (!number) continue;
    Found found = {*number};
    absl::StatusOr<SegmentReader> reader = SegmentReader::Open(&file_system_, directory_, *number);
    if (!reader.ok()) return reader.status();
    absl::StatusOr<HeadState> state = reader->ReadHeader(&found.header);
    if (!state.ok()) return state.status();
    found.state = *state;
    found_.push_back(found);
  }
  const auto by_number = [](const Found& a, const Found& b) { return a.number < b.number; };
  std::sort(found_.begin(), found_.end(), by_number);
  return absl::OkStatus();
}

absl::Status Replayer::CheckSegments() const {
  for (const Found& found : found_) {
    if (found.state != HeadState::kNewer) continue;
    return absl::FailedPreconditionError(Path(found.number) +
                                         ": written by a newer version of zkq");
  }
  for (size_t i = 0; i + 1 < found_.size(); ++i) {
    if (found_[i].state == HeadState::kAbsent) {
      return Damaged(Path(found_[i].number), 0, "no valid segment header");
    }
    if (found_[i + 1].number != found_[i].number + 1) {
      return absl::DataLossError(Path(found_[i].number + 1) + ": missing");
    }
  }
  return absl::OkStatus();
}

absl::Status Replayer::ReplaySegment(const Found& found, const Found* next) {
  // The last one will be written to, so kWrite opens it: after a failed fsync only that
  // mode shows what is on the disk.
  absl::StatusOr<SegmentReader> reader =
      SegmentReader::Open(&file_system_, directory_, found.number,
                          next == nullptr ? FileSystem::Mode::kWrite : FileSystem::Mode::kRead);
  if (!reader.ok()) return reader.status();
  SegmentWriter::End end;
  end.number = found.number;
  end.filled = reader->size();
  if (found.state == HeadState::kValid) {
    end.offset = kSectorBytes;
    end.chain = found.header.chain;
    result_.segments.push_back({found.number});
    absl::Status status = ReplayBatches(&*reader, &end);
    if (!status.ok()) return status;
  }
  if (next == nullptr) return CloseLast(&*reader, end);
  const bool whole = next->state != HeadState::kValid || next->header.chain == end.chain;
  if (!whole || end.offset == kSectorBytes) {
    return Damaged(reader->path(), end.offset, "damaged below the durable mark");
  }
  result_.end = end;
  return absl::OkStatus();
}

absl::Status Replayer::ReplayBatches(SegmentReader* reader, SegmentWriter::End* end) {
  for (;;) {
    absl::StatusOr<std::optional<ReadBatch>> batch = reader->Read(end->offset);
    if (!batch.ok()) return batch.status();
    if (!*batch || (*batch)->header.previous != end->chain) return absl::OkStatus();
    absl::Status status = ReplayBatch(reader->path(), **batch, end->offset == kSectorBytes);
    if (!status.ok()) return status;
    const BatchHeader& header = (*batch)->header;
    const Zxid highest = indexed_.Place(end->number, header.offset, header.end());
    Segment& segment = result_.segments.back();
    segment.highest = std::max(segment.highest, highest);
    absl::Status indexed = index_.Apply(indexed_.changes());
    if (!indexed.ok()) return indexed;
    indexed_.Clear();
    end->offset = header.end();
    end->chain = header.crc;
  }
}

absl::Status Replayer::ReplayBatch(const std::string& path, const ReadBatch& batch, bool first) {
  // Owned, because the window shares it.
  const Payload payload{std::string(batch.payload)};
  absl::Status replayed = Damaged(path, batch.header.offset, "a batch of a kind that has no place");
  if (batch.header.kind == BatchKind::kRecords) {
    replayed = ReplayRecords(path, batch.header, payload.view(), first);
  } else if (batch.header.kind == BatchKind::kEntries && !first) {
    replayed = ReplayEntries(path, batch.header, payload);
  }
  if (replayed.ok()) result_.history.Hint(batch.header.commit);
  return replayed;
}

absl::Status Replayer::ReplayEntries(const std::string& path, const BatchHeader& header,
                                     const Payload& payload) {
  wire::TxnReader entries(payload);
  while (std::optional<Txn> txn = entries.Next()) {
    if (!indexed_.Append(*txn, entries.position())) {
      return Damaged(path, header.payload_begin() + entries.position(),
                     "an entry that does not continue the log");
    }
    kept_.Append(*std::move(txn));
  }
  if (entries.ok() && payload.size() > 0) return absl::OkStatus();
  return Damaged(path, header.payload_begin() + entries.position(), "a malformed entry");
}

absl::Status Replayer::ReplayRecords(const std::string& path, const BatchHeader& header,
                                     std::string_view payload, bool first) {
  RecordReader record(payload);
  for (; record.Next(); first = false) {
    if (Apply(record, first)) continue;
    return Damaged(path, header.payload_begin() + record.position(),
                   "a record that does not continue the log");
  }
  if (record.ok() && !first) return absl::OkStatus();
  return Damaged(path, header.payload_begin() + record.position(), "a malformed record");
}

bool Replayer::Apply(const RecordReader& record, bool first) {
  if (first != (record.type() == RecordType::kStart)) return false;
  if (first) return ApplyStart(record.body());
  if (record.type() == RecordType::kState) {
    result_.history.Store(std::string(record.body()));
    return true;
  }
  const std::optional<Zxid> zxid = DecodeZxid(record.body());
  if (!zxid) return false;
  if (record.type() == RecordType::kTruncate) {
    kept_.Truncate(*zxid);
    return indexed_.Truncate(*zxid);
  }
  kept_.Clear();
  indexed_.Rebase(*zxid);
  return true;
}

// The first segment tells where the log begins; a later one must begin with what
// the ones before it have led to.
bool Replayer::ApplyStart(std::string_view body) {
  const std::optional<SegmentStart> start = DecodeSegmentStart(body);
  if (!start) return false;
  if (result_.segments.size() > 1) return *start == result_.history.start();
  result_.history = LiveLog(*start);
  index_.Begin(start->last);
  return true;
}

absl::Status Replayer::CloseLast(SegmentReader* reader, const SegmentWriter::End& end) {
  absl::StatusOr<std::optional<uint64_t>> mark = reader->FindDurableMark(end.offset);
  if (!mark.ok()) return mark.status();
  if (*mark) {
    return Damaged(reader->path(), end.offset,
                   "damaged below the durable mark of byte " + std::to_string(**mark));
  }
  if (end.offset <= kSectorBytes) return GiveUpTorn(end.number);
  absl::StatusOr<uint64_t> dirty_end = reader->EndOfBytes(end.offset);
  if (!dirty_end.ok()) return dirty_end.status();
  result_.end = end;
  result_.leftover.dirty_end = *dirty_end;
  return absl::OkStatus();
}

// A segment without a first batch never came into being (ZK-2332). It may be the
// only one of a log that was just being made; otherwise the one before is the last.
absl::Status Replayer::GiveUpTorn(uint64_t number) {
  if (found_.size() == 1 && number != 1) {
    return Damaged(Path(number), 0, "no valid batch in the only segment");
  }
  std::vector<Segment>& segments = result_.segments;
  if (!segments.empty() && segments.back().number == number) segments.pop_back();
  result_.leftover.torn_segment = number;
  if (segments.empty()) return absl::OkStatus();
  absl::StatusOr<SegmentReader> before =
      SegmentReader::Open(&file_system_, directory_, result_.end.number);
  if (!before.ok()) return before.status();
  return CloseLast(&*before, result_.end);
}

}  // namespace

absl::StatusOr<Replayed> Replay(FileSystem* file_system, const std::string& directory,
                                const LogOptions& options, Index* index) {
  return Replayer(file_system, directory, options, index).Run();
}

}  // namespace zkq::storage
