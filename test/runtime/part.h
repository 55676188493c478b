// What a part of the runtime stands on in its test: strands in virtual time, a disk in
// memory, and somebody who writes down what the part says.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "lib/runtime/halter.h"
#include "lib/runtime/strand.h"
#include "lib/runtime/voice.h"
#include "test/harness/catch.h"
#include "zkq/testing/memory_file_system.h"
#include "zkq/testing/sim.h"
#include "zkq/wire.h"

namespace zkq::runtime {

// `count` transactions {epoch, from}, {epoch, from + 1}, …, each after the one before.
inline std::vector<Txn> Txns(Epoch epoch, uint32_t from, uint32_t count, Zxid prev,
                             const Origin& origin = {}) {
  std::vector<Txn> txns;
  for (uint32_t i = from; i < from + count; ++i) {
    const Zxid zxid{epoch, i};
    txns.push_back(EncodeTxn(zxid, prev, TxnKind::kCommand, origin, 1000 + i, ToString(zxid)));
    prev = zxid;
  }
  return txns;
}

// {1,from} … {1,to}.
inline std::vector<Txn> Txns(uint32_t from, uint32_t to) {
  return Txns(1, from, to - from + 1, from == 1 ? Zxid{} : Zxid{1, from - 1});
}

struct Stage : Halter {
  using Disk = testing::MemoryFileSystem;

  Stage() { disk->CreateDirectory("dir").IgnoreError(); }
  ~Stage() override { executor->Stop(); }

  void Say(const std::string& line) { said += (said.empty() ? "" : ", ") + line; }
  void Halt(absl::Status why) override { Say("halt " + why.ToString()); }
  // Lets all strands come to rest, and returns what was said since the last time.
  std::string Run(absl::Duration duration = absl::Seconds(1)) {
    scheduler.RunFor(duration);
    return std::exchange(said, "");
  }
  void Fail(Disk::Step step) {
    disk->Observe([step](const Disk::Operation& operation) {
      return operation.step == step ? Disk::Verdict::kFail : Disk::Verdict::kProceed;
    });
  }

  testing::SimScheduler scheduler{1};
  std::shared_ptr<testing::SimExecutor> executor =
      std::make_shared<testing::SimExecutor>(&scheduler);
  testing::SimClock clock{&scheduler};
  testing::SimRandom random{1};
  Strand strand{executor};
  std::shared_ptr<Disk> disk = std::make_shared<Disk>();
  Voice voice{nullptr, ServerId{1}, &clock};
  std::atomic<bool> stopping{false};
  std::string said;
};

}  // namespace zkq::runtime
