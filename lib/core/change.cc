#include "lib/core/change.h"

#include <algorithm>

#include "lib/base/member_lists.h"
#include "lib/base/texts.h"
#include "lib/core/quorum.h"

namespace zkq::core {
namespace {

std::string Servers(const std::vector<ServerId>& servers) {
  return "{" + ServersText(std::set<ServerId>(servers.begin(), servers.end())) + "}";
}

// One judgement. Rules 3 to 5 of PROTOCOL §10.1 come before 6 and 7, but what a member's disk is
// must be known to tell whether anything is to be changed at all.
class Judgement {
 public:
  Judgement(const Membership& asked, const Scene& scene) : asked_(asked), scene_(scene) {
    verdict_.next.members = asked.members;
  }

  Verdict Make() {
    // Where the ensemble was founded without addresses, its transport needs none.
    const auto has_address = [](const Member& member) { return !member.address.empty(); };
    const auto& members = scene_.committed.members;
    const bool by_address = std::any_of(members.begin(), members.end(), has_address);
    const std::string wrong =
        by_address ? WhatIsWrong(asked_.members) : WhatIsWrongBesideAddresses(asked_.members);
    if (!wrong.empty()) return Refuse(RejectReason::kNoMembership, wrong, {});
    for (Member& member : verdict_.next.members) FillIn(&member);
    if (verdict_.next.members == scene_.committed.members) return Say(Verdict::Kind::kNothing);
    if (asked_.version != scene_.committed.version) {
      return Refuse(RejectReason::kOtherVersion,
                    "the version is " + ToString(scene_.committed.version) + ", not " +
                        ToString(asked_.version),
                    {});
    }
    if (!still_linked_.empty()) {
      return Refuse(RejectReason::kStillLinked,
                    "linked with the disk that is listed: " + Servers(still_linked_),
                    still_linked_);
    }
    if (const std::vector<ServerId> missing = Missing(); !missing.empty()) {
      return Refuse(
          RejectReason::kNoQuorum,
          "the voters that are up would be no quorum: not synchronised: " + Servers(missing),
          missing);
    }
    if (verdict_.servers.empty()) return Say(Verdict::Kind::kPropose);
    verdict_.text = waits_;
    return Say(Verdict::Kind::kWait);
  }

 private:
  Verdict Say(Verdict::Kind kind) {
    verdict_.kind = kind;
    return std::move(verdict_);
  }
  Verdict Refuse(RejectReason reason, std::string text, std::vector<ServerId> servers) {
    return {.reason = reason, .text = std::move(text), .servers = std::move(servers)};
  }

  // The disk of a voter that stays is kept; any other's is the one that it has, once it has
  // caught up on it.
  void FillIn(Member* member) {
    const DiskId asked = member->disk;
    member->disk = {};
    if (member->type == MemberType::kObserver) return;
    const Member* listed = FindMember(scene_.committed, member->id);
    const bool stays = listed != nullptr && listed->type == MemberType::kParticipant;
    const DiskId has = DiskOf(member->id);
    const bool as_listed = stays && (asked == DiskId{} || asked == listed->disk ||
                                     (asked == kPresentDisk && has == listed->disk));
    if (as_listed) {
      member->disk = listed->disk;
      return;
    }
    if (stays && has == listed->disk) still_linked_.push_back(member->id);
    const bool any = asked == DiskId{} || asked == kPresentDisk;
    member->disk = any ? has : asked;
    Await({member->id, member->disk});
    if (member->disk == DiskId{}) member->disk = kPresentDisk;  // nobody has it: it counts as one
  }

  DiskId DiskOf(ServerId sid) const {
    if (sid == scene_.self.id) return scene_.self.disk;
    const auto linked = scene_.linked.find(sid);
    return linked == scene_.linked.end() ? DiskId{} : linked->second;
  }

  void Await(const MemberId& member) {
    const auto found = scene_.learners.find(member);
    if (member == scene_.self) return;
    std::string what = "is not linked";
    if (found != scene_.learners.end()) {
      const Scene::Learner& learner = found->second;
      if (learner.follows && learner.caught_up) return;
      if (!learner.follows) verdict_.to_follow.insert(member);
      what = "is not caught up: " + std::to_string(learner.behind) + " transactions, " +
             BytesText(learner.bytes_behind) + " behind";
    } else if (scene_.linked.contains(member.id)) {
      what = DiskOf(member.id) == member.disk ? "does not learn from the leader yet"
                                              : "is linked with another disk";
    }
    verdict_.servers.push_back(member.id);
    waits_ += (waits_.empty() ? "" : "; ") + ("server " + ToString(member.id) + " " + what);
  }

  // Who would have to be up for a quorum of `next`, those waited for aside; none: it is one.
  std::vector<ServerId> Missing() const {
    std::set<MemberId> up{scene_.self};
    for (const auto& [member, learner] : scene_.learners) {
      if (learner.follows) up.insert(member);
    }
    std::set<MemberId> voters;
    const QuorumSystem next(verdict_.next);
    next.AddVotersTo(&voters);
    for (const MemberId& voter : voters) {
      if (std::count(verdict_.servers.begin(), verdict_.servers.end(), voter.id) > 0) {
        up.insert(voter);
      }
    }
    if (next.Contains(up)) return {};
    std::vector<ServerId> missing;
    for (const MemberId& voter : voters) {
      if (!up.contains(voter)) missing.push_back(voter.id);
    }
    return missing;
  }

  const Membership& asked_;
  const Scene& scene_;
  Verdict verdict_;
  std::vector<ServerId> still_linked_;
  std::string waits_;
};

}  // namespace

Verdict Judge(const Membership& asked, const Scene& scene) {
  return Judgement(asked, scene).Make();
}

}  // namespace zkq::core
