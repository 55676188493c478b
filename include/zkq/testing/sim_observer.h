// SimObserver: what a checker, a trace or a count sees of a SimCluster: everything
// that passes a seam of a replica, and nothing of its inside.
//
// Called at the instant it happens, on the scheduler's thread, often in the middle
// of a task: an observer calls nothing of the cluster back. It should be cheap: in a
// busy second of three servers it is called some thousand times.
//
// A ServerId is the place of a process: its id, but for twins (SimCluster::AddTwin).
#pragma once

#include <string>
#include <string_view>

#include "zkq/replica.h"
#include "zkq/testing/memory_file_system.h"
#include "zkq/testing/sim_network.h"

namespace zkq::testing {
inline namespace v1 {

// The first property that did not hold.
struct Violation {
  std::string property = {};  // as named in the checkers: "INV-7 log matching"
  std::string what = {};      // who, and what was seen
};

class ZKQ_EXPORT SimObserver : public SimNetworkObserver {
 public:
  // --- lives ------------------------------------------------------------------
  virtual void OnStarting(ServerId) {}
  virtual void OnStarted(ServerId, const absl::Status&) {}  // or refused to
  virtual void OnResumed(ServerId) {}                       // it was paused
  // The process is gone; this is the disk its next life will find.
  virtual void OnCrashed(ServerId, const MemoryFileSystem&) {}
  virtual void OnWiped(ServerId) {}
  // Another of its disks is in it: SimServer::InsertDisk.
  virtual void OnDiskInserted(ServerId, uint64_t /*disk*/) {}
  // A fault was done to this server for which it may halt, or refuse to start. That is no
  // violation until it has started again, or has run for a while after the fault.
  virtual void OnExcused(ServerId, std::string_view /*why*/) {}
  virtual void OnExcuseEnds(ServerId) {}
  // The contents of its disk were damaged: it may lose what it had, but has to notice.
  virtual void OnDamaged(ServerId) {}

  // --- what a replica does --------------------------------------------------------
  virtual void OnDisk(ServerId, const MemoryFileSystem::Operation&) {}
  // Apply has returned this reply. One that fails is not told.
  virtual void OnApplied(ServerId, const Transaction&, std::string_view /*reply*/) {}
  // A snapshot was restored, of the state after this transaction.
  virtual void OnRestored(ServerId, Zxid /*applied*/) {}
  // After tasks in which its role changed, or it applied something.
  virtual void OnStatus(ServerId, const ReplicaStatus&) {}

  // --- calls made through the cluster; numbered from 1 --------------------------------
  virtual void OnProposed(uint64_t /*call*/, ServerId, std::string_view /*command*/) {}
  virtual void OnReadAsked(uint64_t /*call*/, ServerId) {}  // a linearizable one
  virtual void OnDone(uint64_t /*call*/, const absl::StatusOr<Reply>&) {}
  // A change of the configuration, of a server that is up, and its answer.
  virtual void OnReconfigureAsked(uint64_t /*call*/, ServerId, const Membership& /*asked*/) {}
  virtual void OnReconfigured(uint64_t /*call*/, ServerId, const Membership& /*asked*/,
                              const absl::StatusOr<Membership>&) {}
};

}  // namespace v1
}  // namespace zkq::testing
