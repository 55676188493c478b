// SimServer::Impl: one simulated server. It holds its parts together, and has none of their work.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "lib/testing/cluster/excuses.h"
#include "lib/testing/cluster/faulty_disk.h"
#include "lib/testing/cluster/faulty_machine.h"
#include "lib/testing/cluster/server_process.h"
#include "lib/testing/cluster/shared.h"
#include "zkq/testing/sim_server.h"

namespace zkq::testing {
inline namespace v1 {

class SimServer::Impl {
 public:
  Impl(const Shared* given, ServerId id, std::vector<Member> members)
      : shared(*given),
        sid(id),
        // Two lives of one id that begin at one instant are told apart by the microsecond.
        clock(std::make_shared<SimClock>(
            given->scheduler, IsTwin(id) ? absl::Microseconds(1) : absl::ZeroDuration())),
        excuses(given, id, clock,
                {.up = [this] { return process.up(); },
                 .paused = [this] { return process.paused(); },
                 .disk_full = [this] { return disk.full(); }}),
        disk(given, id, &excuses, [this](CrashMode mode) { process.Die(mode); }),
        state_machine(given, id, &excuses),
        process(given, id, {clock, &disk, &state_machine, &excuses, std::move(members)}) {}
  ~Impl() {
    if (process.up()) process.Crash(CrashMode::kProcess);
  }

  void Heal();
  // Nothing keeps it from its work, but a disk that is slow to sync.
  bool calm() const;

  const Shared& shared;
  const ServerId sid;
  const std::shared_ptr<SimClock> clock;
  Excuses excuses;
  FaultyDisk disk;
  FaultyMachine state_machine;
  ServerProcess process;
};

}  // namespace v1
}  // namespace zkq::testing
