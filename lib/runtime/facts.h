// Facts: all that a replica knows of itself at one moment, as its parts have told it, and what
// it says of that. Pure: the time is given.
//
// Times are by the monotonic clock of its Env.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "lib/core/peer.h"
#include "lib/runtime/health.h"
#include "zkq/quorum_transport.h"
#include "zkq/replica_status.h"

namespace zkq::runtime {

// Since when there is each ailment; infinite: there is none, or nobody has noted it yet.
using Since = std::array<absl::Duration, kAilments>;
inline Since Never() {
  Since since;
  since.fill(absl::InfiniteDuration());
  return since;
}

// What changes seldom, or is told now and then: copies of Facts share it.
struct Around {
  Membership membership = {};
  bool changing = false;  // as far as this server knows, it is not settled
  std::string listen_address = {};
  std::vector<LinkState> links = {};                     // by id
  std::vector<core::Peer::Learner> learners = {};        // a leader's, by id
  std::vector<core::Peer::Difference> differences = {};  // of lists of members, by id
  Since ill_since = Never();
};

struct Facts {
  ServerId self{};
  bool may_found = true;  // else it waits for an ensemble that is there
  core::Peer::View view = {};
  absl::Duration as_of = -absl::InfiniteDuration();  // view.as_of; none: before all time
  // Infinite: it has a leader, or does not take part yet.
  absl::Duration leaderless_since = absl::InfiniteDuration();
  Zxid applied = {};
  Zxid snapshot = {};
  Zxid restoring = {};  // a snapshot is being restored; none: none is
  absl::Duration sync_latency = absl::ZeroDuration();
  bool shutting_down = false;
  // What the replica halted for; kOk: it did not.
  absl::StatusCode halted_by = absl::StatusCode::kOk;
  std::shared_ptr<const std::string> halted_for = nullptr;
  std::shared_ptr<const Around> around = std::make_shared<const Around>();

  bool halted() const { return halted_by != absl::StatusCode::kOk; }
  std::optional<ServerId> leader() const;
  std::optional<Epoch> leads() const;  // as ReplicaStatus::leads
};

// All but outstanding_bytes.
ReplicaStatus StatusOf(const Facts& facts, absl::Duration now);
// ReplicaStatus::ready alone.
absl::Status ReadyOf(const Facts& facts, absl::Duration now);

}  // namespace zkq::runtime
