// LedChecker: a quorum that can be led is led, also while parts of the network or of the ensemble
// are down for long (PROTOCOL §12, LIV-1 and 4).
//
// It looks at the world now and then. While some voter that works has working links, both ways,
// to a quorum of voters that work, none of which is ahead of it, somebody must lead: within 50
// of the largest tick after the last change of who works and which links do, 100 if a server
// has started since, plus 8 round trips and 14 syncs. And the same one from then on; and who serves
// under it, and has a working link to it, goes on doing so in that epoch. A disk that had work to
// do when something changed may finish that first.
//
// Nothing is asked while a round trip that goes through takes longer than servers wait for a
// sign of life: whoever is so far away is voted for, leads, and is lost again (PROTOCOL §14).
#pragma once

#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "zkq/election.h"
#include "zkq/testing/sim_observer.h"

namespace zkq::testing {

class LedChecker final : public SimObserver {
 public:
  // What it looks at.
  struct View {
    // Voters that work: they are up, are kept from nothing, have been founded and may vote.
    struct Voter {
      uint64_t life = 0;                           // another one after each start
      absl::Duration sync = absl::ZeroDuration();  // what its disk takes for one
      absl::Duration clock_set =
          absl::ZeroDuration();  // when its clock last leapt, or changed pace
      std::pair<Epoch, Zxid> history = {};
      DiskId disk = {};
      Configs configs = {};                 // that count for it
      std::optional<ServerId> serves = {};  // under this leader
      Epoch epoch = 0;
    };
    std::map<ServerId, Voter> voters = {};
    // Servers that are up, be they kept from something or not, whose disk syncs at this moment.
    std::set<ServerId> syncing = {};
    // Between servers that are up, those that work; the smaller one first.
    std::set<std::pair<ServerId, ServerId>> links = {};
    uint64_t changes = 0;  // that were made to the network, so far
    // A round trip beyond a sync_limit or what a handshake may take; or a path that changes or
    // swallows packets, so that links end again and again, and the best candidate may need one.
    bool unfit = false;
    std::optional<ServerId> leader = {};               // by its own word
    Epoch epoch = 0;                                   // of the leader
    absl::Duration tick = absl::ZeroDuration();        // the largest
    absl::Duration round_trip = absl::ZeroDuration();  // the longest
    absl::Duration sync = absl::ZeroDuration();        // the slowest
  };
  std::optional<Violation> OnLook(const View& view, absl::Duration now);
  void OnStatus(ServerId sid, const ReplicaStatus& status) override;

 private:
  bool SomebodyCould(const View& view) const;
  void NoteChanges(const View& view, absl::Duration now);
  void BeginAnew(const View& view, absl::Duration now);
  void AwaitDisks(const View& view, absl::Duration now);
  std::optional<Violation> CheckStays(const View& view, const std::set<ServerId>& looked);

  // Of each: life, sync, clock, and the versions of its configurations.
  using Conditions = std::tuple<uint64_t, absl::Duration, absl::Duration, Zxid, Zxid>;
  std::map<ServerId, Conditions> conditions_;
  std::set<std::pair<ServerId, ServerId>> links_;
  uint64_t changes_ = 0;
  absl::Duration changed_ = absl::ZeroDuration();
  absl::Duration started_ = absl::ZeroDuration();
  std::set<ServerId> syncing_;        // at each look since the last change
  std::optional<ServerId> leads_;     // since it had to be led
  std::map<ServerId, Epoch> serves_;  // under that one, at some look since then, and last in this
  std::set<ServerId> looked_;         // for a leader, since the last look
};

}  // namespace zkq::testing
