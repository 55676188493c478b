// Links: who a peer is linked with, as they have introduced themselves, and which
// servers are doubted, or count as down for it, whatever their links.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "zkq/message.h"

namespace zkq::core {

class Links {
 public:
  // The link is up, or the peer at its other end says something else of itself.
  void Up(const LinkId& link, const Identity& peer);
  void Down(const LinkId& link);
  // Something has come over the link. True: its server was doubted until now.
  bool Hear(const LinkId& link);
  // It is as if it had never been linked.
  void Forget(ServerId sid) { doubted_.erase(sid); }

  // The last link to this server ended before anything had come over it. One that takes nothing
  // from its links seems to be linked again and again, so an election counts on the next link
  // only once something has come over it.
  bool IsDoubted(ServerId sid) const { return doubted_.contains(sid); }

  const std::map<LinkId, Identity>& all() const { return links_; }
  // Null: there is no such link (any more).
  const Identity* Find(const LinkId& link) const;
  // Who is at its other end. The disk is none if there is no such link.
  MemberId MemberAt(const LinkId& link) const;
  // The newest link to this server, and who is at its other end.
  std::optional<LinkId> To(ServerId sid) const;
  const Identity* PeerOf(ServerId sid) const;  // null: there is no link
  MemberId MemberOf(ServerId sid) const;       // the disk is none if there is no link

  // A server that has spoken of an absurd epoch counts as down while it has the same
  // disk: whatever it led in would be refused (PROTOCOL §6.2, §6.3). False: it did so
  // already, or is not linked.
  bool CountAsDown(const LinkId& link);
  bool CountsAsDown(ServerId sid) const { return down_.contains(sid); }
  // It has spoken of a sound epoch, so the absurd one was not its own.
  void CountAsUp(ServerId sid) { down_.erase(sid); }

 private:
  std::map<LinkId, Identity> links_;
  std::set<LinkId> unheard_;  // of those that are up
  std::set<ServerId> doubted_;
  std::map<ServerId, DiskId> down_;  // who counts as down, and on which disk
};

}  // namespace zkq::core
