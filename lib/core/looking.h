// Looking: between two terms. First the journal is drained: what was handed to it
// cannot be taken back, and a vote must tell what is durable, never what is in
// memory (PROTOCOL §3; ZOOKEEPER-4712). Then an election decides.
//
// A peer that is not listed as a voter with its disk, or whose vote has no weight, only asks
// (§4.1).
#pragma once

#include "lib/core/self.h"

namespace zkq::core {

class Looking {
 public:
  Looking(Self* self, Election* election) : self_(*self), election_(*election), since_(self->now) {}

  void Enter(Outbox* out) {
    // Until then this peer only says that it has left its term: it claims no zxid
    // that the disk may not have, and hears() nothing that could decide it.
    if (!self_.Drained()) election_.Look(Vote{}, self_.now, out);
    TryBegin(out);
  }
  void On(const Synced&, Outbox* out) { TryBegin(out); }
  void On(const Proposed& proposed) { self_.RefuseWithoutLeader(proposed); }
  void On(const ReadAsked& asked) { self_.RefuseWithoutLeader(asked); }
  void On(const ReconfigureAsked& asked) { self_.RefuseWithoutLeader(asked); }
  using Ignores = EventList<Tick, LinkUp, LinkDown, Introduced, Received, PartReceived, Notified,
                            LogRead, SnapshotFetched, Applied, SnapshotTaken, LogPurged>;

  // What is announced to this peer is for its election.
  bool hears() const { return began_; }
  Time since() const { return since_; }
  std::optional<Decision> outcome() const { return began_ ? election_.outcome() : std::nullopt; }

 private:
  void TryBegin(Outbox* out) {
    if (began_ || !self_.Drained()) return;
    began_ = true;
    election_.Look(OwnVote(), self_.now, out);
  }
  Vote OwnVote() const {
    // Weight 0 leads nobody (PROTOCOL §2 Q4).
    if (!self_.votes() || !self_.quorum.MayLead(self_.me())) return Vote{};
    return {self_.state.current, self_.history.last(), self_.options.self};
  }

  Self& self_;
  Election& election_;
  const Time since_;
  bool began_ = false;
};

}  // namespace zkq::core
