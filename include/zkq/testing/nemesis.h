// Nemesis: strikes a SimCluster with faults, one after the other, as a seed says.
//
// All strikes of a run are drawn before it begins. A strike names no server: its
// dice choose one when it falls, so leaving one out does not change the others, and
// a failing run can be cut to the strikes that matter.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "zkq/testing/sim_cluster.h"

namespace zkq::testing {
inline namespace v1 {

enum class Fault : uint8_t {
  // Processes.
  kKill,          // the process only
  kPowerCut,      // what was not synced is lost
  kTornPowerCut,  // some sectors of it are not
  kPowerCutOfAll,
  kRestartOfAll,  // all start within 50 ms, in any order
  kCrashAtDisk,   // before one of its next operations on the disk
  kCrashAtSend,   // after one of its next messages
  kCrashLoop,     // and again in the middle of the next starts, or soon after them
  kPause,
  // The network.
  kBreakLink,
  kReplaceLink,
  kCutLink,
  kPartition,
  kIsolateLeader,
  kLeaveBehind,  // one is cut off, and the others take snapshots before it is back
  kStallOneWay,
  kSilenceOneWay,    // what is sent vanishes, and no connection breaks: so with all of these
  kSilenceLink,      // both ways
  kSilenceAround,    // all ways of one server
  kSilentPartition,  // some from the others
  kHalfOpen,         // a connection is over for one end alone
  kSwallowLarge,     // a path takes small packets only
  kMissingLinks,     // between some pairs there is none, or only silence, for long
  kFarAway,          // all ways of one server take up to a second
  kThinLine,         // 1 Mbit/s to 100
  kFlipBytes,        // on their way, after TCP's checksum
  kResetHandshakes,  // new connections are reset before they are links
  kDeafListener,     // they are taken, and never answered
  kChangeAddress,    // what a server's connections carry is lost for ever
  kSlowLink,
  kSlowNetwork,
  kFlap,
  kSlowReader,
  // Disks.
  kSlowDisk,
  kCrawlingDisk,  // 0.1 to 3 s a sync
  kSlowReads,
  kStallDisk,
  kFailWrite,  // or another change of the disk
  kFailSync,   // of a file or a directory
  kFailRead,
  kFullDisk,
  kWipeDisk,
  kRotDisk,          // a bit flips
  kLoseSector,       // one reads as zeros
  kOverwriteSector,  // one reads as another
  // Clocks.
  kDriftClock,
  kStallClock,
  kJumpClock,
  kJumpWallClock,
  // The application.
  kSlowApply,
  kFailApply,
  kTakeSnapshot,
  // Founding.
  kLoseEmptyDisk,  // while others may know the disk already; one stalls, and one meets it late
  // Members.
  kReconfigure,  // to what somebody may want, now and then to nonsense
  kAddServer,    // that is to join; up to six
  kLoseDisk,     // a new, empty one is in its place, and a quorum keeps theirs
  kInsertDisk,   // one that its server had before, likewise
  kStopLeftOut,  // all whom the committed configuration does not list
  kAddTwin,      // a second machine runs under the id of one, to replace it or by mistake
  kMax
};
inline constexpr size_t kFaults = static_cast<size_t>(Fault::kMax);
ZKQ_EXPORT std::string_view ToString(Fault fault);

enum class Profile : uint8_t {
  kCalm,  // no faults
  kNetwork,
  kDisk,
  kCrashHeavy,
  kRot,         // damaged and lost disks, and crashes
  kEverything,  // all but kRot
  kLasting,     // few faults, most of them of the network, and each for long
  kMembership,  // servers and disks that come and go, and changes of the configuration
  kMax
};
ZKQ_EXPORT std::string_view ToString(Profile profile);

// Kinds of messages: MessageBody's index, then a Notification and a piece of a
// snapshot.
inline constexpr size_t kMessageKinds = std::variant_size_v<MessageBody> + 2;
ZKQ_EXPORT size_t KindOf(const SimNetworkObserver::Carried& carried);
ZKQ_EXPORT std::string_view MessageName(size_t kind);

// What a strike waits for: most of what is worth striking lasts no longer than a message
// takes, and a strike that falls at random would miss it.
struct Moment {
  enum class Kind : uint8_t {
    kAny,      // it does not wait
    kPhase,    // a server comes into this state and phase: it is struck
    kMessage,  // one of this kind has just been sent: its sender or receiver is struck
  };
  Kind kind = Kind::kAny;
  PeerState state = PeerState::kLooking;
  ZabPhase phase = ZabPhase::kElection;
  size_t message = 0;  // a kind of messages
};
ZKQ_EXPORT std::string ToString(const Moment& moment);

struct Strike {
  absl::Duration at = absl::ZeroDuration();  // it falls, or begins to wait
  Moment moment = {};
  Fault fault = Fault::kKill;
  absl::Duration lasts = absl::ZeroDuration();  // until it is healed, or the server restarted
  std::array<uint64_t, 3> dice = {};
};
// In the order of time, up to `length`. One of three of kEverything has some of kMembership. One
// plan in six begins with a kLoseEmptyDisk, for then the ensemble is still to be founded; one in
// four of kMembership has a kAddTwin.
ZKQ_EXPORT std::vector<Strike> PlanStrikes(Profile profile, uint64_t seed, absl::Duration length);

// The cluster outlives it.
class ZKQ_EXPORT Nemesis {
 public:
  // Told of each fault that was done, with state and phase of the server that it struck.
  // Of an operation or an Apply that is to fail it is told when that is decided, shortly
  // before.
  using Witness = std::function<void(Fault, PeerState, ZabPhase)>;
  explicit Nemesis(SimCluster* cluster, Witness witness = nullptr);
  ~Nemesis();
  Nemesis(const Nemesis&) = delete;
  Nemesis& operator=(const Nemesis&) = delete;

  // Runs the cluster for `length` from now, under these strikes, or until an
  // invariant is violated. Times are from now on. What lasts longer than that stays:
  // SimCluster::Heal or CheckConverges ends it. With one server there is no link to
  // strike.
  void Run(const std::vector<Strike>& strikes, absl::Duration length);

  // Servers whose disk was wiped or damaged: at most a minority, and they need not
  // come back.
  const std::vector<ServerId>& lost() const;

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace v1
}  // namespace zkq::testing
