// Ledger: what was seen of a run: who holds what, who promised and acknowledged what to whom, and
// what that makes committed. The rules read it, note in it what they see, and report to it.
//
// Everything in it has passed a seam, so no peer can talk it into anything. It judges nothing.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "lib/core/quorum.h"
#include "lib/testing/checks/call_ledger.h"
#include "lib/testing/checks/disk_mirror.h"
#include "lib/testing/checks/histories.h"
#include "lib/testing/checks/read_confirmations.h"
#include "zkq/testing/sim_observer.h"

namespace zkq::testing {

struct Ledger {
  struct Server {
    DiskMirror disk;
    std::set<Epoch> took = {};  // currentEpoch, one after the other
    bool lost = false;          // its disk is not the one it voted with, or is damaged
    // Its disk was lost after the ensemble was founded with the one before: it learns, and counts
    // nowhere.
    bool wiped = false;
    uint64_t lost_boot = 0;  // its last process on the disk that was lost
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

  explicit Ledger(core::Quorum of);

  // The first violation is kept.
  void Violate(std::string_view property, std::string what);
  void Keep(std::optional<Violation> found);

  Server& at(ServerId sid) { return servers.at(sid); }
  const Server& at(ServerId sid) const { return servers.at(sid); }
  // Those of the servers for which has(sid, server) make up a quorum.
  template <typename Has>
  bool IsQuorum(Has has) const;
  const Standing* Find(const Term& term, ServerId learner) const;
  Standing& Of(const Term& term, ServerId learner) { return standings[{term, learner}]; }
  // That process runs on another disk than the one that is listed: what it says counts nowhere.
  bool IsOnNewDisk(ServerId sid, uint64_t boot) const {
    return at(sid).wiped && boot > at(sid).lost_boot;
  }
  // Its epoch to this leader, as far as the leader knows.
  bool HasPromised(const Term& term, ServerId learner) const;
  bool PromisedByQuorum(const Term& term) const;
  // Enough has acknowledged it to this leader for it to say so.
  bool Counted(const Term& term, Zxid zxid) const;
  bool MayBeEstablished(Epoch epoch) const;
  bool MayKnowCommitted(ServerId sid, Zxid zxid) const;
  void ToldCommitted(ServerId sid, Zxid commit);

  const core::Quorum quorum;
  std::map<ServerId, Server> servers = {};
  std::optional<Violation> violation = {};
  Histories histories = {};
  CallLedger calls = {};
  ReadConfirmations confirmations = {};
  Zxid committed = {};                     // the newest that anybody called committed
  std::map<Epoch, ServerId> leaders = {};  // who took an epoch as its leader
  std::map<Epoch, Zxid> initial = {};      // I_e: where its history ended then
  std::set<Epoch> established = {};        // a quorum has held I_e durably, under e
  std::map<std::pair<Term, ServerId>, Standing> standings = {};  // by term and learner
};

template <typename Has>
bool Ledger::IsQuorum(Has has) const {
  std::set<MemberId> those;
  for (const auto& [sid, server] : servers) {
    if (has(sid, server)) those.insert({sid, {}});
  }
  return quorum.Contains(those);
}

}  // namespace zkq::testing
