#include "lib/core/links.h"

namespace zkq::core {

void Links::Up(const LinkId& link, const Identity& peer) {
  if (links_.insert_or_assign(link, peer).second) unheard_.insert(link);
  const auto down = down_.find(link.sid);
  if (down != down_.end() && down->second != peer.disk) down_.erase(down);
}

void Links::Down(const LinkId& link) {
  links_.erase(link);
  if (unheard_.erase(link) > 0) doubted_.insert(link.sid);
}

bool Links::Hear(const LinkId& link) {
  if (!links_.contains(link)) return false;
  unheard_.erase(link);
  return doubted_.erase(link.sid) > 0;
}

const Identity* Links::Find(const LinkId& link) const {
  const auto found = links_.find(link);
  return found == links_.end() ? nullptr : &found->second;
}

MemberId Links::MemberAt(const LinkId& link) const {
  const Identity* peer = Find(link);
  return {link.sid, peer != nullptr ? peer->disk : DiskId{}};
}

MemberId Links::MemberOf(ServerId sid) const {
  const Identity* peer = PeerOf(sid);
  return {sid, peer != nullptr ? peer->disk : DiskId{}};
}

std::optional<LinkId> Links::To(ServerId sid) const {
  // A peer has one at a time.
  auto found = links_.upper_bound(LinkId{sid, UINT64_MAX, UINT64_MAX});
  if (found == links_.begin()) return std::nullopt;
  --found;
  if (found->first.sid != sid) return std::nullopt;
  return found->first;
}

const Identity* Links::PeerOf(ServerId sid) const {
  const std::optional<LinkId> link = To(sid);
  return link ? Find(*link) : nullptr;
}

bool Links::CountAsDown(const LinkId& link) {
  const Identity* peer = Find(link);
  return peer != nullptr && down_.emplace(link.sid, peer->disk).second;
}

}  // namespace zkq::core
