// LocalEnsemble: an ensemble of replicas in one process, for the tests of a service: the replicas
// that ship, on real threads and in real time; network and disks are in memory. No port, no
// file, no sleep.
//
//   LocalEnsemble ensemble([](zkq::ServerId) { return std::make_unique<App>(); });
//   REQUIRE(ensemble.StartAll().ok());
//   const zkq::ServerId leader = *ensemble.WaitForLeader();
//   REQUIRE(ensemble.replica(leader).Propose("x=1").ok());
//   ensemble.Kill(leader);
//   const zkq::ServerId next = *ensemble.WaitForLeader();  // another one
//   REQUIRE(ensemble.replica(next).Read("x")->value == "1");
//
// To wait until a server has applied a write, ask it to read as of that write:
//   replica.Read("x", {.consistency = zkq::Consistency::kSequential, .at_least = reply.zxid});
//
// What threads do differs from run to run. For runs that a seed repeats, and faults of all
// kinds, see zkq/testing/sim_cluster.h.
//
// Threads: one at a time, and none of the replicas' own (callbacks, StateMachine). What replica()
// returns may be called from any, until its server stops.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "zkq/replica.h"
#include "zkq/testing/memory_file_system.h"

namespace zkq::testing {
inline namespace v1 {

struct LocalEnsembleOptions {
  int servers = 3;  // their ids are 1, 2, …
  // Applied to the options of every start; null: none. The id, members, data_dir, state machine,
  // transport and file system are the ensemble's, whatever it sets. What it leaves null means
  // what it means to Replica::Start.
  std::function<void(ServerId, ReplicaOptions*)> adjust = nullptr;
};

class ZKQ_EXPORT LocalEnsemble {
 public:
  using MakeStateMachine = std::function<std::unique_ptr<StateMachine>(ServerId)>;
  // Nobody is started. `make` is called at every start, and returns a machine that knows nothing
  // of the one before. Null, as `make` or from it: the replica only elects.
  explicit LocalEnsemble(MakeStateMachine make, const LocalEnsembleOptions& options = {});
  ~LocalEnsemble();  // kills all

  const std::vector<ServerId>& servers() const;

  // --- one server ----------------------------------------------------------------------
  absl::Status Start(ServerId sid);  // OK, too, when it is up
  absl::Status StartAll();           // the first error; the others are started all the same
  bool up(ServerId sid) const;
  Replica& replica(ServerId sid);  // while it is up
  // In good order, as by SIGTERM. What Replica::Shutdown says; it is down in any case.
  absl::Status Stop(ServerId sid, absl::Duration grace = absl::Seconds(5));
  // As by SIGKILL: its links break, nothing is written any more, and what was stays. Its calls are
  // told kCancelled, and nothing says that it has halted. A StateMachine call is waited for, 5 s at
  // most.
  void Kill(ServerId sid);
  // As Kill, and the disk loses what was not synced.
  void CutPower(ServerId sid);
  // To look at, and for its faults; the data_dir is "data".
  MemoryFileSystem& disk(ServerId sid);

  // --- all of them ---------------------------------------------------------------------
  // A leader that more than half of the servers follow, is up, and can reach them. As soon as
  // there is one, so also at once; kDeadlineExceeded names what each server says.
  absl::StatusOr<ServerId> WaitForLeader(absl::Duration timeout = absl::Minutes(1));
  // No links between these and the others, until the next Partition or Heal.
  void Partition(const std::set<ServerId>& side);
  void Heal();

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace v1
}  // namespace zkq::testing
