#include "lib/testing/checks/ledger.h"

#include <algorithm>

namespace zkq::testing {

Ledger::Ledger(core::Quorum of) : quorum(std::move(of)) {
  for (const MemberId& voter : quorum.Voters()) servers[voter.id];
}

void Ledger::Violate(std::string_view property, std::string what) {
  if (!violation) violation = Violation{std::string(property), std::move(what)};
}

void Ledger::Keep(std::optional<Violation> found) {
  if (!violation) violation = std::move(found);
}

const Ledger::Standing* Ledger::Find(const Term& term, ServerId learner) const {
  const auto found = standings.find({term, learner});
  return found == standings.end() ? nullptr : &found->second;
}

// Of what has come to this leader, and of its own disk.
bool Ledger::HasPromised(const Term& term, ServerId learner) const {
  const auto& [leader, boot, epoch] = term;
  if (learner == leader) {
    return servers.at(leader).disk.durable().state.accepted == Promise{epoch, leader, boot};
  }
  const Standing* standing = Find(term, learner);
  return standing != nullptr && standing->counts;
}

bool Ledger::PromisedByQuorum(const Term& term) const {
  return IsQuorum([&](ServerId sid, const Server&) { return HasPromised(term, sid); });
}

// By what it was told in this term; its own disk counts when it has it.
bool Ledger::Counted(const Term& term, Zxid zxid) const {
  return IsQuorum([&](ServerId sid, const Server& server) {
    if (sid == std::get<ServerId>(term)) {
      return server.damaged || (server.disk.durable().state.current >= std::get<Epoch>(term) &&
                                histories.Contains(zxid, server.disk.durable().last));
    }
    const Standing* standing = Find(term, sid);
    return standing != nullptr && standing->acked && *standing->acked >= zxid;
  });
}

// A quorum has taken just this epoch, durably: a later one says nothing of it. A lost
// disk may have been among them.
bool Ledger::MayBeEstablished(Epoch epoch) const {
  return established.contains(epoch) || IsQuorum([&](ServerId, const Server& server) {
           return server.lost ||
                  (server.took.contains(epoch) && server.disk.durable().state.current >= epoch);
         });
}

// A leader knows it by what it was told, everybody else by a leader or by its own log.
bool Ledger::MayKnowCommitted(ServerId sid, Zxid zxid) const {
  const Server& server = servers.at(sid);
  if (zxid == Zxid{} || server.damaged || histories.Contains(zxid, server.told_committed)) {
    return true;
  }
  const HardState& state = server.disk.durable().state;
  return Counted({sid, state.boot, state.current}, zxid);
}

void Ledger::ToldCommitted(ServerId sid, Zxid commit) {
  Zxid& told = at(sid).told_committed;
  told = std::max(told, commit);
}

}  // namespace zkq::testing
