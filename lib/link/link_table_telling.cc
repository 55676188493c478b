// What the link table tells: how it stands with each server.
#include <string>
#include <utility>

#include "lib/base/absl/string_view.h"
#include "lib/link/link_table.h"

namespace zkq::link {

std::vector<LinkState> LinkTable::links() {
  std::vector<LinkState> all;
  const std::lock_guard lock(mutex_);
  for (const auto& [sid, peer] : peers_) {
    if (sid == self_.sid || (!peer.member && peer.live == nullptr)) continue;
    const LinkState& known = peer.reach.state();
    const bool untried = !known.up && known.error.ok();
    // A copy: a status is not shared between threads (see link_table.cc).
    const absl::Status error(known.error.code(), known.error.message());
    all.push_back({.id = sid,
                   .up = known.up,
                   .since = known.since,
                   .error = untried ? NotTried(sid) : error,
                   .round_trip = peer.live ? peer.live->round_trip() : known.round_trip});
  }
  return all;
}

absl::Status LinkTable::NotTried(ServerId sid) const {
  if (Dials(self_.sid, sid)) return absl::UnavailableError("not dialled yet");
  return absl::UnavailableError(
      ToAbsl("not dialled from here: server " + ToString(sid) + " dials, and has not been heard"));
}

absl::Status LinkTable::NotDialledBack(ServerId sid, const Peer& peer,
                                       const absl::Status& knock) const {
  if (absl::IsDeadlineExceeded(knock) && !RefusedIn(knock)) return NoAnswer(peer);
  if (!knock.ok()) return Explained(knock, self_.sid);
  // It dials the address that it has for this server, which should be the one that is listed here.
  const auto us = peers_.find(self_.sid);
  const std::string address = us == peers_.end() ? "" : us->second.addresses.present();
  return absl::UnavailableError(
      ToAbsl("not dialled from here: server " + ToString(sid) + " was asked to dial " +
             (address.empty() ? "this server" : address) + ", and has not reached it"));
}

absl::Status LinkTable::NoAnswer(const Peer& peer) const {
  return absl::DeadlineExceededError("no answer from " + peer.addresses.present() + " within " +
                                     absl::FormatDuration(AttemptLimit(self_)));
}

}  // namespace zkq::link
