// Candidates: who may be elected, as far as a peer knows (PROTOCOL §4.1): the voters with weight of
// the configurations that count here, and of those that a voter tells to be pending with it.
//
// The second kind is needed where a leader dies while its reconfiguration is on some logs only:
// who has the entry may lead with a server that the others do not know yet, and who lacks it would
// never vote for the only candidates that are not behind. Such a configuration is never adopted,
// and nobody counts votes by it. Who votes for such a candidate passes on what it was told: the
// others may not hear who told it, or may never again.
#pragma once

#include <map>
#include <set>

#include "lib/core/quorum.h"

namespace zkq::core {

class Candidates {
 public:
  void Use(const Configs& configs);
  // What `from` announces. True: a configuration that was not known is pending there.
  bool Note(const MemberId& from, const Notification& n);

  bool MayLead(ServerId sid) const;
  // A voter of some configuration, or only of one that is told of.
  bool IsVoter(const MemberId& member) const;
  bool IsTold(const MemberId& member) const;
  // The newest by which alone it may lead; null: it may by what counts here, or may not. By the
  // disk at which it is linked, if it is: a listed server with another one is as good as another.
  const Membership* ToldOf(ServerId sid, const std::set<MemberId>& linked) const;
  // All of them, on whichever disk.
  std::set<ServerId> Servers() const;

 private:
  struct Told {
    Membership membership = {};
    QuorumSystem voters;
  };
  Quorum quorum_;
  Zxid committed_;
  std::map<MemberId, Told> told_;  // by whom, in its newest word
};

}  // namespace zkq::core
