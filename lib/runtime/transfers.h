// Transfers: the bulk strand. Reads the log for learners and for the apply strand,
// serves snapshot files to peers, and fetches one from a peer. None of it is the
// application's code, so a slow state machine holds up no transfer.
//
// A read that fails is told, and halts nothing: who asked knows what it means.
//
// Thread-safe.
#pragma once

#include <atomic>
#include <memory>

#include "lib/core/effect.h"
#include "lib/runtime/halter.h"
#include "lib/runtime/strand.h"
#include "lib/runtime/voice.h"
#include "lib/storage/log.h"
#include "lib/storage/snapshots.h"
#include "zkq/quorum_transport.h"

namespace zkq::runtime {

class Transfers {
 public:
  // Told on the bulk strand.
  class Ears {
   public:
    virtual ~Ears() = default;
    virtual void OnLogRead(core::LogRead page) = 0;
    virtual void OnSnapshotFetched(core::SnapshotFetched fetched) = 0;
    virtual void OnPage(absl::StatusOr<std::vector<Txn>> page) = 0;
  };
  struct Ports {
    Strand* strand = nullptr;
    storage::Log* log = nullptr;
    storage::Snapshots* snapshots = nullptr;
    QuorumTransport* transport = nullptr;
    Clock* clock = nullptr;
    const Voice* voice = nullptr;
    Halter* halter = nullptr;
    Ears* ears = nullptr;
    const std::atomic<bool>* stopping = nullptr;  // nothing new is to be begun
  };
  explicit Transfers(const Ports& ports) : ports_(ports) {}

  // Answered by OnLogRead, with nothing if the log cannot be read: that is said. Bounded: a learner
  // has one page asked for at a time.
  void ReadLog(core::ReadLog ask);
  // Answered by OnPage. Bounded likewise.
  void ReadPage(Zxid after, size_t bytes_max);

  // One piece of a snapshot file for a peer. Bounded by the transport: a peer
  // asks for the next piece when it has the one before.
  using Reply = absl::AnyInvocable<void(absl::StatusOr<SnapshotChunk>) &&>;
  void Serve(const SnapshotRequest& request, Reply reply);

  // Fetches a snapshot from the peer at the other end of a link, from where an
  // earlier attempt at the same one ended. One at a time: a newer one ends it. Of one
  // that is over, the peer is asked for no more once its next piece has come.
  // Answered by OnSnapshotFetched, for its progress too.
  void Fetch(core::FetchSnapshot ask);

 private:
  struct Running {
    core::FetchSnapshot ask;
    std::unique_ptr<storage::Snapshots::Incoming> file;
    absl::Duration began;
    uint64_t from;  // where an earlier attempt ended
  };
  Halter& invariants() { return *ports_.halter; }
  template <typename Task>
  void Post(Task task);
  void SayUnread(const core::ReadLog& ask, const absl::Status& why);
  void Begin(core::FetchSnapshot ask);
  // From any thread.
  bool Wants(uint64_t fetch) const { return fetch == fetch_ && !*ports_.stopping; }
  void OnChunk(uint64_t fetch, absl::StatusOr<SnapshotChunk> chunk);
  absl::Status Store(const absl::StatusOr<SnapshotChunk>& chunk);
  absl::StatusOr<SnapshotMeta> Finish(const Running& running);
  void SayFetched(const Running& running);
  void TellProgress(const core::FetchSnapshot& ask);
  void End(const core::FetchSnapshot& ask, absl::StatusOr<SnapshotMeta> meta);

  const Ports ports_;
  // The number of the newest fetch; counted on when it is over, too. What comes for another
  // is dropped. Changed on the bulk strand only.
  std::atomic<uint64_t> fetch_{0};
  // On the bulk strand only.
  std::unique_ptr<Running> running_;
};

}  // namespace zkq::runtime
