// DiskMirror: what one server's log amounts to, read from what it writes: as
// written, and as durable. It knows the file format and nothing of the code that
// writes it, so what a crash must leave can be told independently of recovery.
//
// A batch is durable once its file was synced after it was written, the directory was
// synced after the file was made, and all batches before it are durable.
#pragma once

#include <deque>
#include <set>
#include <string>
#include <vector>

#include "lib/base/hard_state.h"
#include "lib/storage/framing.h"
#include "lib/wire/disk.h"
#include "zkq/testing/memory_file_system.h"
#include "zkq/types.h"

namespace zkq::testing {

// A log, by what its records come to.
struct LogState {
  HardState state = {};
  Zxid base = {};
  Zxid last = {};
  Zxid hint = {};  // known committed, as far as the log says
};

class DiskMirror {
 public:
  // What a batch that was written says; told record by record, before it counts.
  class Reader {
   public:
    virtual ~Reader() = default;
    virtual void OnTxn(const LogState& before, const Txn& txn) = 0;
    virtual void OnState(const LogState& before, const HardState& state) = 0;
    virtual void OnTruncate(const LogState& before, Zxid after) = 0;
    virtual void OnBase(const LogState& before, Zxid base) = 0;
    // A segment begins: with what those before it have come to, and what of it is known
    // committed.
    virtual void OnStart(const LogState& before, const SegmentStart& start, Zxid commit) = 0;
  };

  void OnOperation(const MemoryFileSystem::Operation& operation, Reader* reader);
  // The process is gone, and this is its disk: what was written and has not
  // survived is forgotten. What is left as written() is what recovery has to find.
  void OnCrash(const MemoryFileSystem& disk);
  void OnWiped() { *this = DiskMirror(); }

  const LogState& written() const { return written_; }
  const LogState& durable() const { return durable_; }

 private:
  struct Batch {
    std::string path;
    uint64_t offset = 0;
    std::string bytes;
    LogState after = {};
    bool synced = false;
  };
  void OnBatch(const MemoryFileSystem::Operation& operation, Reader* reader);
  void OnEntries(const Payload& payload, Reader* reader);
  void OnRecord(const storage::RecordReader& record, Zxid commit, Reader* reader);
  void OnZxid(storage::RecordType type, Zxid zxid, Reader* reader);
  void Advance();
  static bool Survives(const Batch& batch, const MemoryFileSystem& disk);

  LogState written_;
  LogState durable_;
  std::deque<Batch> pending_;      // written, not known durable, oldest first
  std::set<std::string> unnamed_;  // segments whose directory was not synced since
};

}  // namespace zkq::testing
