// Quorums as values: which sets of voters decide. Everything the protocol asks
// goes through Contains, so weighted and hierarchical systems need no second
// path; joint quorums are here already. Pure leaves: total, they check nothing.
#pragma once

#include <functional>
#include <map>
#include <set>

#include "zkq/election.h"

namespace zkq::core {

// The voters of one configuration. A set is a quorum if more than half of the
// voters are in it; servers that are no voters are not counted (PROTOCOL §2 Q1, Q2).
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
class ZKQ_EXPORT Quorum {
 public:
  Quorum() = default;  // of nobody: contains nothing
  explicit Quorum(const Configs& configs);

  bool IsVoter(ServerId sid) const;
  bool Contains(const std::set<ServerId>& servers) const;
  // The largest value that a quorum has reached, if `reached` has the largest of each
  // voter: the newest zxid that a quorum holds, the last time at which one was heard.
  // T{} if there is none.
  template <typename T>
  T Reached(const std::map<ServerId, T>& reached) const;
  std::set<ServerId> Voters() const;

 private:
  std::vector<Majority> configs_;
};

template <typename T>
T Quorum::Reached(const std::map<ServerId, T>& reached) const {
  std::set<T, std::greater<>> candidates;
  for (const auto& [sid, value] : reached) candidates.insert(value);
  for (const T& candidate : candidates) {
    std::set<ServerId> voters;
    for (const auto& [sid, value] : reached) {
      if (value >= candidate) voters.insert(sid);
    }
    if (Contains(voters)) return candidate;
  }
  return T{};
}

}  // namespace zkq::core
