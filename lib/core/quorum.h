// Quorums as values: which sets of voters decide. Everything the protocol asks
// goes through Contains, so weighted and hierarchical systems need no second
// path; joint quorums are here already. Pure leaves: total, they check nothing.
#pragma once

#include <map>
#include <set>

#include "zkq/election.h"

namespace zkq::core {

// The voters of one configuration. A set is a quorum if more than half of the
// voters are in it; whoever is no voter is not counted (PROTOCOL §2 Q1, Q2).
class Majority {
 public:
  explicit Majority(const Membership& membership);

  bool IsVoter(ServerId sid) const { return voters_.contains(sid); }
  bool Contains(const std::set<ServerId>& servers) const;
  const std::set<ServerId>& voters() const { return voters_; }

 private:
  std::set<ServerId> voters_;
};

// A quorum in each relevant configuration (PROTOCOL §2 Q6).
class Quorum {
 public:
  Quorum() = default;  // of nobody: contains nothing
  explicit Quorum(const Configs& configs);

  bool IsVoter(ServerId sid) const;
  bool Contains(const std::set<ServerId>& servers) const;
  // The newest zxid that a quorum holds, if `held` is the newest of each voter;
  // {0,0} if there is none.
  Zxid Held(const std::map<ServerId, Zxid>& held) const;
  std::set<ServerId> Voters() const;

 private:
  std::vector<Majority> configs_;
};

}  // namespace zkq::core
