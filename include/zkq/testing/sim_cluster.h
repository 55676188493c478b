// SimCluster: an ensemble of real replicas in one thread and in virtual time, on
// disks, clocks and a network that fail on command, with every invariant of the
// protocol checked as it goes.
//
//   SimCluster cluster({.seed = 7}, [](ServerId) { return std::make_unique<App>(); });
//   cluster.StartAll();
//   cluster.RunUntil([&] { return cluster.leader().has_value(); }, absl::Seconds(10));
//   cluster.Crash(*cluster.leader());
//   …
//   REQUIRE(cluster.CheckConverges(absl::Minutes(1)).ok());
//   REQUIRE(cluster.CheckEnd().ok());
//
// The same seed and the same calls give the same run, to the byte: trace_hash()
// tells two runs apart. Threads: one, for all of it. Memory grows with the run: every
// command and its reply are remembered.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "zkq/replica.h"
#include "zkq/testing/sim.h"
#include "zkq/testing/sim_network.h"
#include "zkq/testing/sim_observer.h"

namespace zkq::testing {
inline namespace v1 {

struct SimClusterOptions {
  int servers = 3;  // their ids are 1, 2, …
  uint64_t seed = 1;
  SimNetworkOptions network = {};
  absl::Duration sync_delay = absl::Microseconds(200);  // of a file or directory, when healthy
  // Limits that no ReplicaOptions sets and no short run reaches, brought near. 0: as shipped.
  uint32_t epoch_transactions = 0;     // then an epoch is renewed in place
  size_t proposed_bytes_max = 0;       // and not committed, 256 a call on top: more is refused
  size_t learner_bytes_max = 0;        // sent to a learner and not durable there: more waits
  uint64_t diff_transactions_max = 0;  // that a learner lacks: for more it gets a snapshot
  size_t log_batch_bytes_max = 0;      // written at once: more takes several batches
  // Applied to the options of every start; null: none. The id, members, data_dir, state
  // machine, transport and env are the cluster's, whatever it sets; a log sink gets the
  // lines as well as the trace.
  std::function<void(ServerId, ReplicaOptions*)> adjust = nullptr;
};

// What a crash leaves on the disk.
enum class CrashMode {
  kProcess,  // all that was written, but for failed fsyncs: only the process was killed
  kPower,    // only what was synced
  kTorn,     // what was synced, and of the rest any sectors
};

class ZKQ_EXPORT SimCluster {
 public:
  using MakeStateMachine = std::function<std::unique_ptr<StateMachine>(ServerId)>;
  // Nobody is started. `make` is called at every start, and returns a machine that
  // knows nothing of the one before. Null, as `make` or from it: the replica only elects.
  SimCluster(const SimClusterOptions& options, MakeStateMachine make);
  ~SimCluster();

  // --- servers ---------------------------------------------------------------
  const std::vector<ServerId>& servers() const;  // a `sid` below is one of them
  void StartAll();                               // those that are down; one that refuses stays down
  absl::Status Start(ServerId sid);
  void Crash(ServerId sid, CrashMode mode = CrashMode::kPower);
  absl::Status Shutdown(ServerId sid, absl::Duration grace);
  bool up(ServerId sid) const;
  Replica& replica(ServerId sid);            // while it is up
  ReplicaStatus Status(ServerId sid) const;  // while it is up
  // Who leads an established epoch, by its own word; the highest if several say so.
  std::optional<ServerId> leader() const;

  // --- time ------------------------------------------------------------------
  absl::Duration now() const;
  // Neither runs on after a violation, nor inside a task: virtual time stands still
  // there. Callbacks are called inside tasks, but for those of calls that a Crash, a
  // Shutdown or the end of the cluster ends: these are called inside it, so that what
  // they refer to must live as long. They may call the cluster, but not from its destructor.
  void RunFor(absl::Duration duration);
  // Until condition() holds, an invariant is violated, or `limit` has passed;
  // returns condition().
  bool RunUntil(absl::FunctionRef<bool()> condition, absl::Duration limit);

  // --- calls: recorded, and completed exactly once ---------------------------------
  // A server that is down refuses. A command is known by its text: number yours, or the
  // outcome of one is taken for that of another. Calls made through replica() are not
  // recorded, and its blocking forms check nothing meanwhile. Null `done`: nobody asks.
  using Done = absl::AnyInvocable<void(absl::StatusOr<Reply>) &&>;
  void Propose(ServerId sid, std::string command, absl::Duration timeout, Done done);
  void Read(ServerId sid, std::string request, absl::Duration timeout, Done done);

  // --- faults of processes -----------------------------------------------------------
  // It dies before its n-th operation on the disk from now, also in the middle of a
  // start, or, of a server that is up, after its n-th message: between any two effects.
  // n is 1 or more. With `step`, only operations of this kind are counted. Each replaces
  // the one of its kind before; `mode` is its own.
  void CrashAtDisk(ServerId sid, uint64_t operations, CrashMode mode,
                   std::optional<MemoryFileSystem::Step> step = {});
  void CrashAtSend(ServerId sid, uint64_t messages, CrashMode mode);
  void Pause(ServerId sid, bool paused);  // as by SIGSTOP
  SimClock& clock(ServerId sid);
  // Each Apply takes so long, up to 20 s of those that come together; the next one fails, and
  // the replica halts.
  void SlowApply(ServerId sid, absl::Duration duration);
  void FailApply(ServerId sid);

  // --- faults of disks ---------------------------------------------------------------
  // To look at; what is done to it here the checker does not know. Files are in "data".
  MemoryFileSystem& disk(ServerId sid);
  void SlowDisk(ServerId sid, absl::Duration per_sync);
  void SlowReads(ServerId sid, absl::Duration longest);   // each read takes up to so long
  void StallDisk(ServerId sid, absl::Duration duration);  // nothing is answered for so long
  // The next operation of this kind fails; the replica may halt.
  void FailDisk(ServerId sid, MemoryFileSystem::Step step);
  void FailRead(ServerId sid);  // the next read
  void FillDisk(ServerId sid, bool full);
  // Of a server that is down. A damaged one may lose what it had, and must notice.
  // False: nothing has changed by that; the server is up, or the file is not there, or not
  // so long.
  bool WipeDisk(ServerId sid);
  bool FlipBit(ServerId sid, const std::string& path, uint64_t offset, int bit);
  // 512 bytes at `offset` read as zeros: of a log, as before they were written.
  bool LoseSector(ServerId sid, const std::string& path, uint64_t offset);
  // They read as those at `from` do: a write that went astray.
  bool OverwriteSector(ServerId sid, const std::string& path, uint64_t offset, uint64_t from);
  // The server ran for a second or more after the last write there. Before, damage to
  // what was written last may look like a torn write, and nobody can tell.
  bool Settled(ServerId sid, const std::string& path, uint64_t offset) const;

  // --- faults of the network -----------------------------------------------------------
  // For its faults; its observer and its OnKilled are the cluster's.
  SimNetwork& network();

  // Ends every fault that lasts, but that wall clocks were set; servers that are down stay down.
  void Heal();

  // --- judgement -----------------------------------------------------------------------
  // What can be said of the run so far; the first violation is kept.
  absl::Status CheckInvariants() const;
  const std::optional<Violation>& violation() const;
  // Heals, starts everybody, and waits for what must come then (LIV-1, 2 and 4): a
  // leader within a few times what servers bear with a silent one, everybody caught up
  // within `limit`, and no other leader for a while. A call of a disk or state machine that
  // was begun before is waited for, `limit` at most; the limits are counted from its end. Servers
  // in `lost` are not asked for: their disks are. Whether calls succeed again only your calls can
  // tell.
  absl::Status CheckConverges(absl::Duration limit, const std::vector<ServerId>& lost = {});
  // The run is over, and every call has had its time: none may still wait, and what
  // was committed is still held by a quorum. Returns what CheckInvariants does then.
  absl::Status CheckEnd();
  void Report(std::string property, std::string what);  // a violation found elsewhere
  std::string Describe() const;                         // a line a server

  // A line of your own among the events.
  void Mark(std::string_view line);
  uint64_t trace_hash() const;
  uint64_t steps() const;
  // The last events before now, a line each. Empty unless keep_trace was called.
  void keep_trace(size_t lines);
  std::vector<std::string> trace() const;

  // Sees everything from now on, until the cluster is gone or has been told to forget
  // it. Not from inside an observer.
  void Observe(SimObserver* observer);
  void Forget(SimObserver* observer);
  SimScheduler& scheduler();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace v1
}  // namespace zkq::testing
