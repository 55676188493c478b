// Connectivity: whom a peer is linked to, and whether that is a quorum, itself
// included (PROTOCOL §4.3). Among partly connected peers a candidate that reaches no
// quorum cannot lead, whatever its history.
#pragma once

#include <optional>
#include <set>

#include "lib/core/quorum.h"

namespace zkq::core {

class Connectivity {
 public:
  // A quorum that is lost is believed in for `grace` more: a link that comes back at
  // once must not cost a candidate its round.
  explicit Connectivity(Time grace) : grace_(grace) {}

  // Who this peer is, and whose quorums count from here on; before, nobody's.
  void Use(const MemberId& self, const Quorum& quorum);
  void Up(const MemberId& peer);
  void Down(const MemberId& peer);
  const std::set<MemberId>& linked() const { return linked_; }
  bool IsLinked(ServerId sid) const;
  // It may lead, was linked, and is not any more: it has gone away.
  bool Lost(ServerId sid) const { return lost_.contains(sid); }

  // As of the last Update.
  bool reaches_quorum() const { return reaches_quorum_; }
  // To be called after each of these, and as time goes by. True: the answer is another
  // one now.
  bool Update(Time now);
  // When time alone changes the answer.
  std::optional<Time> NextWake() const { return lost_at_; }

 private:
  void Count();

  const Time grace_;
  MemberId self_;
  Quorum quorum_;
  std::set<MemberId> linked_;
  std::set<ServerId> lost_;
  bool quorum_linked_ = false;  // now, whatever is believed in
  bool reaches_quorum_ = false;
  std::optional<Time> lost_at_;  // the grace ends then
};

}  // namespace zkq::core
