#include "lib/testing/checks/wire_rules.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace zkq::testing {
namespace {

constexpr std::string_view kDurableBeforeSend = "INV-4 durable before send";

}  // namespace

void WireRules::OnSent(const Route& route, const Carried& carried) {
  if (ledger_.violation) return;
  CheckBoot(route);
  if (carried.notification != nullptr) CheckNotification(route, *carried.notification);
  if (carried.message == nullptr) return;
  const Session& session = carried.message->session;
  ledger_.Keep(order_.OnSent(route, *carried.message));
  std::visit([&](const auto& body) { Sent(route, session, body); }, carried.message->body);
}

void WireRules::OnDelivered(const Route& route, const Carried& carried) {
  if (ledger_.violation) return;
  if (carried.notification != nullptr) HearConfigs(route, *carried.notification);
  if (carried.message == nullptr) return;
  const Session& session = carried.message->session;
  ledger_.Keep(order_.OnDelivered(route, *carried.message));
  std::visit([&](const auto& body) { Delivered(route, session, body); }, carried.message->body);
}

// --- who speaks ------------------------------------------------------------------------

void WireRules::CheckBoot(const Route& route) {
  ledger_.Spoke(route.from, route.from_boot);
  const Ledger::Server& server = ledger_.at(route.from);
  const uint64_t durable = server.disk.durable().state.boot;
  if (server.damaged || route.from_boot == durable) return;
  ledger_.Violate(kDurableBeforeSend, "server " + ToString(route.from) + " speaks with boot id " +
                                          std::to_string(route.from_boot) + ", durable is " +
                                          std::to_string(durable));
}

// A vote for oneself tells what is durable, and all of it: a peer that looks has
// nothing more on its way to the disk.
void WireRules::CheckNotification(const Route& route, const Notification& notification) {
  const Ledger::Server& server = ledger_.at(route.from);
  if (newest_.IsOld(route, notification) || server.damaged) return;
  const Vote& vote = notification.vote;
  const std::string who = "server " + ToString(route.from) + " votes for " + ToString(vote);
  // Whom it learns from it may say.
  const bool votes = vote.leader != kNoServer && notification.state == PeerState::kLooking;
  if (votes && !MayVote(route)) {
    return ledger_.Violate("amnesia", who + ", and nothing that may count for it lists its disk");
  }
  CheckConfigs(route, notification);
  if (vote.leader != SeatOf(route.from) || notification.state != PeerState::kLooking) return;
  const LogState& durable = server.disk.durable();
  if (vote.zxid == durable.last && vote.epoch == durable.state.current) return;
  ledger_.Violate("vote of what is durable", who + ", durable are " + ToString(durable.last) +
                                                 " in epoch " +
                                                 std::to_string(durable.state.current));
}

// Its own history lists it, or a configuration that somebody calls pending, who needs its vote
// (PROTOCOL §4.1).
bool WireRules::MayVote(const Route& route) {
  const Ledger::Server& server = ledger_.at(route.from);
  return ledger_.MayVote(server.disk.written(), {SeatOf(route.from), server.id()}) ||
         asked_to_vote_.contains({route.from, route.from_boot});
}

void WireRules::HearConfigs(const Route& route, const Notification& notification) {
  if (!notification.pending) return;
  const MemberId member{SeatOf(route.to), ledger_.at(route.to).id()};
  if (Configurations::IsVoter(*notification.pending, member)) {
    asked_to_vote_.insert({route.to, route.to_boot});
  }
}

// What is told to be committed is; and what a candidate calls pending is what its log says, of
// which it has all on its disk.
void WireRules::CheckConfigs(const Route& route, const Notification& notification) {
  const std::string who = "server " + ToString(route.from) + " announces ";
  const Zxid config = notification.config.value_or(Zxid{});
  if (!ledger_.IsCommitted(config)) {
    return ledger_.Violate("INV-20 config", who + ToString(config) + ", which is not committed");
  }
  const std::optional<Membership>& told = notification.membership;
  // Without a configuration it only shows with which list it would found.
  const bool tells = told && notification.config;
  const Membership* known = tells ? ledger_.configurations.Find(told->version) : nullptr;
  if (known != nullptr && *known != *told) {
    return ledger_.Violate("INV-20 config", who + "another configuration " +
                                                ToString(told->version) + " than its entry says");
  }
  if (notification.vote.leader != SeatOf(route.from) || notification.state != PeerState::kLooking)
    return;
  const Zxid last = ledger_.at(route.from).disk.durable().last;
  const Zxid newest = ledger_.configurations.In(last, ledger_.histories);
  const Zxid pending = notification.pending ? notification.pending->version : Zxid{};
  if (pending == (newest > config ? newest : Zxid{})) return;
  ledger_.Violate("INV-21 config follows log",
                  who + ToString(pending) + " as pending after " + ToString(config) +
                      ", and the newest of its log is " + ToString(newest));
}

// Of who speaks, with the leader that is spoken to.
Ledger::Standing& WireRules::StandingOf(const Route& route, const Session& session) {
  return ledger_.Of({route.to, route.to_boot, session.epoch},
                    ledger_.MemberOf(route.from, route.from_boot));
}

// --- discovery -------------------------------------------------------------------------

void WireRules::Sent(const Route& route, const Session& session, const FollowerInfo& info) {
  const bool observes = info.kind == LearnerKind::kObserver;
  ledger_.at(route.from).observes = observes;
  if (!observes) return;
  observing_.insert({route.from, route.from_boot, session.number});
}

void WireRules::Delivered(const Route& route, const Session&, const FollowerInfo& info) {
  epochs_.Heard(route, info);
}

bool WireRules::Observes(const Route& route, const Session& session) const {
  return observing_.contains({route.from, route.from_boot, session.number});
}

void WireRules::Sent(const Route& route, const Session& session, const LeaderInfo& info) {
  const bool observes = observing_.contains({route.to, route.to_boot, session.number});
  taught_[{route.from, route.from_boot, route.to, route.to_boot}] = observes;
  const Ledger::Server& server = ledger_.at(route.from);
  const Promise own{info.epoch, SeatOf(route.from), route.from_boot};
  if (server.damaged || server.disk.durable().state.accepted == own) return;
  ledger_.Violate(kDurableBeforeSend, "server " + ToString(route.from) + " proposes epoch " +
                                          std::to_string(info.epoch) +
                                          " before its own promise is durable");
}

void WireRules::Sent(const Route& route, const Session& session, const AckEpoch& ack) {
  const Ledger::Server& server = ledger_.at(route.from);
  if (server.damaged) return;
  const HardState& durable = server.disk.durable().state;
  const std::string who = "server " + ToString(route.from) + " promises epoch " +
                          std::to_string(session.epoch) + " to server " + ToString(route.to);
  const Zxid durable_last = server.disk.durable().last;
  const bool observes = Observes(route, session);  // it promises nothing
  if (!observes && durable.accepted.epoch < session.epoch) {
    return ledger_.Violate(kDurableBeforeSend, who);
  }
  if ((observes ? durable.current : durable.accepted.epoch) > session.epoch) {
    return ledger_.Violate("INV-3 promise", who + ", having promised a later one");
  }
  if (observes && ack.current) {
    return ledger_.Violate("INV-25 observers inert", who + ", and learns as an observer");
  }
  if (ack.current.value_or(0) > durable.current) {
    return ledger_.Violate(kDurableBeforeSend, who + " with an epoch that is not durable");
  }
  // Nobody counts on what an observer has.
  if (!observes && !ledger_.histories.Contains(ack.last, durable_last)) {
    return ledger_.Violate(kDurableBeforeSend, who + " with a history that is not durable");
  }
  if (ack.current) epochs_.CheckPromise(route, session.epoch);
}

void WireRules::Delivered(const Route& route, const Session& session, const AckEpoch& ack) {
  Ledger::Standing& standing = StandingOf(route, session);
  if (!ack.current) return;
  standing.counts = true;
  standing.current = *ack.current;
  standing.last = ack.last;
}

// --- synchronisation -------------------------------------------------------------------

void WireRules::Sent(const Route& route, const Session& session, const NewLeader& accepted) {
  ledger_
      .Of({route.from, route.from_boot, session.epoch}, ledger_.MemberOf(route.to, route.to_boot))
      .accepted = accepted.last;
  const Ledger::Server& server = ledger_.at(route.from);
  if (server.damaged) return;
  const LogState& durable = server.disk.durable();
  const auto initial = ledger_.initial.find(session.epoch);
  if (durable.state.current >= session.epoch && initial != ledger_.initial.end() &&
      ledger_.histories.Contains(initial->second, durable.last)) {
    return;
  }
  ledger_.Violate(kDurableBeforeSend, "server " + ToString(route.from) + " leads epoch " +
                                          std::to_string(session.epoch) +
                                          " before its initial history is durable");
}

void WireRules::Sent(const Route& route, const Session& session, const Ack& ack) {
  const Ledger::Server& server = ledger_.at(route.from);
  if (server.damaged) return;
  const LogState& durable = server.disk.durable();
  const std::string who = "server " + ToString(route.from) + " acks " + ToString(ack.zxid);
  const Epoch bound =
      Observes(route, session) ? durable.state.current : durable.state.accepted.epoch;
  if (bound > session.epoch) {
    return ledger_.Violate("INV-3 promise",
                           who + ", having promised epoch " + std::to_string(bound));
  }
  if (ack.zxid.counter == 0) return CheckAccepted(route, session);
  if (ledger_.histories.Contains(ack.zxid, durable.last)) return;
  ledger_.Violate(kDurableBeforeSend, who + ", durable are " + ToString(durable.last));
}

// An acknowledgement of NewLeader: the history is the leader's up to where NewLeader
// was sent, and what may follow there already is of this epoch.
void WireRules::CheckAccepted(const Route& route, const Session& session) {
  const LogState& durable = ledger_.at(route.from).disk.durable();
  const std::string who =
      "server " + ToString(route.from) + " acks epoch " + std::to_string(session.epoch);
  if (durable.state.current < session.epoch) {
    return ledger_.Violate(kDurableBeforeSend, who + " before it is durable");
  }
  const Ledger::Standing* standing = ledger_.Find({route.to, route.to_boot, session.epoch},
                                                  ledger_.MemberOf(route.from, route.from_boot));
  const Zxid told = standing == nullptr ? Zxid{} : standing->accepted;
  if (ledger_.histories.Contains(told, durable.last) &&
      (told == durable.last || durable.last.epoch == session.epoch)) {
    return;
  }
  ledger_.Violate("INV-24 sync check", who + " with " + ToString(durable.last) +
                                           ", and its leader's history ended with " +
                                           ToString(told));
}

void WireRules::Delivered(const Route& route, const Session& session, const Ack& ack) {
  if (Observes(route, session)) return;  // its word counts nowhere
  Ledger::Standing& standing = StandingOf(route, session);
  const Zxid held = ack.zxid.counter != 0 ? ack.zxid : standing.accepted;
  standing.acked = std::max(standing.acked.value_or(Zxid{}), held);
  commits_.LearnCommitted(route.to);
}

// --- broadcast -------------------------------------------------------------------------

void WireRules::Sent(const Route& route, const Session& session, const Proposal& proposal) {
  for (const Txn& txn : proposal.txns) txns_.Proposed(route.from, txn);
  CheckCommitted(route, proposal);
  if (proposal.commit.epoch == session.epoch) return Sent(route, session, Commit{proposal.commit});
  if (ledger_.histories.Contains(proposal.commit, ledger_.committed)) return;
  ledger_.Violate("INV-17 commit rule", ToString(proposal.commit) + " is committed by server " +
                                            ToString(route.from) + ", and nobody has counted it");
}

// An observer gets nothing that is not committed.
void WireRules::CheckCommitted(const Route& route, const Proposal& proposal) {
  const auto taught = taught_.find({route.from, route.from_boot, route.to, route.to_boot});
  if (taught == taught_.end() || !taught->second) return;
  const Zxid last = proposal.txns.back().zxid;
  if (proposal.commit >= last || ledger_.at(route.from).damaged) return;
  ledger_.Violate("INV-25 observers inert",
                  "server " + ToString(route.to) + ", which observes, is sent " + ToString(last) +
                      " by server " + ToString(route.from) + ", and it is not committed");
}

void WireRules::Sent(const Route& route, const Session& session, const Commit& commit) {
  CheckAuthority(route, session, commit.zxid);
  const std::string how =
      "by server " + ToString(route.from) + " in epoch " + std::to_string(session.epoch);
  if (!ledger_.Counted({route.from, route.from_boot, session.epoch}, commit.zxid)) {
    return ledger_.Violate("INV-17 commit rule", ToString(commit.zxid) + " is committed " + how +
                                                     " without the acks of a quorum");
  }
  commits_.SaidCommitted(commit.zxid, how);
}

// A leader that has committed a configuration by which others lead, or has named another one,
// commits nothing more. What it began its epoch with is committed all at once, the configuration
// and what follows it.
void WireRules::CheckAuthority(const Route& route, const Session& session, Zxid zxid) {
  if (ledger_.at(route.from).damaged) return;
  const Zxid version = ledger_.configurations.In(zxid, ledger_.histories);
  const MemberId leader = ledger_.MemberOf(route.from, route.from_boot);
  const bool own = zxid.epoch == session.epoch && version < zxid;
  const bool leads = ledger_.configurations.MayLead(version, leader) &&
                     !(version.epoch == session.epoch && Moves(version, leader.id));
  const auto gone = handed_over_.find({route.from, route.from_boot, session.epoch});
  if ((!own || leads) && (gone == handed_over_.end() || zxid <= gone->second)) return;
  ledger_.Violate("INV-22 single commit authority",
                  "server " + ToString(route.from) + " commits " + ToString(zxid) + " after " +
                      ToString(version) + ", by which others lead");
}

// It is to be found elsewhere than by the configuration before.
bool WireRules::Moves(Zxid version, ServerId sid) const {
  if (version.counter == 0) return false;
  const Zxid before =
      ledger_.configurations.In(ledger_.histories.Before(version), ledger_.histories);
  const Membership* const was = ledger_.configurations.Find(before);
  const Membership* const is = ledger_.configurations.Find(version);
  const Member* const there = was == nullptr ? nullptr : FindMember(*was, sid);
  const Member* const here = is == nullptr ? nullptr : FindMember(*is, sid);
  return there != nullptr && here != nullptr && there->address != here->address;
}

void WireRules::Sent(const Route& route, const Session& session, const CommitAndActivate& word) {
  Sent(route, session, Commit{word.zxid});
  handed_over_[{route.from, route.from_boot, session.epoch}] = word.zxid;
}

void WireRules::Sent(const Route& route, const Session& session, const UpToDate& up_to_date) {
  Sent(route, session, Commit{up_to_date.commit});
}

// --- reads -----------------------------------------------------------------------------

void WireRules::Sent(const Route& route, const Session& session, const Pong& pong) {
  ledger_.confirmations.OnSent(route, session, pong);
}

void WireRules::Delivered(const Route& route, const Session& session, const Pong& pong) {
  if (Observes(route, session)) return;
  ledger_.confirmations.OnDelivered(route, session, pong,
                                    ledger_.MemberOf(route.from, route.from_boot));
}

// --- what is told to be committed ------------------------------------------------------

void WireRules::Delivered(const Route& route, const Session&, const NewLeader& accepted) {
  ledger_.ToldCommitted(route.to, accepted.commit);
}

void WireRules::Delivered(const Route& route, const Session&, const Proposal& proposal) {
  ledger_.ToldCommitted(route.to, proposal.commit);
}

void WireRules::Delivered(const Route& route, const Session&, const Commit& commit) {
  ledger_.ToldCommitted(route.to, commit.zxid);
}

void WireRules::Delivered(const Route& route, const Session&, const CommitAndActivate& word) {
  ledger_.ToldCommitted(route.to, word.zxid);
}

void WireRules::Delivered(const Route& route, const Session& session, const UpToDate& up_to_date) {
  ledger_.ToldCommitted(route.to, up_to_date.commit);
  Epoch& told = ledger_.at(route.to).told_up_to_date;
  told = std::max(told, session.epoch);  // a late one of an earlier leader changes nothing
}

}  // namespace zkq::testing
