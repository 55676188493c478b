// What the link table knows from the list of members: with whom a link is due, and from which end.
#include <algorithm>
#include <utility>

#include "lib/link/link_table.h"

namespace zkq::link {

void LinkTable::List(absl::Span<const Member> members) {
  std::map<ServerId, SeatAndAddresses> listed = ReadSeats(members);
  for (auto& [sid, peer] : peers_) {
    if (listed.contains(sid)) continue;
    peer.seat = {};
    peer.beside.reset();
  }
  for (auto& [sid, listing] : listed) {
    Peer& peer = PeerOf(sid);
    peer.seat = std::move(listing.seat);
    NoteBeside(&peer);
    if (!peer.addresses.Set(std::move(listing.addresses))) continue;
    peer.redial.Reset();
    peer.dial_backs_failed = 0;
  }
  Want();
}

void LinkTable::Want() {
  const Role us = OurRole();
  for (auto& [sid, peer] : peers_) {
    const bool asks_only = self_.sid == kNoServer;
    const bool wanted = !asks_only && sid != self_.sid && IsWanted(us, peer.seat);
    const bool was_wanted = std::exchange(peer.wanted, wanted);
    // Start makes up for the clock that there is not before.
    if (!running_ || !wanted || was_wanted || peer.live != nullptr) continue;
    peer.reach.Listed(env_.clock->Monotonic());
  }
}

// Servers that are not listed come and go, each with an id of its own.
void LinkTable::ForgetBygones() {
  if (peers_.size() <= kBygonesMax) return;
  std::erase_if(peers_, [](const auto& entry) {
    const Peer& peer = entry.second;
    return !peer.seat.listed() && peer.live == nullptr && peer.dialling == nullptr &&
           !peer.knocking && !peer.tells_later && peer.queue->idle();
  });
}

size_t LinkTable::known() {
  const std::lock_guard lock(mutex_);
  return peers_.size();
}

Role LinkTable::OurRole() const {
  const auto us = peers_.find(self_.sid);
  return us == peers_.end() ? Role::kUnlisted : us->second.seat.RoleOf(self_.disk);
}

Way LinkTable::WayTo(ServerId sid, const Peer& peer) const {
  if (self_.sid == kNoServer || peer.addresses.present().empty()) return Way::kWait;
  return link::WayTo(self_.sid, OurRole(), sid, peer.seat);
}

// A listed server dials nobody who is not listed, so who learns has to find it beside another disk.
bool LinkTable::LacksLink(const Peer& peer) {
  return peer.live == nullptr || peer.seat.WantsAnother(peer.live_disk);
}

bool LinkTable::IsDue(ServerId sid, const Peer& peer) const {
  const Way way = WayTo(sid, peer);
  const bool is_asked = way == Way::kDial && peer.asked_by && *peer.asked_by != peer.live_disk;
  return (LacksLink(peer) || is_asked) && way != Way::kWait;
}

bool LinkTable::IsUnlisted(const Peer& peer) const {
  return peer.live != nullptr && peer.seat.RoleOf(peer.live_disk) == Role::kUnlisted;
}

KnownPeer LinkTable::Lookup(ServerId sid) const {
  KnownPeer known{.us = OurRole(), .has_address = false};
  const auto others = std::count_if(peers_.begin(), peers_.end(), [&](const auto& other) {
    return other.first != sid && IsUnlisted(other.second);
  });
  known.has_room = static_cast<size_t>(others) < options_.unlisted_max;
  const auto found = peers_.find(sid);
  if (found == peers_.end()) return known;
  const Peer& peer = found->second;
  known.seat = peer.seat;
  known.dialling = peer.dialling != nullptr;
  known.dialling_beside = peer.dialling_beside;
  known.has_address = !peer.addresses.present().empty();
  known.unreachable = peer.dial_backs_failed >= kDialBackFailures;
  if (peer.live == nullptr) return known;
  known.live = peer.live->id;
  known.live_disk = peer.live_disk;
  known.live_dialled = peer.live->dialled;
  return known;
}

}  // namespace zkq::link
