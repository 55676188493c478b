// Founding: how an ensemble comes to be on empty disks, without a step by hand
// and without anybody who could be lost half-way (DESIGN §7, PROTOCOL §11.6).
//
// Each voter computes the ensemble's id from what all of them say of themselves:
// the list of members and every voter's disk. So nobody mints it, no message
// carries it first, and whoever was cut off in the middle finds its own disk
// among the founders later. An empty disk that is not among them is amnesic: its
// former owner's acknowledgements may have counted, so it must not vote.
#pragma once

#include <optional>
#include <span>

#include "lib/core/effect.h"

namespace zkq::core {

class Self;

Id128 HashOfMembers(const std::vector<Member>& members);
EnsembleId EnsembleIdOf(const Id128& members, std::span<const Founder> founders);

class Founding {
 public:
  explicit Founding(Self* self) : self_(*self) {}

  void Enter() { Judge(); }
  void On(const LinkUp& up);
  void On(const Introduced& introduced) { On(LinkUp{introduced.link, introduced.peer}); }
  void On(const LinkDown&) { Judge(); }
  void On(const Synced& synced);
  void On(const Proposed& proposed);
  void On(const ReadAsked& asked);
  using Ignores = EventList<Tick, Received, Notified, LogRead, SnapshotFetched, Applied,
                            SnapshotTaken, LogPurged>;

  // Founded, and durably so: the peer may take part.
  bool done() const { return done_; }
  bool amnesic() const { return amnesic_; }

 private:
  void Judge();
  bool Names(const std::vector<Founder>& founders) const;
  void FoundAs(const Identity& peer);
  void BeAmnesic();
  std::optional<std::vector<Founder>> AllVotersUnfounded() const;
  void Found(const EnsembleId& ensemble, std::vector<Founder> founders);

  Self& self_;
  std::optional<WriteId> write_;
  bool done_ = false;
  bool amnesic_ = false;
  bool refused_ = false;  // and has said so
};

}  // namespace zkq::core
