// The bytes of each file of a data directory, as they are written today.
#include "test/wire/golden.h"
#include "lib/base/crc32c.h"
#include "lib/storage/framing.h"
#include "lib/storage/snapshots.h"
#include "lib/wire/protobuf.h"
#include "test/harness/catch.h"
#include "test/harness/script.h"
#include "test/storage/fixture.h"

namespace zkq::storage {
namespace {

using testing::Command;
using testing::Commented;
using testing::RunScript;
using testing::Schema;

// Puts comments to one file from its beginning to its end.
class FileText {
 public:
  FileText(Schema* schema, std::string_view bytes) : schema_(*schema), rest_(bytes) {}

  size_t rest() const { return rest_.size(); }
  char next() const { return rest_.front(); }
  uint32_t Number32(const std::string& what) { return wire::LittleEndian32(Take(4, what).data()); }
  std::string_view Take(size_t size, const std::string& what) {
    const std::string_view bytes = rest_.substr(0, size);
    if (!bytes.empty()) text_ += Commented(bytes, what);
    rest_.remove_prefix(bytes.size());
    return bytes;
  }
  void Message(size_t size, const std::string& type) {
    text_ += schema_.Text(type, rest_.substr(0, size), 1);
    rest_.remove_prefix(size);
  }
  void Zeros(const std::string& what) {
    Take(std::min(rest_.find_first_not_of('\0'), rest_.size()), what);
  }
  std::string Done() { return std::move(text_); }

 private:
  Schema& schema_;
  std::string_view rest_;
  std::string text_;
};

void Records(FileText* file, size_t size) {
  static const char* const kTypes[] = {"", "STATE", "TRUNCATE", "BASE", "START"};
  static const char* const kBodies[] = {"", "HardState", "Zxid", "Zxid", "SegmentStart"};
  for (const size_t end = file->rest() - size; file->rest() > end;) {
    const auto type = static_cast<size_t>(file->next());
    file->Take(1, std::string("record: ") + kTypes[type]);
    const uint32_t body = file->Number32("  size of the body");
    file->Message(body, kBodies[type]);
  }
}

void BatchText(FileText* file) {
  file->Take(4, "batch: magic");
  file->Take(4, "  CRC of the next 56 bytes");
  file->Take(8, "  segment");
  file->Take(8, "  offset");
  file->Take(8, "  durable before");
  const uint32_t size = file->Number32("  size of the payload");
  file->Take(4, "  CRC of the payload and the zeros after it");
  file->Take(4, "  CRC of the batch header before");
  const uint32_t kind = file->Number32("  kind: 1 entries, 2 records");
  file->Take(4, "  known committed: epoch");
  file->Take(4, "  known committed: counter");
  file->Take(8, "  0");
  if (kind == 1) {
    file->Message(size, "Batch");
  } else {
    Records(file, size);
  }
  file->Zeros("zeros up to the next sector, and ahead of the next batch");
}

std::string SegmentText(Schema* schema, std::string_view bytes) {
  FileText file(schema, bytes);
  file.Take(8, "magic");
  file.Take(4, "version");
  file.Take(4, "0");
  file.Take(8, "number of the segment");
  file.Take(4, "CRC of the last batch header of the segment before");
  file.Take(480, "zeros");
  file.Take(4, "CRC of the bytes before it");
  while (file.rest() > 0) BatchText(&file);
  return file.Done();
}

std::string SnapshotText(Schema* schema, std::string_view bytes) {
  FileText file(schema, bytes);
  file.Take(8, "magic");
  file.Take(4, "version");
  file.Take(4, "0");
  file.Take(8, "digest: high half");
  file.Take(8, "digest: low half");
  const uint32_t size = file.Number32("size of the description");
  file.Take(4, "CRC of the description");
  file.Take(468, "zeros");
  file.Take(4, "CRC of the bytes before it");
  file.Message(size, "SnapshotMeta");
  while (file.rest() > 0) {
    const uint32_t payload = file.Number32("chunk: size of the payload");
    const uint32_t flags = file.Number32("  flags: 0 more follows, 1 the record ends, 2 footer");
    file.Take(4, "  CRC of the payload");
    file.Take(4, "  CRC of the 12 bytes before it");
    if (flags != 2) {
      file.Take(payload, "  payload");
      continue;
    }
    file.Take(8, "  number of records");
    file.Take(8, "  where the footer's chunk begins");
  }
  return file.Done();
}

// A log with each kind of record, and entries with a hint.
Files LogSample() {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  const std::unique_ptr<Log> log = std::move(OpenLog(disk, {.segment_bytes = 3072})->log);
  const auto sync = [&] { REQUIRE(log->Sync().ok()); };
  log->Store(StateOf(4));
  sync();
  log->Append(Entries({}, {4, 1}, 2, 3));
  log->Hint({4, 1});
  sync();
  log->Truncate({4, 1});
  log->Rebase({4, 9});
  sync();
  log->Append(Entries({4, 9}, {4, 10}, 1, 3));
  sync();
  REQUIRE(log->Confirm().ok());  // in the next segment, which begins with START
  return FilesOf(*disk);
}

Files SnapshotSample() {
  const std::shared_ptr<MemoryFileSystem> disk = NewDisk();
  const SnapshotMeta meta{.zxid = {4, 9},
                          .leader_time = 1'700'000'000'123'456,
                          .membership = {{3, 9}, {{.id = ServerId{1}, .address = "a:7001"}}},
                          .ensemble = {0xe1, 0xe2}};
  SnapshotJob two = [](SnapshotWriter& out) {
    absl::Status written = out.WriteRecord("one");
    return written.ok() ? out.WriteRecord("two") : written;
  };
  REQUIRE((*Snapshots::Open(disk, kDir))->Take(meta, std::move(two)).ok());
  REQUIRE(*(*Snapshots::Open(disk, kDir))->Verify({4, 9}) == meta);
  return FilesOf(*disk);
}

std::string GoldenText(Schema* schema, const Command& command) {
  if (command.name == "snapshot") {
    return SnapshotText(schema, SnapshotSample().at("snapshot-00000004-00000009"));
  }
  const Files files = LogSample();
  if (command.name == "segment") return SegmentText(schema, files.at(command.args.at(0)));
  return PrintLog(DiskWith(files));
}

TEST_CASE("each file of a data directory has a golden text, and is written as it says") {
  Schema schema(ZKQ_TEST_DATA_DIR "/../../proto");
  REQUIRE(RunScript("testdata/golden.txt",
                    [&](const Command& command) { return GoldenText(&schema, command); }) == "");
}

}  // namespace
}  // namespace zkq::storage
