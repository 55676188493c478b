// WireRules: what servers say to each other, held against what they may say: what is durable, what
// they promised, what they were told, in order.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "lib/testing/checks/commit_rules.h"
#include "lib/testing/checks/epoch_rules.h"
#include "lib/testing/checks/lane_order.h"
#include "lib/testing/checks/ledger.h"
#include "lib/testing/checks/newest_word.h"
#include "lib/testing/checks/txn_rules.h"

namespace zkq::testing {

class WireRules {
 public:
  using Route = SimNetworkObserver::Route;
  using Carried = SimNetworkObserver::Carried;
  WireRules(Ledger* ledger, CommitRules* commits, EpochRules* epochs, TxnRules* txns)
      : ledger_(*ledger), commits_(*commits), epochs_(*epochs), txns_(*txns) {}

  void OnSent(const Route& route, const Carried& carried);
  void OnDelivered(const Route& route, const Carried& carried);
  void OnLinkDown(const Route& route) { order_.OnLinkDown(route); }
  void OnCrashed(ServerId sid) { order_.OnCrashed(sid); }

 private:
  void CheckBoot(const Route& route);
  Ledger::Standing& StandingOf(const Route& route, const Session& session);
  void CheckNotification(const Route& route, const Notification& notification);
  void CheckConfigs(const Route& route, const Notification& notification);
  bool MayVote(const Route& route);
  void HearConfigs(const Route& route, const Notification& notification);
  void CheckCommitted(const Route& route, const Proposal& proposal);
  void CheckAuthority(const Route& route, const Session& session, Zxid zxid);
  bool Moves(Zxid version, ServerId sid) const;
  void CheckAccepted(const Route& route, const Session& session);
  bool Observes(const Route& route, const Session& session) const;
  void Sent(const Route& route, const Session& session, const FollowerInfo& info);
  void Sent(const Route& route, const Session& session, const LeaderInfo& info);
  void Sent(const Route& route, const Session& session, const AckEpoch& ack);
  void Sent(const Route& route, const Session& session, const NewLeader& accepted);
  void Sent(const Route& route, const Session& session, const Ack& ack);
  void Sent(const Route& route, const Session& session, const Proposal& proposal);
  void Sent(const Route& route, const Session& session, const Commit& commit);
  void Sent(const Route& route, const Session& session, const UpToDate& up_to_date);
  void Sent(const Route& route, const Session& session, const CommitAndActivate& word);
  void Sent(const Route& route, const Session& session, const Pong& pong);
  template <typename Other>
  void Sent(const Route&, const Session&, const Other&) {}
  // What they are told.
  void Delivered(const Route& route, const Session& session, const FollowerInfo& info);
  void Delivered(const Route& route, const Session& session, const AckEpoch& ack);
  void Delivered(const Route& route, const Session& session, const NewLeader& accepted);
  void Delivered(const Route& route, const Session& session, const Ack& ack);
  void Delivered(const Route& route, const Session& session, const Proposal& proposal);
  void Delivered(const Route& route, const Session& session, const Commit& commit);
  void Delivered(const Route& route, const Session& session, const UpToDate& up_to_date);
  void Delivered(const Route& route, const Session& session, const CommitAndActivate& word);
  void Delivered(const Route& route, const Session& session, const Pong& pong);
  template <typename Other>
  void Delivered(const Route&, const Session&, const Other&) {}

  Ledger& ledger_;
  CommitRules& commits_;
  EpochRules& epochs_;
  TxnRules& txns_;
  LaneOrder order_;
  NewestWord newest_;
  std::set<std::tuple<ServerId, uint64_t, uint64_t>> observing_;  // by learner, life and session
  // By leader and learner, with their lives: it learns as an observer, as it was told the epoch
  // last.
  std::map<std::tuple<ServerId, uint64_t, ServerId, uint64_t>, bool> taught_;
  // Process lives that were told of a pending configuration that lists them.
  std::set<std::pair<ServerId, uint64_t>> asked_to_vote_;
  // By who has committed it and gone: the configuration after which it commits nothing.
  std::map<Ledger::Term, Zxid> handed_over_;
};

}  // namespace zkq::testing
