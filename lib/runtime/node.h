// Node: the inside of one replica: its strands, what runs on each, and how it all begins
// and ends. It decides nothing and does nothing by itself: it wires parts that know nothing
// of each other.
//
//   strand     executor   owns                          part
//   protocol   executor   Peer                          Protocol, Performer
//   log        blocking   adding to the Log             Journal
//   apply      blocking   StateMachine                  Applier
//   bulk       blocking   reading the Log, transfers    Transfers
//   snapshot   blocking   snapshot jobs, purging        Snapshotter
//   callback   blocking   the user's callbacks          Calls, Events
//
// A part may be called from any thread unless its header says otherwise: it puts
// what it is asked into its own inbox and posts one drain. No strand ever waits
// for another.
//
// Lifetime. The Replica holds the node, and so does each queued or running task
// (Strand::SetOwner). Closing a strand destroys its queued tasks, so after Shutdown only a
// task that is stuck in a user's call or in the disk keeps the node, and Shutdown has
// released all but what that task uses. Timers hold the node weakly, and the transport is
// ended by Shutdown. Nobody else holds it: a part keeps plain pointers to others.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/runtime/applier.h"
#include "lib/runtime/calls.h"
#include "lib/runtime/events.h"
#include "lib/runtime/journal.h"
#include "lib/runtime/performer.h"
#include "lib/runtime/protocol.h"
#include "lib/runtime/snapshotter.h"
#include "lib/runtime/status_board.h"
#include "lib/runtime/strand.h"
#include "lib/runtime/transfers.h"
#include "lib/runtime/tuning.h"
#include "lib/runtime/voice.h"
#include "lib/storage/data_dir.h"
#include "zkq/options.h"

namespace zkq::runtime {

class Node final : public std::enable_shared_from_this<Node>,
                   private Journal::Ears,
                   private Applier::Ears,
                   private Transfers::Ears,
                   private Snapshotter::Ears,
                   private Halter {
 public:
  // `options` have been checked, and every seam of them but the election, the
  // log sink and the state machine is filled. Errors as Replica::Start has them; of a node
  // that does not start nothing remains.
  static absl::StatusOr<std::shared_ptr<Node>> Start(ReplicaOptions options, const Tuning& tuning);
  Node(ReplicaOptions options, const Tuning& tuning, storage::DataDir dir);

  // As zkq/replica.h says.
  absl::Status Shutdown(absl::Duration grace);
  ReplicaStatus Status() const;
  // The end of the Replica: Shutdown, or as much of it as this thread allows.
  void Abandon();

  // This thread is one that zkq runs tasks on: nothing may be waited for here.
  bool OnZkqThread();
  // New calls are refused: why. OK as long as they are not.
  absl::Status Closed() const;

  // All but the seams, which Shutdown releases.
  const ReplicaOptions& options() const { return options_; }
  bool has_state_machine() const { return has_state_machine_; }
  QuorumTransport::AddressCheck address_check() const { return address_check_; }
  Calls& calls() { return calls_; }
  Events& events() { return events_; }
  Protocol& protocol() { return protocol_; }
  Applier& applier() { return applier_; }
  const StatusBoard& board() const { return board_; }

 private:
  struct Strands {
    Strands(const Env& env);
    std::array<Strand*, 6> All();
    Strand protocol, log, apply, bulk, snapshot, callback;
  };
  struct Life {
    std::atomic<bool> halted{false};
    std::atomic<bool> closing{false};  // new calls are refused
    // Nothing new is to be begun: Shutdown waits no longer, or halted.
    std::atomic<bool> stopping{false};
    std::atomic<bool> ending{false};  // a Shutdown runs: one at a time
    std::once_flag transport_down;
  };

  // start.cc
  absl::Status Begin(const Tuning& tuning, absl::Duration began);
  void NoteOtherMembers() const;
  void SayRecovered(const Recovered& recovered, absl::Duration began) const;
  core::PeerOptions PeerOptionsOf(const Tuning& tuning) const;

  // What parts tell, handed on.
  void OnInstalled(Zxid snapshot) override {
    voice_.Say(Line::kSnapshotInstalled, "the history goes on from ", ToString(snapshot));
    applier_.Install(snapshot);
  }
  void OnSynced(core::WriteId through) override { protocol_.OnSynced(through); }
  void OnSyncTook(absl::Duration took) override {
    board_.SetSyncLatency(took);
    protocol_.OnSyncTook(took);
  }
  void OnPurged(Zxid begin) override { protocol_.Post(core::LogPurged{begin}); }
  void OnApplied(Zxid through) override { protocol_.OnApplied(through); }
  void OnRestored(Zxid) override { events_.Raise(Event::Kind::kSnapshotInstalled); }
  void OnPageWanted(Zxid after, size_t bytes_max) override {
    transfers_.ReadPage(after, bytes_max);
  }
  void OnSnapshotBegun(SnapshotMeta meta, SnapshotJob job) override {
    snapshotter_.Take(meta, std::move(job));
  }
  void OnLogRead(core::LogRead page) override { protocol_.Post(std::move(page)); }
  void OnSnapshotFetched(core::SnapshotFetched fetched) override {
    protocol_.Post(std::move(fetched));
  }
  void OnPage(absl::StatusOr<std::vector<Txn>> page) override { applier_.OnPage(std::move(page)); }
  void OnSnapshotDone(Zxid applied, absl::Status written) override;
  void OnOldestKept(Zxid oldest) override;
  void Halt(absl::Status why) override;
  void HaltNow(const absl::Status& why);

  // shutdown.cc; deadlines are by the monotonic clock
  absl::Status End(absl::Duration grace);
  bool TakeTurn(absl::Duration deadline);
  void Close(absl::Duration deadline, absl::Duration grace);
  void CloseStrands(absl::Duration deadline);
  void EndCalls(absl::Duration deadline);
  absl::Duration Left(absl::Duration deadline) const;
  void LeaveProtocol();
  std::string AwaitStrands(absl::Duration deadline);
  bool AwaitLog(absl::Duration deadline);
  void Release();
  void CloseTransport();

  ReplicaOptions options_;
  const std::shared_ptr<const std::atomic<bool>> killed_;  // Tuning::killed
  const bool has_state_machine_;                           // at the start
  const QuorumTransport::AddressCheck address_check_;      // as the transport had it then
  storage::DataDir dir_;
  const std::shared_ptr<LogQueue> log_;  // none: silent
  const Voice voice_;
  StatusBoard board_;
  Life life_;
  Strands strands_;
  Calls calls_;
  Events events_;
  Journal journal_;
  Applier applier_;
  Transfers transfers_;
  Snapshotter snapshotter_;
  Performer performer_;
  Admin admin_{this};
  Protocol protocol_;
};

}  // namespace zkq::runtime
