// Everything that can happen to a Peer. Events are past tense; they are the only
// way in, and the only source of what a Peer does not compute itself.
#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "lib/base/hard_state.h"
#include "lib/base/snapshot_meta.h"
#include "zkq/election.h"
#include "zkq/message.h"

namespace zkq::core {

// Numbers what was handed to the journal, in order, from 1 on. Every journal
// effect carries the next number; Synced{n} says that everything up to and
// including n is durable.
using WriteId = uint64_t;

struct Tick {
  Time now{};        // never falls
  int64_t wall = 0;  // the wall clock, for leader_time alone: microseconds since 1970
};
struct LinkUp {
  LinkId link = {};
  Identity peer = {};
};
struct LinkDown {
  LinkId link = {};
};
// The peer at the other end says something else of itself than before.
struct Introduced {
  LinkId link = {};
  Identity peer = {};
};
struct Received {
  LinkId link = {};
  Message message = {};
};
// So much of a message that is not whole yet.
struct PartReceived {
  LinkId link = {};
  size_t bytes = 0;
};
struct Notified {
  LinkId link = {};
  Notification notification = {};
};
// Calls of this replica's user, in their order. Tags are unique in a process
// life and grow.
struct Proposed {
  std::vector<Call> calls = {};
};
struct ReadAsked {
  std::vector<uint64_t> tags = {};
};
// A change of the configuration is asked for. The tag is as those of calls.
struct ReconfigureAsked {
  uint64_t tag = 0;
  Membership next = {};  // `version`: of the configuration that it was made from
  Time time_left{};
};
// The journal has made everything up to `through` durable. Without anything new: it has
// synced for itself.
struct Synced {
  WriteId through = 0;
  Time took{};  // the sync, or the slowest of several
};
// Answers ReadLog. Contiguous from its `after` on; empty: it can no longer be
// read there (purged, or unreadable).
struct LogRead {
  LinkId learner = {};
  Session session = {};
  std::vector<Txn> txns = {};
};
// Answers FetchSnapshot: some bytes more have arrived or are verified (progress),
// the file is complete, verified and durable, or it cannot be had.
struct SnapshotFetched {
  enum class State { kProgress, kComplete, kFailed };
  LinkId link = {};
  Zxid snapshot = {};
  State state = State::kProgress;
  SnapshotMeta meta = {};  // what a complete one says of itself
};
// The state machine has applied everything through `through`.
struct Applied {
  Zxid through = {};
};
// A snapshot of this replica's own state is durable and verified.
struct SnapshotTaken {
  Zxid snapshot = {};
};
// The log no longer reaches back before `base`: the history now begins there.
struct LogPurged {
  Zxid base = {};
};

using Event = std::variant<Tick, LinkUp, LinkDown, Introduced, Received, PartReceived, Notified,
                           Proposed, ReadAsked, ReconfigureAsked, Synced, LogRead, SnapshotFetched,
                           Applied, SnapshotTaken, LogPurged>;
std::string ToString(const Event& event);

// The events that a role does nothing about. Every role lists its own: an event
// that a role neither takes nor lists does not compile, so none is forgotten.
template <typename... Events>
struct EventList {
  template <typename E>
  static constexpr bool kHas = (std::is_same_v<E, Events> || ...);
};

}  // namespace zkq::core
