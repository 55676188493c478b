// NemesisArm: what a strike acts with. It strikes the cluster, and remembers what has to be
// repaired, restarted and done later.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "zkq/testing/nemesis.h"

namespace zkq::testing {

// A strike that falls.
struct Blow {
  const Strike& strike;
  ServerId hit{};     // the server that is struck, or the first of those
  ServerId a{}, b{};  // two servers; the same one if there is no other

  Fault fault() const { return strike.fault; }
  absl::Duration lasts() const { return strike.lasts; }
  uint64_t dice() const { return strike.dice[1]; }
};

class NemesisArm {
 public:
  using Pair = std::pair<ServerId, ServerId>;
  NemesisArm(SimCluster* cluster, Nemesis::Witness witness)
      : cluster_(*cluster), witness_(std::move(witness)), founders_(cluster->servers().size()) {}

  SimCluster& cluster() { return cluster_; }
  SimNetwork& network() { return cluster_.network(); }
  const std::vector<ServerId>& servers() const { return cluster_.servers(); }
  size_t founders() const { return founders_; }  // so many there were at first

  // --- later ---------------------------------------------------------------------
  void After(absl::Duration delay, std::function<void()> what);
  // Of several that last at one place the last one to end repairs it.
  void EndAfter(Pair where, absl::Duration lasts, std::function<void()> repair);
  // When the next thing has to be done, if not later than `limit`.
  absl::Duration Next(absl::Duration limit) const;
  void DoWhatIsDue();
  // Another strike, that waits for its moment.
  void Wait(const Strike& strike) { waiting_.push_back(strike); }
  std::vector<Strike>& waiting() { return waiting_; }
  void ForgetAll();

  // --- crashes and restarts ------------------------------------------------------
  // It dies of this, whatever else it was to die of.
  void Crash(ServerId sid, CrashMode mode);
  void CrashFor(ServerId sid, CrashMode mode, absl::Duration down);
  // A start may fail, by a fault that lasts or comes in the middle of it: it is tried
  // again, as by a supervisor.
  void Restart(ServerId sid);
  void RestartAfter(absl::Duration down, ServerId sid);
  // A replica that has halted is a process that its supervisor starts again, and so is
  // one that died later than was expected.
  void KeepUp();

  // --- configurations --------------------------------------------------------------
  // Those that were committed when a change was to be asked for, oldest first.
  std::vector<Membership>& seen() { return seen_; }

  // --- disks that are lost ---------------------------------------------------------
  // Such a server may stay away until the end of the run: a change of the configuration would have
  // to list another disk for it. So a quorum keeps theirs.
  bool MayLose(ServerId sid) const;
  void CountLost(ServerId sid);
  const std::vector<ServerId>& lost() const { return lost_; }

  // --- who is what ------------------------------------------------------------------
  using Role = std::pair<PeerState, ZabPhase>;
  std::optional<Role> RoleOf(ServerId sid) const;
  bool founded() const { return founded_; }                                 // as far as roles tell
  bool Met(ServerId a, ServerId b) const { return met_.contains({a, b}); }  // ever
  void Note(Fault fault, const std::optional<Role>& role);
  // It is to die of `fault` at some instant, and that is noted then.
  void Arm(ServerId sid, Fault fault) { armed_[sid] = fault; }

  // True: its role has changed.
  bool OnStatus(ServerId sid, const ReplicaStatus& status);
  void OnLinkUp(ServerId from, ServerId to) { met_.emplace(to, from); }
  void OnCrashed(ServerId sid);

 private:
  struct Repair {
    absl::Duration at;
    std::function<void()> what;
  };

  SimCluster& cluster_;
  const Nemesis::Witness witness_;
  const size_t founders_;
  std::vector<Repair> repairs_;
  std::vector<Strike> waiting_;
  std::map<Pair, absl::Duration> lasting_;  // until when, by where
  std::map<ServerId, int> restarts_;        // that are due
  std::map<ServerId, Fault> armed_;         // to die at some instant
  std::map<ServerId, Role> roles_;          // of those that are up
  std::set<Pair> met_;                      // who knows whom
  bool founded_ = false;
  std::vector<ServerId> lost_;
  std::vector<Membership> seen_;
};

}  // namespace zkq::testing
