// Node: the inside of one Replica: its strands, what they own, and what they
// share.
//
//   strand     executor   owns                          part
//   protocol   executor   Peer                          Protocol
//   log        blocking   adding to the Log             Journal
//   apply      blocking   StateMachine                  Applier
//   bulk       blocking   reading the Log, transfers    Transfers
//   snapshot   blocking   snapshot jobs, purging        Snapshotter
//   callback   blocking   the user's callbacks          Calls, Events
//
// A part may be called from any strand unless its header says otherwise: it puts
// what it is asked into its own inbox and posts one drain. No strand ever waits
// for another.
//
// Lifetime. The Replica holds the node, and so does each queued or running task
// (Strand::SetOwner). Closing a strand destroys its queued tasks, so after Shutdown only a task
// that is stuck in a user's call or in the disk keeps the node, and Shutdown has released all but
// what that task uses. Timers and the transport hold the node weakly or are ended by Shutdown.
// Nobody else holds it: a part keeps a plain reference, for it is a member.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/base/absl/string_view.h"
#include "lib/runtime/applier.h"
#include "lib/runtime/calls.h"
#include "lib/runtime/events.h"
#include "lib/runtime/journal.h"
#include "lib/runtime/protocol.h"
#include "lib/runtime/snapshotter.h"
#include "lib/runtime/status_board.h"
#include "lib/runtime/strand.h"
#include "lib/runtime/transfers.h"
#include "lib/runtime/tuning.h"
#include "lib/storage/data_dir.h"
#include "zkq/replica.h"

namespace zkq::runtime {

struct Node final : std::enable_shared_from_this<Node> {
  // `options` have been checked, and every seam of them but the election, the
  // log sink and the state machine is filled.
  static absl::StatusOr<std::shared_ptr<Node>> Start(ReplicaOptions options, const Tuning& tuning);
  Node(ReplicaOptions options, const Tuning& tuning);

  // --- what Replica forwards to; see zkq/replica.h ------------------------------
  void Propose(std::string command, const CallOptions& options, Caller caller);
  void Read(std::string request, const ReadOptions& options, Caller caller);
  void TakeSnapshot(Caller caller);
  absl::StatusOr<Reply> Propose(std::string command, const CallOptions& options);
  absl::StatusOr<Reply> Read(std::string request, const ReadOptions& options);
  absl::Status WaitForLeader(absl::Duration timeout);
  ReplicaStatus Status() const;
  absl::Status Shutdown(absl::Duration grace);
  // The end of the Replica: Shutdown, or as much of it as this thread allows.
  void Abandon();

  // --- for the parts --------------------------------------------------------------
  bool halted() const { return halted_; }
  // Nothing new is to be begun: halted, or Shutdown no longer waits.
  bool stopping() const { return stopping_ || halted_; }
  bool IsOwn(const Origin& origin) const { return origin.sid == options.id && origin.boot == boot; }
  // The replica stops taking part, for good: what it waits for fails, the process
  // lives. Callable on any strand; only the first reason counts.
  void Halt(absl::Status why);
  template <typename... Parts>
  void Say(LogLevel level, const Parts&... parts) const {
    if (options.log_sink == nullptr) return;
    std::string line;
    (line.append(std::string_view(parts)), ...);
    options.log_sink->Log(level, options.id, line);
  }
  // `members`, and after them those that this server was configured with another address
  // of: it is tried where the agreed one does not answer (PROTOCOL §10.6), so a server may
  // move without the ensemble agreeing on it.
  std::vector<Member> WithSpareAddresses(std::vector<Member> members) const;

  ReplicaOptions options;
  const Tuning tuning;
  storage::DataDir disk;
  uint64_t boot = 0;

  StatusBoard board;

  Strand protocol_strand;
  Strand log_strand;
  Strand apply_strand;
  Strand bulk_strand;
  Strand snapshot_strand;
  Strand callback_strand;

  Calls calls;
  Protocol protocol;
  Journal journal;
  Applier applier;
  Transfers transfers;
  Snapshotter snapshotter;
  Events events;

 private:
  using Kind = Calls::Kind;
  enum class Stage { kOpen, kClosing, kClosed };

  // start.cc
  absl::Status Open();
  void NoteOtherMembers(const HardState& state) const;
  absl::StatusOr<core::Recovered> Recover();
  core::PeerOptions PeerOptionsAt(absl::Time wall) const;

  // node.cc
  struct Asked {
    Kind kind = Kind::kWrite;
    std::string text = {};
    absl::Duration timeout = absl::InfiniteDuration();
    Zxid at_least = {};  // of kRead
  };
  void Take(Asked asked, Caller caller);
  absl::Status Objection(const Asked& asked) const;
  absl::Status Closed() const;
  void HaltNow(const absl::Status& why);
  absl::StatusOr<Reply> Await(absl::AnyInvocable<void(Caller)> ask, std::string_view name);
  bool OnZkqThread();
  std::array<Strand*, 6> Strands();

  // shutdown.cc; deadlines are by the monotonic clock
  bool ended() const;
  absl::Status End(absl::Duration grace);
  void Close(absl::Duration deadline, absl::Duration grace);
  absl::Duration Left(absl::Duration deadline) const;
  void LeaveProtocol();
  std::string AwaitStrands(absl::Duration deadline);
  void Release();
  void CloseTransport();

  std::atomic<bool> halted_{false};
  std::atomic<bool> closing_{false};  // new calls are refused
  std::atomic<bool> stopping_{false};
  mutable std::mutex end_mutex_;
  Stage stage_ = Stage::kOpen;
  std::mutex transport_mutex_;
  bool transport_closed_ = false;
};

}  // namespace zkq::runtime
