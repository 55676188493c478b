// Transfers: the bulk strand. Reads the log for learners and for the apply
// strand, serves snapshot files to peers, and fetches one from a peer. None of it
// is the application's code, so a slow state machine holds up no transfer.
#pragma once

#include <memory>

#include "lib/core/effect.h"
#include "lib/runtime/strand.h"
#include "lib/storage/snapshots.h"
#include "zkq/quorum_transport.h"

namespace zkq::runtime {

struct Node;

class Transfers {
 public:
  Transfers(Node* node, Strand* strand) : node_(*node), strand_(*strand) {}

  // Answered by LogRead. Bounded: a learner has one page asked for at a time.
  void ReadLog(core::ReadLog ask);
  // Answered by Applier::OnPage.
  void ReadPage(Zxid after, size_t bytes_max);

  // One piece of a snapshot file for a peer. Bounded by the transport: a peer
  // asks for the next piece when it has the one before.
  using Reply = absl::AnyInvocable<void(absl::StatusOr<SnapshotChunk>) &&>;
  void Serve(const SnapshotRequest& request, Reply reply);

  // Fetches a snapshot from the peer at the other end of a link, from where an
  // earlier attempt at the same one ended; one at a time, a newer one replaces
  // it. Answered by SnapshotFetched.
  void Fetch(core::FetchSnapshot ask);

 private:
  struct Running {
    core::FetchSnapshot ask;
    std::unique_ptr<storage::Snapshots::Incoming> file;
  };
  template <typename Task>
  void Post(Task task);
  void Begin(core::FetchSnapshot ask);
  void OnChunk(uint64_t fetch, absl::StatusOr<SnapshotChunk> chunk);
  absl::Status Store(const absl::StatusOr<SnapshotChunk>& chunk);
  void TellProgress();
  void TellProtocol(core::Event event);
  void End(const core::FetchSnapshot& ask, const absl::Status& status);

  Node& node_;
  Strand& strand_;
  // On the bulk strand only.
  std::unique_ptr<Running> running_;
  uint64_t fetches_ = 0;  // numbers them: what comes for an earlier one is dropped
};

}  // namespace zkq::runtime
