#include "lib/core/founding.h"

#include <algorithm>
#include <utility>

#include "lib/base/hash128.h"
#include "lib/base/member_lists.h"
#include "lib/base/texts.h"
#include "lib/core/self.h"

namespace zkq::core {
namespace {

void AddInt(uint64_t value, std::string* bytes) {
  for (int shift = 0; shift < 64; shift += 8) {
    bytes->push_back(static_cast<char>(value >> shift & 0xff));
  }
}

void AddId(const Id128& id, std::string* bytes) {
  AddInt(id.high, bytes);
  AddInt(id.low, bytes);
}

std::vector<Member> Ordered(std::vector<Member> members) {
  std::sort(members.begin(), members.end());
  return members;
}

}  // namespace

Id128 FoundingHash(const std::vector<Member>& members) {
  std::string bytes;
  for (const Member& member : Ordered(members)) {
    AddInt(ToInt(member.id), &bytes);
    AddInt(member.address.size(), &bytes);
    bytes += member.address;
    AddInt(static_cast<uint64_t>(member.type), &bytes);
    AddInt(member.weight, &bytes);
    AddInt(member.group, &bytes);
    AddInt(member.priority, &bytes);
  }
  return Fnv1a128(bytes);
}

Id128 SeenHash(std::span<const SeenVoter> voters) {
  std::string bytes;
  for (const SeenVoter& voter : voters) {
    AddInt(ToInt(voter.sid), &bytes);
    AddId(voter.disk, &bytes);
    AddInt(voter.boot, &bytes);
  }
  return Fnv1a128(bytes);
}

EnsembleId EnsembleIdOf(const Id128& founding, const Id128& seen) {
  std::string bytes;
  AddId(founding, &bytes);
  AddId(seen, &bytes);
  return Fnv1a128(bytes);
}

Founding::Founding(Self* self) : self_(*self), founding_(FoundingHash(self->options.members)) {}

Invariants& Founding::invariants() { return self_.invariants(); }

void Founding::Meet(const LinkId& link, const Identity& peer) {
  if (peer.ensemble != EnsembleId{}) {
    self_.Emit(Notify{link.sid, Notification{}});  // a vote for nobody: a question
  } else if (!self_.options.may_found || peer.founding == Id128{}) {
    differences_.erase(link.sid);  // one of the two only joins
  } else if (peer.founding != founding_) {
    // The hash does not say what differs: each of the two shows the other its list.
    const Membership listed{.members = Ordered(self_.options.members)};
    self_.Emit(Notify{link.sid, Notification{.membership = listed}});
  } else {
    differences_.erase(link.sid);
  }
  Judge();
}

void Founding::On(const LinkDown& down) {
  if (!self_.links.To(down.link.sid)) differences_.erase(down.link.sid);
  Judge();
}

std::vector<Peer::Difference> Founding::differences() const {
  std::vector<Peer::Difference> all;
  for (const auto& [sid, what] : differences_) all.push_back({sid, what});
  return all;
}

void Founding::NoteDifference(ServerId sid, const Membership& listed) {
  const std::string what = WhatDiffers(self_.options.members, "here", listed.members, "there");
  differences_[sid] = what;
  self_.Tell(Line::kMembersDiffer,
             "server " + ToString(sid) + " is configured with other members, so nothing is " +
                 "founded with it: " + what + "; all need the same list, spelled alike",
             sid);
}

void Founding::Judge() {
  if (write_ || !self_.options.may_found) return;
  const std::optional<std::vector<SeenVoter>> voters = AllVoters();
  const Id128 seen = voters ? SeenHash(*voters) : Id128{};
  if (std::exchange(self_.seen, seen) != seen) self_.Emit(Introduce{self_.identity()});
  if (!voters || !AllSay(seen)) return;
  // An observer asks a founded voter: what it would store, the voters may not come to.
  if (!self_.quorum.IsVoter({self_.options.self, {}})) return;
  Membership membership{.members = Ordered(self_.options.members)};
  for (const SeenVoter& voter : *voters) {
    Member* member = FindMember(&membership, voter.sid);
    ZKQ_CHECK(member != nullptr);
    member->disk = voter.disk;
  }
  Belong(EnsembleIdOf(founding_, seen), std::move(membership));
}

std::optional<std::vector<SeenVoter>> Founding::AllVoters() const {
  const auto founded = [](const auto& one) { return one.second.ensemble != EnsembleId{}; };
  const auto& links = self_.links.all();
  if (std::any_of(links.begin(), links.end(), founded)) return std::nullopt;
  std::vector<SeenVoter> voters;
  for (const auto& [sid, none] : self_.quorum.Voters()) {
    if (sid == self_.options.self) {
      voters.push_back({.sid = sid, .disk = self_.state.disk, .boot = self_.state.boot});
      continue;
    }
    const Identity* voter = self_.links.PeerOf(sid);
    if (voter == nullptr || voter->founding != founding_) return std::nullopt;
    voters.push_back({.sid = sid, .disk = voter->disk, .boot = voter->boot});
  }
  return voters;  // in the order of ids, as Voters() is
}

bool Founding::AllSay(const Id128& seen) const {
  const std::set<MemberId> voters = self_.quorum.Voters();
  return std::all_of(voters.begin(), voters.end(), [&](const MemberId& listed) {
    const Identity* voter = self_.links.PeerOf(listed.id);
    return listed.id == self_.options.self || (voter != nullptr && voter->seen == seen);
  });
}

void Founding::Belong(const EnsembleId& ensemble, Membership membership) {
  ZKQ_CHECK(self_.state.ensemble == EnsembleId{} && !write_);
  self_.state.ensemble = ensemble;
  self_.SetConfig(std::move(membership));
  write_ = self_.StoreState();
}

void Founding::On(const Notified& notified) {
  const Identity* peer = self_.links.Find(notified.link);
  const std::optional<Membership>& told = notified.notification.membership;
  if (write_ || peer == nullptr || !told) return;
  const EnsembleId& ensemble = peer->ensemble;
  if (ensemble == EnsembleId{}) {
    if (peer->founding != founding_) NoteDifference(peer->sid, *told);
    return;
  }
  Belong(ensemble, *told);
}

void Founding::TellJoined() const {
  const std::string self = ToString(self_.options.self);
  const std::string ensemble = "ensemble " + ToString(self_.state.ensemble);
  if (self_.standing() == Standing::kMember) {
    self_.Tell(Line::kFounded, ensemble + " of servers " + ServersText(self_.quorum.Voters()));
  } else if (self_.memberships.ListsOtherDisk(self_.options.self, self_.state.disk)) {
    self_.Tell(Line::kAmnesic, "needs re-admission: " + ensemble +
                                   " lists another disk for server " + self +
                                   ", so it does not vote");
  } else {
    self_.Tell(Line::kJoins, ensemble + ", which does not list server " + self +
                                 ": it learns, and does not vote");
  }
}

void Founding::On(const Synced&) {
  if (!write_ || done_ || !self_.Durable(*write_)) return;
  done_ = true;
  self_.seen = {};
  self_.Adopt(self_.state.config);
  TellJoined();
  self_.Emit(Introduce{self_.identity()});
}

void Founding::On(const Proposed& proposed) { self_.RefuseWithoutLeader(proposed); }
void Founding::On(const ReadAsked& asked) { self_.RefuseWithoutLeader(asked); }
void Founding::On(const ReconfigureAsked& asked) { self_.RefuseWithoutLeader(asked); }

}  // namespace zkq::core
