// DiskMirror: what one server's log amounts to, read from what it writes: as
// written, and as durable. It knows the file format and nothing of the code that
// writes it, so what a crash must leave can be told independently of recovery.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "lib/base/hard_state.h"
#include "zkq/testing/memory_file_system.h"
#include "zkq/types.h"

namespace zkq::testing {

// A log, by what its records come to.
struct LogState {
  HardState state = {};
  Zxid base = {};
  Zxid last = {};
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
  };

  void OnOperation(const MemoryFileSystem::Operation& operation, Reader* reader);
  // The process is gone, and this is its disk: what was written and has not
  // survived is forgotten.
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
  };
  void OnBatch(const MemoryFileSystem::Operation& operation, Reader* reader);
  static bool Survives(const Batch& batch, const MemoryFileSystem& disk);

  LogState written_;
  LogState durable_;
  std::deque<Batch> pending_;  // written, not known durable, oldest first
};

}  // namespace zkq::testing
