// StatusBoard: what Status() tells, kept up to date by the strands. To read it waits for
// nobody, and nobody waits for a reader: asked a million times a second, the replica does not
// notice.
//
// Thread-safe.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "lib/runtime/facts.h"
#include "lib/runtime/published.h"

namespace zkq::runtime {

class StatusBoard {
 public:
  explicit StatusBoard(ServerId self, bool may_found = true);

  // What differs from before, in what events speak of.
  struct Change {
    bool role = false;
    bool leader = false;
    bool ready = false;
    bool health = false;  // what there is to see to
    bool membership = false;
    friend bool operator==(const Change&, const Change&) = default;
  };
  // The first one says that it takes part. Times are by the monotonic clock, here and below;
  // `as_of` is view.as_of, or before all time.
  Change SetView(const core::Peer::View& view, absl::Duration as_of, absl::Duration now);
  void SetApplied(Zxid applied);
  void SetSnapshot(Zxid snapshot);
  // None: that has ended.
  void SetRestoring(Zxid snapshot);
  void SetSyncLatency(absl::Duration latency);
  Change SetMembership(const Membership& membership, bool changing);
  void SetListenAddress(std::string address);
  // How it stands with others: the next SetView tells what has changed by that.
  void SetOthers(std::vector<LinkState> links, std::vector<core::Peer::Learner> learners,
                 std::vector<core::Peer::Difference> differences);
  // New calls are refused from now on.
  Change BeginShutdown(absl::Duration now);
  // The replica no longer takes part, and nothing is wrong.
  Change Leave(absl::Duration now);
  // Records what the replica halted for. None: it has halted before.
  std::optional<Change> SetHalted(absl::StatusCode code, std::string why, absl::Duration now);

  // All but outstanding_bytes.
  ReplicaStatus Status(absl::Duration now) const;
  absl::Status Ready(absl::Duration now) const;
  absl::Status Health(absl::Duration now) const;
  std::optional<ServerId> leader() const;
  // Synchronised with an established leader.
  bool has_leader() const;
  // It has no leader, and nobody is elected.
  bool looks() const;
  Membership membership() const;
  EnsembleId ensemble() const;
  // What the replica halted for.
  struct Ending {
    absl::StatusCode code = absl::StatusCode::kOk;  // it did not
    std::string why = {};
  };
  Ending ending() const;
  // Every write acknowledged before is applied here.
  absl::Duration as_of() const;
  Zxid pinned_after() const;

 private:
  // Changes facts_ by change(Facts&) and publishes them.
  template <typename Fn>
  auto Set(Fn change);
  template <typename Fn>
  void SetAround(Fn change);
  void NoteAilments(Ailments now_ill, absl::Duration now);
  Change NoteChange(const Facts& before, absl::Duration now);
  static void Leave(Facts* facts);

  std::mutex mutex_;  // of those who change it
  Facts facts_;
  // As events have told:
  std::optional<Epoch> leads_;
  bool ready_ = false;
  Ailments ailments_;
  Published<Facts> published_;
};

}  // namespace zkq::runtime
