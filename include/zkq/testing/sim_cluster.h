// SimCluster: an ensemble of real replicas in one thread and in virtual time, on
// disks, clocks and a network that fail on command, with every invariant of the
// protocol checked as it goes.
//
//   SimCluster cluster({.seed = 7}, [](ServerId) { return std::make_unique<App>(); });
//   cluster.StartAll();
//   cluster.RunUntil([&] { return cluster.leader().has_value(); }, absl::Seconds(10));
//   cluster.server(*cluster.leader()).Crash();
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

#include "absl/functional/function_ref.h"
#include "zkq/replica.h"
#include "zkq/testing/sim.h"
#include "zkq/testing/sim_network.h"
#include "zkq/testing/sim_observer.h"
#include "zkq/testing/sim_server.h"

namespace zkq::testing {
inline namespace v1 {

struct SimClusterOptions {
  int servers = 3;    // the voters that found the ensemble: their ids are 1, 2, …
  int observers = 0;  // that are listed from the start, with the ids after those
  // Of the voters 1, 2, …; of those that are left out as in Member.
  std::vector<uint32_t> weights = {};
  std::vector<uint32_t> groups = {};
  uint64_t seed = 1;
  SimNetworkOptions network = {};
  absl::Duration sync_delay = absl::Microseconds(200);  // of a file or directory, when healthy
  // Half of the starts are those of a build with features that no other one knows.
  bool mixed_versions = false;
  // Limits that no ReplicaOptions sets and no short run reaches, brought near. 0: as shipped.
  uint32_t epoch_transactions = 0;     // then an epoch is renewed in place
  size_t proposed_bytes_max = 0;       // and not committed, 256 a call on top: more is refused
  size_t learner_bytes_max = 0;        // under way to a learner, and from it of calls: more waits
  uint64_t diff_transactions_max = 0;  // that a learner lacks: for more it gets a snapshot
  size_t log_batch_bytes_max = 0;      // written at once: more takes several batches
  // Applied to the options of every start; null: none. The id, members, data_dir, state
  // machine, transport and env are the cluster's, whatever it sets; a log sink gets the
  // lines as well as the trace.
  std::function<void(ServerId, ReplicaOptions*)> adjust = nullptr;
};

class ZKQ_EXPORT SimCluster {
 public:
  using MakeStateMachine = std::function<std::unique_ptr<StateMachine>(ServerId)>;
  // Nobody is started; all founders have the ids above as `members`, and no addresses. `make` is
  // called at every start, and returns a machine that knows nothing of the one before. Null, as
  // `make` or from it: the replica only elects.
  SimCluster(const SimClusterOptions& options, MakeStateMachine make);
  ~SimCluster();

  // --- servers ---------------------------------------------------------------
  // Founders and added ones, ordered by id, then their twins, by place.
  const std::vector<ServerId>& servers() const;
  // A further server, on an empty disk. It is down, and in no configuration: it starts as a
  // joiner, with itself, as `member` says, and all others that there are now as its `members`.
  SimServer& Add(const Member& member);
  // A second machine that runs under the id of `sid`, which has none yet: by mistake, or to take
  // the place of the first. Its place is TwinOf(sid): that is what it is called by here and by
  // observers, while its status and its messages have the id. It is down, on an empty disk, has the
  // first one's list of members, and founds nothing.
  SimServer& AddTwin(ServerId sid);
  // It is the only machine that runs under its id, or the one with the disk that is listed for a
  // voter: the others hold links with it, and not with its twin. Of two machines of a server that
  // is no voter neither has it.
  bool HasItsId(ServerId place) const;
  // One of them, which starts, crashes, is called and struck through this.
  SimServer& server(ServerId sid);
  const SimServer& server(ServerId sid) const;
  void StartAll();  // those that are down; one that refuses stays down
  // Who leads an established epoch, by its own word; the highest if several say so.
  std::optional<ServerId> leader() const;

  // The newest configuration that is committed, as far as can be told from outside; none before
  // the ensemble is founded.
  Membership membership() const;
  // The server is a voter there, with the disk that is in it.
  bool counts(ServerId sid) const;
  DiskId disk(ServerId sid) const;  // that is in it; none before its first start

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

  // --- faults of the network and of all servers ------------------------------------------
  // For its faults; its observer and its OnKilled are the cluster's.
  SimNetwork& network();

  // Ends every fault that lasts, but that wall clocks were set; servers that are down stay down.
  void Heal();

  // --- judgement -----------------------------------------------------------------------
  // What can be said of the run so far; the first violation is kept.
  absl::Status CheckInvariants() const;
  const std::optional<Violation>& violation() const;
  // Heals, puts the listed disks back into their servers if some configuration has no quorum of
  // them otherwise, starts everybody, and waits for what must come then (LIV-1, 2 and 4): a
  // leader within a few times what servers bear with a silent one, everybody who has its id caught
  // up and ready within `limit`, and for a while no other leader, and nobody who leaves it. A call
  // of a disk or state machine that was begun before is waited for, `limit` at most; the limits are
  // counted from its end. So are changes of the configuration that have not been answered yet.
  // Servers in `lost` are not asked for: their disks are. Whether calls succeed again only your
  // calls can tell. The name of a server that has a twin points at whom the listed disk is in from
  // then on.
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
