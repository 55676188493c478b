// Quorums as values: which sets of voters decide. Everything the protocol asks goes through
// Contains: majorities, weights, groups and joint quorums need no second path. Pure leaves:
// total, they check nothing.
//
// Who is counted is a member: a server with the disk that its configuration lists. Another disk
// under a listed id is nobody here, whatever it has acknowledged (PROTOCOL §1, §11.6).
#pragma once

#include <functional>
#include <map>
#include <set>
#include <vector>

#include "zkq/election.h"

namespace zkq::core {

// The voters of one configuration (PROTOCOL §2 Q1 to Q4). A group is won by more than half of its
// weight, and a set is a quorum if it wins more than half of the groups that have any weight.
// Voters without a group are one group; each of weight 1: a majority. Who is no voter is not
// counted.
class QuorumSystem {
 public:
  explicit QuorumSystem(const Membership& membership);

  bool IsVoter(const MemberId& member) const { return voters_.contains(member); }
  // It is listed as a voter, and its vote has weight: it may stand. Others are never candidates.
  bool MayLead(const MemberId& member) const;
  // The same on whichever disk: a vote for a server does not say which.
  bool MayLead(ServerId sid) const;
  bool Contains(const std::set<MemberId>& members) const;
  void AddVotersTo(std::set<MemberId>* voters) const;

 private:
  struct Voter {
    uint64_t weight = 0;
    uint32_t group = 0;
  };
  std::map<MemberId, Voter> voters_;
  std::map<uint32_t, uint64_t> weights_;  // of the groups that have any
};

// A quorum in each relevant configuration (PROTOCOL §2 Q6).
class ZKQ_EXPORT Quorum {
 public:
  Quorum() = default;  // of nobody: contains nothing
  explicit Quorum(const Configs& configs);

  bool IsVoter(const MemberId& member) const;
  bool MayLead(const MemberId& member) const;  // in one of the configurations
  bool MayLead(ServerId sid) const;
  bool Contains(const std::set<MemberId>& members) const;
  // The largest value that a quorum has reached, if `reached` has the largest of each
  // voter: the newest zxid that a quorum holds, the last time at which one was heard.
  // T{} if there is none.
  template <typename T>
  T Reached(const std::map<MemberId, T>& reached) const;
  std::set<MemberId> Voters() const;  // of any of the configurations

 private:
  std::vector<QuorumSystem> configs_;
};

template <typename T>
T Quorum::Reached(const std::map<MemberId, T>& reached) const {
  std::set<T, std::greater<>> candidates;
  for (const auto& [member, value] : reached) candidates.insert(value);
  for (const T& candidate : candidates) {
    std::set<MemberId> members;
    for (const auto& [member, value] : reached) {
      if (value >= candidate) members.insert(member);
    }
    if (Contains(members)) return candidate;
  }
  return T{};
}

}  // namespace zkq::core
