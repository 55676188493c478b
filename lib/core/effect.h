// Everything a Peer wants done. Effects are imperative, and are carried out in
// order within one destination: a link, the journal, the user's side. Between
// destinations the order is free.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "lib/base/lines.h"
#include "lib/core/event.h"

namespace zkq::core {

// --- to peers ----------------------------------------------------------------
struct Send {
  std::vector<LinkId> to = {};  // encoded once; links that are gone are skipped
  Message message = {};
};
struct Notify {
  ServerId to{};
  Notification notification = {};
};
struct DropLink {
  LinkId link = {};
  std::string why = {};
};
// This peer says something else of itself from now on: on all links, and in handshakes.
struct Introduce {
  Identity self = {};
};

// --- to the journal: first in, first out, each answered by Synced -------------
struct Append {
  WriteId write = 0;
  std::vector<Txn> txns = {};  // contiguous with the live log
};
struct Truncate {
  WriteId write = 0;
  Zxid after = {};  // the last entry that stays
};
struct StoreState {
  WriteId write = 0;
  HardState state = {};  // whole; replaces the one before
};
// Replaces the whole history by the fetched snapshot, in one step; once that is
// durable (and before any later Deliver) restores the state machine from it.
struct InstallSnapshot {
  WriteId write = 0;
  Zxid snapshot = {};
};

// --- to the disk's reading side ------------------------------------------------
struct ReadLog {
  LinkId learner = {};
  Session session = {};
  Zxid after = {};
  size_t bytes_max = 0;  // at least one entry is read, if there is one
};
struct FetchSnapshot {
  LinkId link = {};
  Zxid snapshot = {};
  EnsembleId ensemble = {};  // a file of another one, though here, does not count
};

// --- to the user's side: first in, first out ------------------------------------
// Everything through `through` is committed and durable here: apply it in order.
// A txn whose origin is this process life answers the call of that tag.
struct Deliver {
  Zxid through = {};
  // What is in memory of it, contiguous up to `through`: all since the last Deliver, or
  // its newest part. The rest is to be read from the log.
  std::vector<Txn> txns = {};
};
// The calls failed, with the outcome that `reason` has.
struct Reject {
  std::vector<uint64_t> tags = {};
  RejectReason reason = RejectReason::kNoLeader;
};
// The change of the configuration failed, with the outcome that `reason` has.
struct RejectChange {
  uint64_t tag = 0;
  RejectReason reason = RejectReason::kNoLeader;
  std::string text = {};               // what is in the way,
  std::vector<uint64_t> servers = {};  // and who
};
// It is in force, or nothing was to be changed: answer once `at` is applied.
struct Reconfigured {
  uint64_t tag = 0;
  Zxid at = {};
  Membership membership = {};
};
// These calls, in the order of the calls, are in no history that can become committed:
// propose them again, before newer ones, unless they have been answered meanwhile. Until then
// they have not happened.
struct ProposeAgain {
  std::vector<uint64_t> tags = {};
  bool sent = false;  // to a leader, before; else they never left
};
// Answer these reads from the state machine once `at` is applied.
struct AnswerReads {
  std::vector<uint64_t> tags = {};
  Zxid at = {};
};
// What a peer is to its ensemble.
struct Role {
  PeerState state = PeerState::kLooking;
  ZabPhase phase = ZabPhase::kElection;
  ServerId leader{};  // established; else kNoServer
  Epoch epoch = 0;
  Standing standing = Standing::kUnfounded;
  bool amnesic = false;  // listed, with another disk than it has
  friend bool operator==(const Role&, const Role&) = default;
};
struct RoleChanged {
  Role role = {};
};
// One line for the log sink: what an operator should know.
struct Note {
  Line line{};
  std::string text = {};
  ServerId about = kNoServer;  // of whom it tells, if it is of one server
};
// This replica must stop: an invariant of its own is broken, or going on would
// lose something. No effect follows, ever.
struct Halt {
  std::string what = {};
  bool lost = false;  // somebody has lost what was durable
};

using Effect = std::variant<Send, Notify, DropLink, Introduce, Append, Truncate, StoreState,
                            InstallSnapshot, ReadLog, FetchSnapshot, Deliver, Reject, ProposeAgain,
                            RejectChange, Reconfigured, AnswerReads, RoleChanged, Note, Halt>;
using Effects = std::vector<Effect>;
std::string ToString(const Effect& effect);

}  // namespace zkq::core
