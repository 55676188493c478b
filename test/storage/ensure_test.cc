// What only a bug can break, broken: each check of lib/storage says what and where. Not
// here are five that only a bug inside Log or SegmentWriter could break: a batch that ends
// elsewhere than its header says, segments that are not numbered one after the other (when
// one is begun, when one is removed), a log that goes on with another than its last, and a
// purge of live entries (the mutant purge-too-much breaks that one).
#include "lib/storage/ensure.h"

#include "lib/storage/index.h"
#include "lib/storage/segment_reader.h"
#include "lib/storage/segment_writer.h"
#include "test/harness/catch.h"
#include "test/storage/fixture.h"

namespace zkq::storage {
namespace {

// Each part of `says` is in the text.
void RequireBroken(const absl::Status& status, const std::vector<std::string>& says) {
  INFO(status.ToString());
  REQUIRE(absl::IsInternal(status));
  REQUIRE(status.ToString().find("broken invariant: ") != std::string::npos);
  for (const std::string& part : says) REQUIRE(status.ToString().find(part) != std::string::npos);
}

// --- the log as a whole -----------------------------------------------------------------

// A log that holds 1:1 to 1:3, and what becomes of it when `add` has added to it.
void RequireKilledBy(auto add, const std::string& says) {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  {
    const std::unique_ptr<Log> log = std::move(OpenLog(disk)->log);
    log->Append(Entries({}, {1, 1}, 3));
    REQUIRE(log->Sync().ok());
    add(*log);
    RequireBroken(log->Sync(), {says, "log-0000000000000001 at byte 1536"});
    log->Append(Entries({1, 3}, {1, 4}, 1));  // would be right
    REQUIRE(absl::IsInternal(log->Sync()));
    REQUIRE(absl::IsInternal(log->Confirm()));
    REQUIRE(absl::IsInternal(log->PurgeOne({}).status()));
    REQUIRE(Print(*log->Read({}, 1 << 20)) == "1:1 1:2 1:3");
  }
  REQUIRE(OpenLog(disk)->contents.epochs.last() == Zxid{1, 3});
}

TEST_CASE("an entry that does not continue the history kills the log, not the host") {
  RequireKilledBy(
      [](Log& log) {
        log.Append(Entries({1, 4}, {1, 5}, 1));
      },
      "entry 1:5 after 1:4 continues the history, which ends with 1:3");
  RequireKilledBy([](Log& log) { log.Append(Entries({1, 3}, {1, 3}, 1)); }, "entry 1:3 after 1:3");
  RequireKilledBy([](Log& log) { log.Append(Entries({1, 3}, {1, 5}, 1)); }, "entry 1:5 after 1:3");
}

TEST_CASE("a cut outside of the history kills the log") {
  RequireKilledBy(
      [](Log& log) {
        log.Truncate({1, 4});
      },
      "a cut after 1:4 lies in the history from 0:0 to 1:3");
  RequireKilledBy([](Log& log) { log.Truncate({0, 7}); }, "a cut after 0:7");
}

TEST_CASE("a cut into what has been purged kills the log") {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  {
    const std::unique_ptr<Log> log = std::move(OpenLog(disk)->log);
    for (uint32_t i = 1; i <= 20; ++i) {
      log->Append(Entries({1, i - 1}, {1, i}, 1));
      REQUIRE(log->Sync().ok());
    }
    REQUIRE(*PurgeAll(log.get(), {1, 15}) > Zxid{1, 3});
  }
  const std::unique_ptr<Log> log = std::move(OpenLog(disk)->log);
  log->Truncate({1, 3});
  RequireBroken(log->Sync(), {"a cut after 1:3 lies in the history from"});
}

TEST_CASE("a hard state that no start would take kills the log") {
  HardState state = StateOf(4);
  state.current = 5;
  RequireKilledBy([&](Log& log) { log.Store(state); }, "state.current <= state.accepted.epoch");
}

// --- the writer and the reader of a segment ---------------------------------------------

SegmentWriter WriterAt(uint64_t offset) {
  static const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  disk->SetContents("dir/file", std::string(8192, '\0'));
  SegmentWriter::End end;
  end.number = 7;
  end.offset = offset;
  return SegmentWriter(*disk->Open("dir/file", FileSystem::Mode::kWrite), end);
}

TEST_CASE("a batch that would not begin on a sector is not written, nor anything mended there") {
  const std::vector<std::string> says = {"end_.offset % kSectorBytes == 0",
                                         "log-0000000000000007 at byte 1000"};
  Batch batch;
  SegmentWriter writer = WriterAt(1000);
  RequireBroken(writer.Write(&batch, {}), says);
  RequireBroken(writer.Mend(2048), says);
}

TEST_CASE("a batch of entries and records is not written") {
  const std::vector<Txn> txns = Entries({}, {1, 1}, 1);
  Batch batch;
  batch.Add(txns[0]);
  batch.Add(RecordType::kState, "a state");
  RequireBroken(WriterAt(1024).Write(&batch, {}), {"of_one_kind", "at byte 1024"});
}

TEST_CASE("a batch whose size its header cannot say is not written") {
  const Txn large = EncodeTxn({1, 1}, {}, TxnKind::kCommand, {}, 0, std::string(64 << 20, 'x'));
  Batch batch;
  for (int i = 0; i < 64; ++i) batch.Add(large);
  RequireBroken(WriterAt(1024).Write(&batch, {}), {"payload_bytes() <= UINT32_MAX"});
}

TEST_CASE("a segment is searched for batches from sector to sector only") {
  const std::shared_ptr<MemoryFileSystem> disk =
      DiskWith({{SegmentName(3), std::string(2048, 'x')}});
  absl::StatusOr<SegmentReader> reader = SegmentReader::Open(disk.get(), kDir, 3);
  const std::vector<std::string> says = {"from % kSectorBytes == 0",
                                         "dir/log-0000000000000003 at byte 513"};
  RequireBroken(reader->FindDurableMark(513).status(), says);
  RequireBroken(reader->EndOfBytes(513).status(), says);
}

// --- the index ----------------------------------------------------------------------------

using Change = Index::Change;

Change Extending(Zxid prev, Zxid last, uint64_t begin, uint64_t end) {
  return {Change::Kind::kAppend, {prev, last, 2, begin, end, 0}, {}};
}

TEST_CASE("an extent that does not go on from the one before is not indexed") {
  Index index;
  REQUIRE(index.Apply({Extending({}, {1, 3}, 512, 1024)}).ok());
  RequireBroken(index.Apply({Extending({1, 4}, {1, 5}, 1024, 1536)}),
                {"extent.prev == last_", "log-0000000000000002 at byte 1024"});
  RequireBroken(index.Apply({Extending({1, 3}, {1, 5}, 1024, 1024)}),
                {"extent.begin < extent.end"});
  RequireBroken(index.Apply({Change{Change::Kind::kTruncate, {}, {1, 4}}}), {"after <= last_"});
  REQUIRE(index.After({}, 1)->size() == 1);  // what was right is there
}

}  // namespace
}  // namespace zkq::storage
