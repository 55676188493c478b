// Founding: how an ensemble comes to be on empty disks, without a step by hand and
// without anybody who could be lost half-way (DESIGN §7, PROTOCOL §11.6).
//
// Each voter says in its Hello which list of members it was configured with
// (`founding`), and once it sees every listed voter, unfounded and with the same list,
// which disks and processes it sees (`seen`). It founds when every listed voter says the
// same of both. The ensemble's id is a hash of the two, so all compute the same one:
// nobody mints it, and no message carries it first. That all must have *said* what they
// see, and not only be seen, is what makes the id one: a voter that loses its still empty
// disk, or whose old link outlives it, is seen differently by different voters, and
// nobody founds until that has passed. Two that are configured with different lists show
// them to each other, and say what differs.
//
// An unfounded server that meets a founded one asks it who belongs to its ensemble, and stores
// the answer: from then on every other ensemble is foreign. If this server is listed there with
// this very disk it was a founder, cut off in the middle. If it is not, it joins: it learns, and
// counts nowhere until a reconfiguration lists its disk, for what another disk under its id has
// acknowledged may have counted.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lib/base/checks.h"
#include "lib/core/effect.h"
#include "lib/core/peer.h"

namespace zkq::core {

class Self;

// A voter, as another one sees it.
struct SeenVoter {
  ServerId sid{};
  DiskId disk = {};
  uint64_t boot = 0;
};

// Of the list of members; disks are not part of it, for nobody is configured with them.
Id128 FoundingHash(const std::vector<Member>& members);
// `voters` in the order of their ids.
Id128 SeenHash(std::span<const SeenVoter> voters);
EnsembleId EnsembleIdOf(const Id128& founding, const Id128& seen);

class Founding {
 public:
  explicit Founding(Self* self);

  void Enter() { Judge(); }
  void On(const LinkUp& up) { Meet(up.link, up.peer); }
  void On(const Introduced& introduced) { Meet(introduced.link, introduced.peer); }
  void On(const LinkDown& down);
  // Of any peer, for a founded one may belong to an ensemble that this one does not.
  void On(const Notified& notified);
  void On(const Synced& synced);
  void On(const Proposed& proposed);
  void On(const ReadAsked& asked);
  void On(const ReconfigureAsked& asked);
  using Ignores = EventList<Tick, Received, PartReceived, LogRead, SnapshotFetched, Applied,
                            SnapshotTaken, LogPurged>;

  // Founded, and durably so: the peer may take part.
  bool done() const { return done_; }
  std::vector<Peer::Difference> differences() const;

 private:
  void Meet(const LinkId& link, const Identity& peer);
  void Judge();
  // Every listed voter, this one included, if all are there, unfounded, and configured
  // alike, and nobody founded is.
  std::optional<std::vector<SeenVoter>> AllVoters() const;
  bool AllSay(const Id128& seen) const;
  void NoteDifference(ServerId sid, const Membership& listed);
  // It is in this ensemble, once that is durable.
  void Belong(const EnsembleId& ensemble, Membership membership);
  void TellJoined() const;
  Invariants& invariants();

  Self& self_;
  const Id128 founding_;
  std::optional<WriteId> write_;
  bool done_ = false;
  std::map<ServerId, std::string> differences_;  // of those that are linked, in words
};

}  // namespace zkq::core
