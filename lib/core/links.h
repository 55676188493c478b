// Links: who a peer is linked with, as they have introduced themselves, and which
// servers count as down for it whatever their links.
#pragma once

#include <map>
#include <optional>

#include "zkq/message.h"

namespace zkq::core {

class Links {
 public:
  // The link is up, or the peer at its other end says something else of itself.
  void Up(const LinkId& link, const Identity& peer);
  void Down(const LinkId& link) { links_.erase(link); }

  const std::map<LinkId, Identity>& all() const { return links_; }
  // Null: there is no such link (any more).
  const Identity* Find(const LinkId& link) const;
  // The newest link to this server, and who is at its other end.
  std::optional<LinkId> To(ServerId sid) const;
  const Identity* PeerOf(ServerId sid) const;  // null: there is no link

  // A server that has spoken of an absurd epoch counts as down while it has the same
  // disk: whatever it led in would be refused (PROTOCOL §6.2, §6.3). False: it did so
  // already, or is not linked.
  bool CountAsDown(const LinkId& link);
  bool CountsAsDown(ServerId sid) const { return down_.contains(sid); }
  // It has spoken of a sound epoch, so the absurd one was not its own.
  void CountAsUp(ServerId sid) { down_.erase(sid); }

 private:
  std::map<LinkId, Identity> links_;
  std::map<ServerId, DiskId> down_;  // who counts as down, and on which disk
};

}  // namespace zkq::core
