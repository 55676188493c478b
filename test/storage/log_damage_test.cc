// What recovery makes of a damaged log: every cut, every run of zeros, every
// flipped bit, and bytes of another life.
#include "lib/base/crc32c.h"
#include "lib/storage/batch.h"
#include "lib/storage/segment_reader.h"
#include "lib/storage/segment_writer.h"
#include "lib/wire/disk.h"
#include "lib/wire/protobuf.h"
#include "test/harness/catch.h"
#include "test/storage/fixture.h"

namespace zkq::storage {
namespace {

// A log grown sync by sync, with what it said after each.
struct Grown {
  std::vector<std::string> said;
  Files files;
};

// Fits into one segment, or takes several.
constexpr LogOptions kOneSegment = {.segment_bytes = 8192};

Grown Grow(const LogOptions& options, bool confirm = false) {
  Grown grown;
  std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  std::unique_ptr<Log> log = std::move(OpenLog(disk, options)->log);
  auto sync = [&] {
    REQUIRE(log->Sync().ok());
    grown.said.push_back(PrintLog(disk, options));
  };
  sync();
  log->Store(StateOf(1));
  sync();
  log->Append(Entries({}, {1, 1}, 2));
  sync();
  log->Append(Entries({1, 2}, {1, 3}, 2, 600));
  sync();
  log->Truncate({1, 3});
  log->Store(StateOf(2));
  log->Hint({1, 1});
  sync();
  log->Append(Entries({1, 3}, {2, 1}, 3));
  sync();
  log->Rebase({3, 4});
  log->Store(StateOf(3));
  sync();
  log->Append(Entries({3, 4}, {3, 5}, 1));
  sync();
  if (confirm) {
    REQUIRE(log->Confirm().ok());
    grown.said.push_back(grown.said.back());
  }
  log.reset();
  grown.files = FilesOf(*disk);
  return grown;
}

// Where each batch of a segment ends, the header first.
std::vector<uint64_t> EndsOf(const Files& files, uint64_t segment) {
  const std::shared_ptr<MemoryFileSystem> disk = DiskWith(files);
  SegmentReader reader = *SegmentReader::Open(disk.get(), kDir, segment);
  std::vector<uint64_t> ends = {kSectorBytes};
  for (;;) {
    const std::optional<ReadBatch> batch = *reader.Read(ends.back());
    if (!batch) return ends;
    ends.push_back(batch->header.end());
  }
}

// A recovered log also has to be one that can be gone on with.
void RequireWritable(const std::shared_ptr<MemoryFileSystem>& disk, const LogOptions& options) {
  absl::StatusOr<OpenedLog> opened = OpenLog(disk, options);
  REQUIRE(opened.ok());
  Zxid last = opened->contents.epochs.last();
  opened->log->Append(Entries(last, {9, 1}, 1));
  REQUIRE(opened->log->Sync().ok());
  absl::StatusOr<OpenedLog> again = OpenLog(disk, options);
  REQUIRE(again.ok());
  REQUIRE(again->contents.epochs.last() == Zxid{9, 1});
}

template <typename Damage>
void TryEveryTail(Damage damage) {
  const Grown grown = Grow(kOneSegment);
  REQUIRE(grown.files.size() == 1);
  const auto& [name, bytes] = *grown.files.begin();
  const std::vector<uint64_t> ends = EndsOf(grown.files, 1);
  REQUIRE(ends.size() == grown.said.size() + 1);
  for (size_t at = 0; at <= ends.back(); ++at) {
    const std::string damaged = damage(bytes, at);
    size_t whole = 0;  // batches that the damage leaves alone; padding is zeros anyway
    while (whole + 1 < ends.size() && damaged.starts_with(bytes.substr(0, ends[whole + 1]))) {
      ++whole;
    }
    const std::shared_ptr<MemoryFileSystem> disk = DiskWith({{name, damaged}});
    INFO("at byte " << at);
    const std::string said = PrintLog(disk, kOneSegment);
    REQUIRE(said == (whole == 0 ? grown.said[0] : grown.said[whole - 1]));
    if (at % 64 == 0) RequireWritable(disk, kOneSegment);
  }
}

TEST_CASE("a log that ends anywhere recovers all its whole batches") {
  TryEveryTail([](const std::string& bytes, size_t at) { return bytes.substr(0, at); });
}

TEST_CASE("a log that is zero from anywhere on recovers all its whole batches") {
  TryEveryTail([](const std::string& bytes, size_t at) {
    return bytes.substr(0, at) + std::string(bytes.size() - at, '\0');
  });
}

// Flips each bit of one segment of a durable log. Nothing may be lost unnoticed
// but the last batch, of which no later one could bear witness.
void TryEveryBit(const Grown& grown, const std::string& name, const LogOptions& options,
                 uint64_t last_batch) {
  const std::string& all = grown.said.back();
  const std::string& but_last = grown.said[grown.said.size() - 2];
  Files files = grown.files;
  std::string& bytes = files[name];
  size_t found = 0;
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    const std::string said = PrintLog(DiskWith(files), options);
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    if (said == all) continue;
    ++found;
    if (said == but_last && bit / 8 >= last_batch) continue;
    INFO(name << " bit " << bit % 8 << " of byte " << bit / 8 << ": " << said);
    REQUIRE(said.find("DATA_LOSS: dir/log-") == 0);
    REQUIRE(said.find(" byte ") != std::string::npos);
  }
  REQUIRE(found > 1000);
}

TEST_CASE("a flipped bit of a durable log is found, unless it is in the last batch") {
  const Grown grown = Grow(kOneSegment);
  const std::vector<uint64_t> ends = EndsOf(grown.files, 1);
  TryEveryBit(grown, SegmentName(1), kOneSegment, ends[ends.size() - 2]);
}

TEST_CASE("a flipped bit of a log of several segments is found, unless it is in the last batch") {
  const Grown grown = Grow(kTiny);
  REQUIRE(grown.files.size() > 1);
  for (const auto& [name, bytes] : grown.files) {
    const uint64_t number = *ParseSegmentName(name);
    const std::vector<uint64_t> ends = EndsOf(grown.files, number);
    const bool last = number == grown.files.size();
    TryEveryBit(grown, name, kTiny, last ? ends[ends.size() - 2] : bytes.size());
  }
}

TEST_CASE("a flipped bit of a confirmed log is found, or changes nothing") {
  for (const LogOptions& options : {kOneSegment, kTiny}) {
    const Grown grown = Grow(options, true);
    REQUIRE(PrintLog(DiskWith(grown.files), options) == grown.said.back());
    for (const auto& [name, bytes] : grown.files) TryEveryBit(grown, name, options, bytes.size());
  }
}

TEST_CASE("damage is refused with nothing changed") {
  Grown grown = Grow(kOneSegment);
  grown.files[SegmentName(1)][1600] ^= 1;
  const std::shared_ptr<MemoryFileSystem> disk = DiskWith(grown.files);
  REQUIRE(absl::IsDataLoss(OpenLog(disk, kOneSegment).status()));
  REQUIRE(FilesOf(*disk) == grown.files);
}

TEST_CASE("a segment that is missing is data loss") {
  const Grown grown = Grow({.segment_bytes = 2048});
  REQUIRE(grown.files.size() > 3);
  for (const auto& [name, bytes] : grown.files) {
    const uint64_t number = *ParseSegmentName(name);
    if (number == 1 || number == grown.files.size()) continue;  // purged; never made
    Files files = grown.files;
    files.erase(name);
    REQUIRE(absl::IsDataLoss(OpenLog(DiskWith(files)).status()));
  }
}

TEST_CASE("two segments that changed places are data loss") {
  Grown grown = Grow({.segment_bytes = 2048});
  std::swap(grown.files[SegmentName(1)], grown.files[SegmentName(2)]);
  REQUIRE(absl::IsDataLoss(OpenLog(DiskWith(grown.files)).status()));
}

TEST_CASE("bytes of a recycled segment never replay") {
  Grown grown = Grow(kOneSegment);
  std::string& bytes = grown.files[SegmentName(1)];
  const std::vector<uint64_t> ends = EndsOf(grown.files, 1);
  // The segment's earlier life was longer, and had another number.
  std::string earlier = bytes;
  for (size_t i = 1; i + 1 < ends.size(); ++i) {
    BatchHeader header = *DecodeBatchHeader(std::string_view(earlier).substr(ends[i]));
    header.segment = 77;
    EncodeBatchHeader(&header, &earlier[ends[i]]);
  }
  const uint64_t cut = ends[4];
  bytes = bytes.substr(0, cut) + earlier.substr(cut);
  const std::shared_ptr<MemoryFileSystem> disk = DiskWith(grown.files);
  REQUIRE(PrintLog(disk, kOneSegment) == grown.said[3]);
  RequireWritable(disk, kOneSegment);
}

TEST_CASE("a batch at another place than it names never replays") {
  Grown grown = Grow(kOneSegment);
  std::string& bytes = grown.files[SegmentName(1)];
  const std::vector<uint64_t> ends = EndsOf(grown.files, 1);
  const std::string last = bytes.substr(ends[ends.size() - 2], ends.back() - ends[ends.size() - 2]);
  bytes.replace(ends.back(), last.size(), last);
  REQUIRE(PrintLog(DiskWith(grown.files), kOneSegment) == grown.said.back());
}

TEST_CASE("a batch of another log never replays, whatever place it names") {
  Grown grown = Grow(kOneSegment);
  std::string& bytes = grown.files[SegmentName(1)];
  const uint64_t end = EndsOf(grown.files, 1).back();
  Batch batch;
  batch.Add(RecordType::kState, EncodeHardState(StateOf(9)));
  BatchHeader header;
  header.segment = 1;
  header.offset = end;
  header.previous = 12345;  // not the CRC of the batch before
  batch.Seal(&header);
  std::string foreign;
  for (std::string_view piece : batch.pieces()) foreign.append(piece);
  bytes.replace(end, foreign.size(), foreign);
  REQUIRE(PrintLog(DiskWith(grown.files), kOneSegment) == grown.said.back());
}

// One entry whose command looks like batches that knew durable what is before them. It is
// to be written where `at` is; *end is where its batch ends.
Txn EntryLikeBatches(Zxid zxid, Zxid prev, uint64_t at, uint64_t* end) {
  const auto encode = [&](const std::string& command) {
    return EncodeTxn(zxid, prev, TxnKind::kCommand, {ServerId{1}, 7, 9}, 1001, command);
  };
  std::string command(8192, 'x');
  const uint64_t begin = at + kBatchHeaderBytes + encode(command).encoded.size() - command.size();
  for (uint64_t sector = at + 1024; sector + 512 < begin + command.size(); sector += 512) {
    BatchHeader forged{.segment = 1, .offset = sector, .durable_before = sector};
    EncodeBatchHeader(&forged, &command[sector - begin]);
  }
  *end = SectorsUp(begin + command.size());
  return encode(command);
}

// Else whoever may propose could keep a server from starting again (LIV-3).
TEST_CASE("a torn command that looks like batches is a torn tail") {
  // The second batch of a sync is as the first.
  const LogOptions options{.segment_bytes = 1 << 20, .batch_bytes_max = 1};
  std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  uint64_t at = 0, second = 0, end = 0;
  {
    OpenedLog opened = *OpenLog(disk, options);
    opened.log->Store(StateOf(1));
    REQUIRE(opened.log->Sync().ok());
    at = EndsOf(FilesOf(*disk), 1).back();
    const Txn txns[] = {EntryLikeBatches({1, 1}, {}, at, &second),
                        EntryLikeBatches({1, 2}, {1, 1}, second, &end)};
    opened.log->Append(txns);
    REQUIRE(opened.log->Sync().ok());
  }
  Files files = FilesOf(*disk);
  REQUIRE(EndsOf(files, 1).back() == end);
  files[SegmentName(1)].replace(at + 512, 512, 512, '\0');
  SECTION("the first of its sync") {}
  SECTION("one after the first, torn too") {
    files[SegmentName(1)].replace(second + 512, 512, 512, '\0');
  }
  REQUIRE(PrintLog(DiskWith(files), options).find("DATA_LOSS") == std::string::npos);
}

// Else a command that looks like a batch could hide the damage.
TEST_CASE("a command that looks like a batch hides no later one that knew damage durable") {
  const LogOptions options{.segment_bytes = 1 << 20};
  std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  uint64_t at = 0;
  {
    OpenedLog opened = *OpenLog(disk, options);
    opened.log->Store(StateOf(1));
    REQUIRE(opened.log->Sync().ok());
    at = EndsOf(FilesOf(*disk), 1).back();
    const size_t before = kBatchHeaderBytes + Entries({}, {1, 1}, 1, 4000)[0].encoded.size() - 4003;
    std::string command(4003, 'x');
    BatchHeader forged{.segment = 1, .offset = at + 512, .payload_size = 1 << 20};
    EncodeBatchHeader(&forged, &command[512 - before]);
    const Txn txn = EncodeTxn({1, 1}, {}, TxnKind::kCommand, {ServerId{1}, 7, 9}, 1001, command);
    opened.log->Append({&txn, 1});
    REQUIRE(opened.log->Sync().ok());
    opened.log->Append(Entries({1, 1}, {1, 2}, 1));
    REQUIRE(opened.log->Sync().ok());
  }
  Files files = FilesOf(*disk);
  REQUIRE(DecodeBatchHeader(std::string_view(files[SegmentName(1)]).substr(at + 512)).has_value());
  files[SegmentName(1)][at] ^= 1;
  REQUIRE(PrintLog(DiskWith(files), options).find("DATA_LOSS") == 0);
}

TEST_CASE("a torn tail is zeroed before the first write, so that it never replays") {
  Grown grown = Grow(kOneSegment);
  std::string& bytes = grown.files[SegmentName(1)];
  const std::vector<uint64_t> ends = EndsOf(grown.files, 1);
  const std::string tail(100, '!');
  bytes.replace(ends.back(), tail.size(), tail);
  bytes.replace(bytes.size() - tail.size(), tail.size(), tail);
  const std::shared_ptr<MemoryFileSystem> disk = DiskWith(grown.files);
  REQUIRE(OpenLog(disk, kOneSegment)->log->Sync().ok());
  const std::string mended = FilesOf(*disk)[SegmentName(1)];
  REQUIRE(mended.substr(0, ends.back()) == bytes.substr(0, ends.back()));
  REQUIRE(mended.find_first_not_of('\0', ends.back()) == std::string::npos);
}

TEST_CASE("an empty or headerless last segment is removed") {
  const Grown grown = Grow(kOneSegment);
  for (const std::string& torn : {std::string(), std::string(8192, '\0'), std::string(100, 'x'),
                                  EncodeSegmentHeader({2, 0}).substr(0, 511)}) {
    Files files = grown.files;
    files[SegmentName(2)] = torn;
    const std::shared_ptr<MemoryFileSystem> disk = DiskWith(files);
    REQUIRE(PrintLog(disk, kOneSegment) == grown.said.back());
    REQUIRE(OpenLog(disk, kOneSegment)->log->Sync().ok());
    REQUIRE(FilesOf(*disk) == grown.files);
    RequireWritable(disk, kOneSegment);
  }
}

TEST_CASE("a log whose very first segment is torn is a fresh one") {
  for (const std::string& torn : {std::string(), std::string(4096, '\0')}) {
    const std::shared_ptr<MemoryFileSystem> disk = DiskWith({{SegmentName(1), torn}});
    REQUIRE(OpenLog(disk)->contents.fresh);
    RequireWritable(disk, kTiny);
  }
  REQUIRE(absl::IsDataLoss(OpenLog(DiskWith({{SegmentName(7), ""}})).status()));
}

TEST_CASE("a newer format is refused with nothing written") {
  const Grown grown = Grow({.segment_bytes = 2048});
  for (const auto& [name, bytes] : grown.files) {
    Files files = grown.files;
    std::string sector = EncodeSegmentHeader({*ParseSegmentName(name), 0});
    sector[8] = 2;  // the version
    const uint32_t crc = Crc32c(std::string_view(sector).substr(0, 508));
    wire::PutLittleEndian32(&sector[508], crc);
    files[name] = sector + "of which this version knows nothing";
    const std::shared_ptr<MemoryFileSystem> disk = DiskWith(files);
    const absl::Status status = OpenLog(disk).status();
    REQUIRE(absl::IsFailedPrecondition(status));
    REQUIRE(status.ToString().find(name) != std::string::npos);
    REQUIRE(FilesOf(*disk) == files);
  }
}

TEST_CASE("a promise below the current epoch is data loss") {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  HardState state = StateOf(5);
  state.current = 6;  // a log would not write it
  REQUIRE(SegmentWriter::Create(disk.get(), kDir, {.number = 1, .full = 4096},
                                {.state = EncodeHardState(state)}, {})
              .ok());
  REQUIRE(absl::IsDataLoss(OpenLog(disk).status()));
}

}  // namespace
}  // namespace zkq::storage
