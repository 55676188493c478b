// Nemesis: strikes a SimCluster with faults, one after the other, as a seed says.
//
// All strikes of a run are drawn before it begins. A strike names no server: its
// dice choose one when it falls, so leaving one out does not change the others, and
// a failing run can be cut to the strikes that matter.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
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
  kCrashAtDisk,  // before one of its next operations on the disk
  kCrashAtSend,  // after one of its next messages
  kCrashLoop,    // and again in the middle of the next starts, or soon after them
  kPause,
  // The network.
  kBreakLink,
  kReplaceLink,
  kCutLink,
  kPartition,
  kIsolateLeader,
  kLeaveBehind,  // one is cut off, and the others take snapshots before it is back
  kStallOneWay,
  kLoseOneWay,
  kSlowLink,
  kSlowNetwork,
  kFlap,
  kSlowReader,
  // Disks.
  kSlowDisk,
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
// In the order of time, up to `length`. One plan in six begins with a kLoseEmptyDisk, for
// then the ensemble is still to be founded.
ZKQ_EXPORT std::vector<Strike> PlanStrikes(Profile profile, uint64_t seed, absl::Duration length);

// The cluster outlives it.
class ZKQ_EXPORT Nemesis : private SimObserver {
 public:
  // Told of each fault that was done, with state and phase of the server that it struck.
  // Of an operation or an Apply that is to fail it is told when that is decided, shortly
  // before.
  using Witness = std::function<void(Fault, PeerState, ZabPhase)>;
  explicit Nemesis(SimCluster* cluster, Witness witness = nullptr);
  ~Nemesis() override;
  Nemesis(const Nemesis&) = delete;
  Nemesis& operator=(const Nemesis&) = delete;

  // Runs the cluster for `length` from now, under these strikes, or until an
  // invariant is violated. Times are from now on. What lasts longer than that stays:
  // SimCluster::Heal or CheckConverges ends it. With one server there is no link to
  // strike.
  void Run(const std::vector<Strike>& strikes, absl::Duration length);

  // Servers whose disk was wiped or damaged: at most a minority, and they need not
  // come back.
  const std::vector<ServerId>& lost() const { return lost_; }

 private:
  struct Repair {
    absl::Duration at;
    std::function<void()> what;
  };
  // Who is struck: one server, or the link between two.
  struct Victims {
    ServerId one{}, a{}, b{};
  };
  // Its moment has come, in the middle of a task; it is done after that task.
  struct Sprung {
    Strike strike;
    Victims victims;
  };
  void OnSent(const Route& route, const Carried& carried) override;
  void OnLinkUp(const Route& route) override;
  void OnStatus(ServerId sid, const ReplicaStatus& status) override;
  void OnCrashed(ServerId sid, const MemoryFileSystem& disk) override;
  template <typename Matches>
  void Spring(Matches matches, ServerId hit, ServerId other);
  void PerformSprung();

  Victims Drawn(const Strike& strike) const;
  void Begin(const Strike& strike);
  void Perform(const Strike& strike, const Victims& victims);
  void PerformOnProcess(const Strike& strike, ServerId sid);
  void PerformOnDisk(const Strike& strike, ServerId sid);
  void PerformOnNetwork(const Strike& strike, const Victims& victims);
  bool MayLose(ServerId sid) const;
  void CountLost(ServerId sid);
  void LoseDisk(const Strike& strike, ServerId sid);
  void LoseEmptyDisk(const Strike& strike, const Victims& victims);
  bool DamageDisk(const Strike& strike, ServerId sid);
  bool DamageSomewhere(Fault fault, ServerId sid, SimRandom* random);
  void Partition(const Strike& strike);
  void LeaveBehind(const Strike& strike, ServerId sid);
  void EndAfter(std::pair<ServerId, ServerId> where, absl::Duration lasts,
                std::function<void()> repair);
  void Crash(ServerId sid, CrashMode mode);
  void Flap(ServerId a, ServerId b, absl::Duration lasts);
  void CrashFor(ServerId sid, CrashMode mode, absl::Duration down);
  void RestartAfter(absl::Duration down, ServerId sid);
  void CrashAtDisk(const Strike& strike, ServerId sid);
  void CrashAgain(const Strike& strike, ServerId sid);
  void Restart(ServerId sid);
  void KeepUp();
  void After(absl::Duration delay, std::function<void()> what);
  void RunUntil(absl::Duration when);
  using Role = std::pair<PeerState, ZabPhase>;
  std::optional<Role> RoleOf(ServerId sid) const;
  void Note(Fault fault, const std::optional<Role>& role);

  SimCluster& cluster_;
  const Witness witness_;
  std::vector<Repair> repairs_;
  std::map<ServerId, std::pair<PeerState, ZabPhase>> roles_;         // of those that are up
  bool founded_ = false;                                             // as far as roles tell
  std::set<std::pair<ServerId, ServerId>> met_;                      // who knows whom; ever
  std::map<ServerId, Fault> armed_;                                  // to die at some instant
  std::map<std::pair<ServerId, ServerId>, absl::Duration> lasting_;  // until when, by where
  std::map<ServerId, int> restarts_;                                 // that are due
  std::vector<Strike> waiting_;
  std::vector<Sprung> sprung_;
  std::vector<ServerId> lost_;
};

}  // namespace v1
}  // namespace zkq::testing
