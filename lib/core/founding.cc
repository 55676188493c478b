#include "lib/core/founding.h"

#include <algorithm>
#include <utility>

#include "lib/base/hash128.h"
#include "lib/core/self.h"

namespace zkq::core {
namespace {

void AddInt(uint64_t value, std::string* bytes) {
  for (int shift = 0; shift < 64; shift += 8) {
    bytes->push_back(static_cast<char>(value >> shift & 0xff));
  }
}

}  // namespace

Id128 HashOfMembers(const std::vector<Member>& members) {
  std::vector<Member> ordered = members;
  std::sort(ordered.begin(), ordered.end());
  std::string bytes;
  for (const Member& member : ordered) {
    AddInt(ToInt(member.id), &bytes);
    AddInt(member.address.size(), &bytes);
    bytes += member.address;
    AddInt(static_cast<uint64_t>(member.type), &bytes);
    AddInt(member.weight, &bytes);
    AddInt(member.group, &bytes);
  }
  return Fnv1a128(bytes);
}

EnsembleId EnsembleIdOf(const Id128& members, std::span<const Founder> founders) {
  std::string bytes;
  AddInt(members.high, &bytes);
  AddInt(members.low, &bytes);
  for (const Founder& founder : founders) {
    AddInt(ToInt(founder.sid), &bytes);
    AddInt(founder.disk.high, &bytes);
    AddInt(founder.disk.low, &bytes);
  }
  return Fnv1a128(bytes);
}

void Founding::On(const LinkUp& up) {
  const Identity& peer = up.peer;
  if (peer.ensemble == EnsembleId{} && peer.members != HashOfMembers(self_.options.members)) {
    self_.Tell(Note::Level::kWarning,
               "server " + ToString(peer.sid) + " is configured with other members than this one");
  }
  Judge();
}

void Founding::On(const Proposed& proposed) { self_.RefuseWithoutLeader(proposed); }
void Founding::On(const ReadAsked& asked) { self_.RefuseWithoutLeader(asked); }

void Founding::On(const Synced&) {
  if (!write_ || done_ || !self_.Durable(*write_)) return;
  done_ = true;
  self_.SetMembership(self_.state.config);
  self_.Emit(Introduce{self_.identity()});
}

// One ensemble that was founded with this disk outweighs all that were not.
void Founding::Judge() {
  if (write_) return;
  bool founded = false;
  for (const auto& [link, peer] : self_.links) {
    if (peer.ensemble == EnsembleId{}) continue;
    if (Names(peer.founders)) return FoundAs(peer);
    founded = true;
  }
  if (founded) return BeAmnesic();
  if (auto founders = AllVotersUnfounded()) {
    const EnsembleId id = EnsembleIdOf(HashOfMembers(self_.options.members), *founders);
    Found(id, *std::move(founders));
  }
}

bool Founding::Names(const std::vector<Founder>& founders) const {
  const Founder me{self_.options.self, self_.state.disk};
  return std::find(founders.begin(), founders.end(), me) != founders.end();
}

// With another list of members it would count other quorums than those it was
// founded with.
void Founding::FoundAs(const Identity& peer) {
  if (EnsembleIdOf(HashOfMembers(self_.options.members), peer.founders) == peer.ensemble) {
    return Found(peer.ensemble, peer.founders);
  }
  if (std::exchange(refused_, true)) return;
  self_.Tell(Note::Level::kError, "does not take part: the ensemble of server " +
                                      ToString(peer.sid) +
                                      " was founded with other members than are configured here");
}

void Founding::BeAmnesic() {
  if (std::exchange(amnesic_, true)) return;
  self_.Tell(Note::Level::kError,
             "amnesic, needs re-admission: the ensemble was founded without this data "
             "directory, so server " +
                 ToString(self_.options.self) + " does not vote");
}

std::optional<std::vector<Founder>> Founding::AllVotersUnfounded() const {
  const Id128 members = HashOfMembers(self_.options.members);
  std::vector<Founder> founders;
  for (ServerId sid : self_.quorum.Voters()) {
    if (sid == self_.options.self) {
      founders.push_back({sid, self_.state.disk});
      continue;
    }
    const std::optional<LinkId> link = self_.LinkTo(sid);
    if (!link) return std::nullopt;
    const Identity& peer = self_.links.at(*link);
    if (peer.ensemble != EnsembleId{} || peer.members != members) return std::nullopt;
    founders.push_back({sid, peer.disk});
  }
  return founders;  // ordered, as Voters() is
}

void Founding::Found(const EnsembleId& ensemble, std::vector<Founder> founders) {
  amnesic_ = false;
  self_.state.ensemble = ensemble;
  self_.state.founders = std::move(founders);
  self_.state.config = Membership{.version = {}, .members = self_.options.members};
  std::sort(self_.state.config.members.begin(), self_.state.config.members.end());
  write_ = self_.StoreState();
}

}  // namespace zkq::core
