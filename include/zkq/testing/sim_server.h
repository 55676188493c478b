// SimServer: one server of a SimCluster: a machine with a disk and a clock, the process that
// runs on it, and the faults of all three.
//
//   SimServer& server = cluster.server(ServerId(2));
//   server.CrashAtDisk(3, CrashMode::kTorn);
//   …
//   REQUIRE(server.Start().ok());
//
// It is the cluster's, and lives as long; so do the files and the clock, over all crashes.
// Threads: the cluster's one.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "zkq/replica.h"
#include "zkq/testing/memory_file_system.h"
#include "zkq/testing/sim.h"

namespace zkq::testing {
inline namespace v1 {

// What a crash leaves on the disk.
enum class CrashMode {
  kProcess,  // all that was written, but for failed fsyncs: only the process was killed
  kPower,    // only what was synced
  kTorn,     // what was synced, and of the rest any sectors
};

class ZKQ_EXPORT SimServer {
 public:
  SimServer(const SimServer&) = delete;
  SimServer& operator=(const SimServer&) = delete;
  ~SimServer();

  ServerId id() const;

  // --- its process -----------------------------------------------------------------
  absl::Status Start();  // OK, too, when it is up
  // Both do nothing when it is down.
  void Crash(CrashMode mode = CrashMode::kPower);
  absl::Status Shutdown(absl::Duration grace);
  bool up() const;
  Replica& replica();            // while it is up
  ReplicaStatus Status() const;  // while it is up

  // --- calls: recorded, and completed exactly once -----------------------------------
  // A server that is down refuses. A command is known by its text: number yours, or the
  // outcome of one is taken for that of another. Calls made through replica() are not
  // recorded, and its blocking forms check nothing meanwhile. Null `done`: nobody asks.
  using Done = absl::AnyInvocable<void(absl::StatusOr<Reply>) &&>;
  void Propose(std::string command, absl::Duration timeout, Done done);
  void Read(std::string request, absl::Duration timeout, Done done);
  // Changes the configuration (zkq/reconfiguration.h).
  using Changed = absl::AnyInvocable<void(absl::StatusOr<Membership>) &&>;
  void Reconfigure(Membership next, absl::Duration timeout, Changed done);

  // --- faults of its process ---------------------------------------------------------
  // It dies before its n-th operation on the disk from now, also in the middle of a
  // start, or, if it is up, after its n-th message: between any two effects. n is 1 or
  // more. With `step`, only operations of this kind are counted. Each replaces the one
  // of its kind before; `mode` is its own.
  void CrashAtDisk(uint64_t operations, CrashMode mode,
                   std::optional<MemoryFileSystem::Step> step = {});
  void CrashAtSend(uint64_t messages, CrashMode mode);
  void Pause(bool paused);  // as by SIGSTOP
  SimClock& clock();
  // Each Apply takes so long, up to 20 s of those that come together; the next one fails, and
  // the replica halts.
  void SlowApply(absl::Duration each);
  void FailApply();

  // --- faults of its disk ------------------------------------------------------------
  // To look at; what is done to it here the checker does not know. Files are in "data".
  MemoryFileSystem& disk();
  void SlowDisk(absl::Duration per_sync);
  void SlowReads(absl::Duration longest);   // each read takes up to so long
  void StallDisk(absl::Duration duration);  // nothing is answered for so long
  // The next operation of this kind fails; the replica may halt.
  void FailDisk(MemoryFileSystem::Step step);
  void FailRead();  // the next read
  void FillDisk(bool full);
  // While it is down. A damaged disk may lose what it had, and the server must notice.
  // False: nothing has changed by that; the server is up, or the file is not there, or not
  // so long.
  bool WipeDisk();
  // A machine has had several disks, numbered from 0 in the order in which they came, and one of
  // them is in it. While it is down: a new, empty one takes the place of that; or the n-th, as it
  // was left. False: it is up, or there are not so many.
  bool LoseDisk();
  bool InsertDisk(size_t n);
  size_t disks() const;
  size_t present_disk() const;
  bool FlipBit(const std::string& path, uint64_t offset, int bit);
  // 512 bytes at `offset` read as zeros: of a log, as before they were written.
  bool LoseSector(const std::string& path, uint64_t offset);
  // They read as those at `from` do: a write that went astray.
  bool OverwriteSector(const std::string& path, uint64_t offset, uint64_t from);
  // The server ran for a second or more after the last write there. Before, damage to
  // what was written last may look like a torn write, and nobody can tell.
  bool Settled(const std::string& path, uint64_t offset) const;

  class Impl;  // for the cluster alone

 private:
  friend class SimCluster;
  explicit SimServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace v1
}  // namespace zkq::testing
