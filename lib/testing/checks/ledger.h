// Ledger: what was seen of a run: who holds what, who promised and acknowledged what to whom, and
// what that makes committed. The rules read it, note in it what they see, and report to it.
//
// Everything in it has passed a seam, so no peer can talk it into anything. It judges nothing.
//
// Who is counted is a member: a server with the disk that a configuration lists. So each disk has
// a record of its own, also while it is in no server. Where a ServerId says whose record it is, it
// is a place (SeatOf): a twin has one of its own.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "lib/testing/checks/call_ledger.h"
#include "lib/testing/checks/configurations.h"
#include "lib/testing/checks/disk_mirror.h"
#include "lib/testing/checks/histories.h"
#include "lib/testing/checks/read_confirmations.h"
#include "zkq/election.h"
#include "zkq/testing/sim_observer.h"

namespace zkq::testing {

struct Ledger {
  struct Server {
    DiskMirror disk;
    std::set<Epoch> took = {};  // currentEpoch, one after the other
    bool lost = false;          // the disk is wiped or damaged: it holds what it held
    bool damaged = false;
    bool tainted = false;  // was damaged, ever: what it led with is not known
    Zxid had = {};         // before the damage: what it must find, or notice that it does not
    bool excused = false;  // may halt, or refuse to start

    // --- of this life
    bool fresh = false;                // has not stored its hard state
    bool log_changed = false;          // it has written something of its history
    std::optional<Zxid> applied = {};  // by its state machine, or, without one, by its status
    bool machine = false;              // it has one, and that has told so
    Zxid told_committed = {};          // by a leader, or by its own disk
    Epoch told_up_to_date = 0;         // by the leader of this epoch
    std::optional<ReplicaStatus> status = {};
    bool observes = false;  // its last FollowerInfo says so

    DiskId id() const { return disk.written().state.disk; }
  };
  // A leader's term, by leader, process life and epoch.
  using Term = std::tuple<ServerId, uint64_t, Epoch>;
  // Of a learner with the leader of a term: delivered to the leader, or, of NewLeader, sent by it.
  struct Standing {
    bool counts = false;  // promised, and would have its epoch counted
    Epoch current = 0;    // in that promise
    Zxid last = {};
    Zxid accepted = {};              // NewLeader's last, of the last session
    std::optional<Zxid> acked = {};  // what it has said is durable there
  };

  // The first violation is kept.
  void Violate(std::string_view property, std::string what);
  void Keep(std::optional<Violation> found);

  // --- servers and their disks ------------------------------------------------------------
  // With the disk that it has.
  Server& at(ServerId sid) { return servers[sid]; }
  // The n-th of its disks is in it from now on.
  void Insert(ServerId sid, uint64_t disk);
  // Its disk is gone for ever, and an empty one is in its place.
  void Replace(ServerId sid);
  // Who spoke in this process life, with the disk that it had.
  MemberId MemberOf(ServerId sid, uint64_t boot);
  void Spoke(ServerId sid, uint64_t boot) { disk_of_.try_emplace({sid, boot}, at(sid).id()); }
  // All for which has(member, server) holds, those in no server included.
  template <typename Has>
  std::set<MemberId> Those(Has has) const;

  // --- quorums --------------------------------------------------------------------------------
  // The versions of the configurations by which one is counted who has the history that ends with
  // `last`, and was told that the configuration `adopted` is committed: the newest of them, and as
  // long as that is not committed the one before it.
  std::vector<Zxid> Relevant(Zxid last, Zxid adopted = {}) const;
  bool IsQuorum(const std::vector<Zxid>& versions, const std::set<MemberId>& members) const;
  // Held by those who hold it, `zxid` is committed. holds(member, server, zxid) says who does.
  template <typename Holds>
  bool Decided(Zxid zxid, Holds holds) const;

  const Standing* Find(const Term& term, const MemberId& learner) const;
  Standing& Of(const Term& term, const MemberId& learner) { return standings[{term, learner}]; }
  // Its epoch to this leader, as far as the leader knows.
  bool HasPromised(const Term& term, const MemberId& member, const Server& server) const;
  bool PromisedByQuorum(const Term& term) const;
  // Enough has acknowledged it to this leader for it to say so.
  bool Counted(const Term& term, Zxid zxid) const;
  bool MayBeEstablished(Epoch epoch) const;
  // It is in no history that can be committed.
  bool IsDead(Zxid zxid) const;
  // An epoch may have begun with what nobody knows.
  bool BeginningsAreUnknown() const;
  // What a quorum has to take for that epoch to be established.
  std::vector<Zxid> RelevantTo(Epoch epoch) const;
  // By what it has written: the newest that it was told is committed, and one that its log has
  // after that. One that a change was answered with needs nobody of those before it.
  Configs ConfigsOf(ServerId sid) const;
  // By one of the configurations that may count for it, with this log, it may lead.
  bool MayStand(ServerId sid, const LogState& log) const;
  // By one of the configurations that may count for who has this log, `member` is a voter.
  bool MayVote(const LogState& log, const MemberId& member) const;
  // Each configuration that counts for some server has a quorum of members that are there: their
  // disks are in their servers, and these can be linked all at once.
  bool QuorumsAreThere() const;
  // Which of its disks the newest of those lists, or else the newest that is committed. None: that
  // one is in another place.
  std::optional<uint64_t> ListedDisk(ServerId place) const;
  bool MayKnowCommitted(ServerId sid, Zxid zxid) const;
  void ToldCommitted(ServerId sid, Zxid commit);
  Zxid Configured() const { return configurations.In(committed, histories); }
  // A configuration that somebody may call committed.
  bool IsCommitted(Zxid version) const {
    return version.counter == 0 || histories.Contains(version, committed);
  }

  std::map<ServerId, Server> servers = {};
  std::optional<Violation> violation = {};
  Histories histories = {};
  Configurations configurations = {};
  CallLedger calls = {};
  ReadConfirmations confirmations = {};
  Zxid committed = {};                     // the newest that anybody called committed
  std::map<Epoch, ServerId> leaders = {};  // who took an epoch as its leader
  std::map<Epoch, Zxid> initial = {};      // I_e: where its history ended then
  std::map<Epoch, Zxid> adopted = {};      // and the configuration that it was told is committed
  std::set<Epoch> established = {};        // a quorum has held I_e durably, under e
  std::map<Zxid, std::set<Zxid>> settling = {};  // entries that settle it, by configuration
  Zxid answered = {};  // the newest configuration that a change was answered with
  std::map<std::pair<Term, MemberId>, Standing> standings = {};  // by term and learner

 private:
  MemberId LeaderOf(const Term& term) const;
  std::vector<Zxid> MayCountFor(const LogState& log) const;
  // The newest configuration of its log that it may call committed by what it has written: it is
  // stored as such, another one follows, or an entry settles it.
  Zxid ProvenBy(const Server& server) const;
  std::optional<uint64_t> NumberOf(ServerId place, DiskId disk) const;
  // Which the newest configuration that counts for anybody lists for a voter.
  std::optional<DiskId> NewestDisk(ServerId seat) const;

  std::map<ServerId, uint64_t> present_;                     // which of its disks is in it
  std::map<std::pair<ServerId, uint64_t>, Server> absent_;   // the others
  std::map<std::pair<ServerId, uint64_t>, DiskId> disk_of_;  // by process life
  uint64_t gone_ = uint64_t{1} << 32;                        // numbers disks that are
};

// Which disk a damaged one has become, nothing tells: it may sit in the seat of any.
template <typename Has>
std::set<MemberId> Ledger::Those(Has has) const {
  std::set<MemberId> those;
  const auto add = [&](ServerId sid, const Server& server) {
    const MemberId member{SeatOf(sid), server.id()};
    if (!has(member, server)) return;
    those.insert(member);
    if (server.damaged) those.merge(configurations.SeatsOf(member.id));
  };
  for (const auto& [sid, server] : servers) add(sid, server);
  for (const auto& [at, server] : absent_) add(at.first, server);
  return those;
}

// Entries are committed in their order, so a reconfiguration below takes a quorum of those who
// decided before it and one of those who decide after it, and what follows it one of the latter.
template <typename Holds>
bool Ledger::Decided(Zxid zxid, Holds holds) const {
  const auto holders = [&](Zxid of) {
    return Those(
        [&](const MemberId& member, const Server& server) { return holds(member, server, of); });
  };
  for (Zxid at = zxid;;) {
    const Zxid version = configurations.In(at, histories);
    if (!configurations.IsQuorum(version, holders(at))) return false;
    if (IsCommitted(version)) return true;
    const Zxid before = configurations.In(histories.Before(version), histories);
    if (!configurations.IsQuorum(before, holders(version))) return false;
    if (IsCommitted(before)) return true;
    at = before;
  }
}

}  // namespace zkq::testing
