// What servers say to each other, held against what they may say: what is durable,
// what they promised, what they were told.
#include <algorithm>

#include "lib/testing/checks/invariants.h"
#include "lib/testing/checks/invariants_quorum.h"

namespace zkq::testing {
namespace {

constexpr std::string_view kDurableBeforeSend = "INV-4 durable before send";

}  // namespace

void InvariantChecker::OnSent(const Route& route, const Carried& carried) {
  if (violation_) return;
  CheckBoot(route);
  if (carried.notification != nullptr) CheckNotification(route, *carried.notification);
  if (carried.message == nullptr) return;
  const Session& session = carried.message->session;
  Keep(order_.OnSent(route, *carried.message));
  std::visit([&](const auto& body) { Sent(route, session, body); }, carried.message->body);
}

void InvariantChecker::OnDelivered(const Route& route, const Carried& carried) {
  if (carried.message == nullptr || violation_) return;
  const Session& session = carried.message->session;
  Keep(order_.OnDelivered(route, *carried.message));
  std::visit([&](const auto& body) { Delivered(route, session, body); }, carried.message->body);
}

const InvariantChecker::Standing* InvariantChecker::Find(const Term& term, ServerId learner) const {
  const auto found = standings_.find({term, learner});
  return found == standings_.end() ? nullptr : &found->second;
}

// --- who speaks ---------------------------------------------------------------------------

void InvariantChecker::CheckBoot(const Route& route) {
  const Server& server = at(route.from);
  const uint64_t durable = server.disk.durable().state.boot;
  if (server.damaged || route.from_boot == durable) return;
  Violate(kDurableBeforeSend, "server " + ToString(route.from) + " speaks with boot id " +
                                  std::to_string(route.from_boot) + ", durable is " +
                                  std::to_string(durable));
}

// A vote for oneself tells what is durable, and all of it: a peer that looks has
// nothing more on its way to the disk.
void InvariantChecker::CheckNotification(const Route& route, const Notification& notification) {
  const Server& server = at(route.from);
  if (server.damaged) return;
  const Vote& vote = notification.vote;
  const std::string who = "server " + ToString(route.from) + " votes for " + ToString(vote);
  if (server.wiped && vote.leader != kNoServer) {
    return Violate("amnesia", who + " on an empty disk");
  }
  if (vote.leader != route.from || notification.state != PeerState::kLooking) return;
  const LogState& durable = server.disk.durable();
  if (vote.zxid == durable.last && vote.epoch == durable.state.current) return;
  Violate("vote of what is durable", who + ", durable are " + ToString(durable.last) +
                                         " in epoch " + std::to_string(durable.state.current));
}

// --- discovery ----------------------------------------------------------------------------

void InvariantChecker::Sent(const Route& route, const Session&, const LeaderInfo& info) {
  const Server& server = at(route.from);
  const Promise own{info.epoch, route.from, route.from_boot};
  if (server.damaged || server.disk.durable().state.accepted == own) return;
  Violate(kDurableBeforeSend, "server " + ToString(route.from) + " proposes epoch " +
                                  std::to_string(info.epoch) +
                                  " before its own promise is durable");
}

void InvariantChecker::Sent(const Route& route, const Session& session, const AckEpoch& ack) {
  const Server& server = at(route.from);
  if (server.damaged) return;
  const HardState& durable = server.disk.durable().state;
  const std::string who = "server " + ToString(route.from) + " promises epoch " +
                          std::to_string(session.epoch) + " to server " + ToString(route.to);
  if (server.wiped && ack.current) return Violate("amnesia", who + " on an empty disk");
  if (durable.accepted.epoch < session.epoch) return Violate(kDurableBeforeSend, who);
  if (durable.accepted.epoch > session.epoch) {
    return Violate("INV-3 promise", who + ", having promised a later one");
  }
  if (ack.current.value_or(0) > durable.current) {
    return Violate(kDurableBeforeSend, who + " with an epoch that is not durable");
  }
  if (!histories_.Contains(ack.last, server.disk.durable().last)) {
    return Violate(kDurableBeforeSend, who + " with a history that is not durable");
  }
  if (ack.current) CheckPromise(route, session.epoch);
}

// Once a leader has completed the quorum of an epoch nobody else can, and the promise
// may move to it (PROTOCOL §6.3).
void InvariantChecker::CheckPromise(const Route& route, Epoch epoch) {
  const std::pair to(route.to, route.to_boot);
  const auto completed = leaders_.find(epoch);
  if (completed != leaders_.end() && completed->second == route.to) return;
  if (PromisedByQuorum({route.to, route.to_boot, epoch})) return;
  const DiskId& disk = at(route.from).disk.durable().state.disk;
  const auto [given, first] = promised_.try_emplace({route.from, disk, epoch}, to);
  if (given->second == to) return;
  Violate("INV-3 promise", "server " + ToString(route.from) + " promises epoch " +
                               std::to_string(epoch) + " to server " + ToString(route.to) +
                               ", and to another before");
}

// Of what has come to this leader, and of its own disk.
bool InvariantChecker::HasPromised(const Term& term, ServerId learner) const {
  const auto& [leader, boot, epoch] = term;
  if (learner == leader) {
    return servers_.at(leader).disk.durable().state.accepted == Promise{epoch, leader, boot};
  }
  const Standing* standing = Find(term, learner);
  return standing != nullptr && standing->counts;
}

bool InvariantChecker::PromisedByQuorum(const Term& term) const {
  return IsQuorum([&](ServerId sid, const Server&) { return HasPromised(term, sid); });
}

void InvariantChecker::Delivered(const Route& route, const Session& session, const AckEpoch& ack) {
  Standing& standing = standings_[{Term(route.to, route.to_boot, session.epoch), route.from}];
  if (!ack.current) return;
  standing.counts = true;
  standing.current = *ack.current;
  standing.last = ack.last;
}

// --- synchronisation ------------------------------------------------------------------------

void InvariantChecker::Sent(const Route& route, const Session& session, const NewLeader& accepted) {
  standings_[{Term(route.from, route.from_boot, session.epoch), route.to}].accepted = accepted.last;
  const Server& server = at(route.from);
  if (server.damaged) return;
  const LogState& durable = server.disk.durable();
  const auto initial = initial_.find(session.epoch);
  if (durable.state.current >= session.epoch && initial != initial_.end() &&
      histories_.Contains(initial->second, durable.last)) {
    return;
  }
  Violate(kDurableBeforeSend, "server " + ToString(route.from) + " leads epoch " +
                                  std::to_string(session.epoch) +
                                  " before its initial history is durable");
}

void InvariantChecker::Sent(const Route& route, const Session& session, const Ack& ack) {
  const Server& server = at(route.from);
  if (server.damaged) return;
  const LogState& durable = server.disk.durable();
  const std::string who = "server " + ToString(route.from) + " acks " + ToString(ack.zxid);
  if (server.wiped) return Violate("amnesia", who + " on an empty disk");
  if (durable.state.accepted.epoch > session.epoch) {
    return Violate("INV-3 promise",
                   who + ", having promised epoch " + std::to_string(durable.state.accepted.epoch));
  }
  if (ack.zxid.counter == 0) return CheckAccepted(route, session);
  if (histories_.Contains(ack.zxid, durable.last)) return;
  Violate(kDurableBeforeSend, who + ", durable are " + ToString(durable.last));
}

// An acknowledgement of NewLeader: the history is the leader's up to where NewLeader
// was sent, and what may follow there already is of this epoch.
void InvariantChecker::CheckAccepted(const Route& route, const Session& session) {
  const LogState& durable = at(route.from).disk.durable();
  const std::string who =
      "server " + ToString(route.from) + " acks epoch " + std::to_string(session.epoch);
  if (durable.state.current < session.epoch) {
    return Violate(kDurableBeforeSend, who + " before it is durable");
  }
  const Standing* standing = Find({route.to, route.to_boot, session.epoch}, route.from);
  const Zxid told = standing == nullptr ? Zxid{} : standing->accepted;
  if (histories_.Contains(told, durable.last) &&
      (told == durable.last || durable.last.epoch == session.epoch)) {
    return;
  }
  Violate("INV-24 sync check", who + " with " + ToString(durable.last) +
                                   ", and its leader's history ended with " + ToString(told));
}

void InvariantChecker::Delivered(const Route& route, const Session& session, const Ack& ack) {
  Standing& standing = standings_[{Term(route.to, route.to_boot, session.epoch), route.from}];
  const Zxid held = ack.zxid.counter != 0 ? ack.zxid : standing.accepted;
  standing.acked = std::max(standing.acked.value_or(Zxid{}), held);
  LearnCommitted(route.to);
}

// A leader knows what has been counted, whether or not anybody is left to be told; and
// it may apply it only when it leads no more.
void InvariantChecker::LearnCommitted(ServerId leader) {
  if (at(leader).damaged) return;  // what its disk holds, and for which term, is not known
  const LogState& durable = at(leader).disk.durable();
  const Term term{leader, durable.state.boot, durable.state.current};
  std::set<Zxid> counted{durable.last};
  for (auto of = standings_.lower_bound({term, ServerId{}});
       of != standings_.end() && of->first.first == term; ++of) {
    if (of->second.acked) counted.insert(*of->second.acked);
  }
  std::erase_if(counted, [&](Zxid zxid) { return !Counted(term, zxid); });
  if (counted.empty()) return;
  ToldCommitted(leader, *counted.rbegin());
  Committed(*counted.rbegin(), "counted by server " + ToString(leader));
}

// --- broadcast ------------------------------------------------------------------------------

void InvariantChecker::Sent(const Route& route, const Session& session, const Proposal& proposal) {
  for (const Txn& txn : proposal.txns) Proposed(route.from, txn);
  if (proposal.commit.epoch == session.epoch) return Sent(route, session, Commit{proposal.commit});
  if (histories_.Contains(proposal.commit, committed_)) return;
  Violate("INV-17 commit rule", ToString(proposal.commit) + " is committed by server " +
                                    ToString(route.from) + ", and nobody has counted it");
}

void InvariantChecker::Sent(const Route& route, const Session& session, const Commit& commit) {
  const std::string how =
      "by server " + ToString(route.from) + " in epoch " + std::to_string(session.epoch);
  if (!Counted({route.from, route.from_boot, session.epoch}, commit.zxid)) {
    return Violate("INV-17 commit rule", ToString(commit.zxid) + " is committed " + how +
                                             " without the acks of a quorum");
  }
  Committed(commit.zxid, how);
}

void InvariantChecker::Sent(const Route& route, const Session& session,
                            const UpToDate& up_to_date) {
  Sent(route, session, Commit{up_to_date.commit});
}

void InvariantChecker::Sent(const Route& route, const Session& session, const Pong& pong) {
  confirmations_.OnSent(route, session, pong);
}

void InvariantChecker::Delivered(const Route& route, const Session& session, const Pong& pong) {
  confirmations_.OnDelivered(route, session, pong);
}

// By what it was told in this term; its own disk counts when it has it.
bool InvariantChecker::Counted(const Term& term, Zxid zxid) const {
  return IsQuorum([&](ServerId sid, const Server& server) {
    if (sid == std::get<ServerId>(term)) {
      return server.damaged || (server.disk.durable().state.current >= std::get<Epoch>(term) &&
                                histories_.Contains(zxid, server.disk.durable().last));
    }
    const Standing* standing = Find(term, sid);
    return standing != nullptr && standing->acked && *standing->acked >= zxid;
  });
}

void InvariantChecker::ToldCommitted(ServerId sid, Zxid commit) {
  Zxid& told = at(sid).told_committed;
  told = std::max(told, commit);
}

void InvariantChecker::Delivered(const Route& route, const Session&, const NewLeader& accepted) {
  ToldCommitted(route.to, accepted.commit);
}

void InvariantChecker::Delivered(const Route& route, const Session&, const Proposal& proposal) {
  ToldCommitted(route.to, proposal.commit);
}

void InvariantChecker::Delivered(const Route& route, const Session&, const Commit& commit) {
  ToldCommitted(route.to, commit.zxid);
}

void InvariantChecker::Delivered(const Route& route, const Session& session,
                                 const UpToDate& up_to_date) {
  ToldCommitted(route.to, up_to_date.commit);
  Epoch& told = at(route.to).told_up_to_date;
  told = std::max(told, session.epoch);  // a late one of an earlier leader changes nothing
}

}  // namespace zkq::testing
