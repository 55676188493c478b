// Seats: what the list of members (QuorumTransport::SetMembers) says of each server. Pure.
//
// The list holds the members of every configuration that counts, the newest one's last, before
// them those of one that is only told of, and addresses to spare. So a server may stand there
// several times: as a voter with one disk and with another, or as a voter and as an observer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "zkq/types.h"

namespace zkq::link {

// What a server is by the list.
enum class Role : uint8_t {
  kVoter,     // of at least one configuration, with its disk
  kObserver,  // listed, whatever its disk
  kUnlisted,  // not there, or with other disks than its own
};

// What the list says of one id.
struct Seat {
  bool voter = false;
  bool observer = false;
  // Those of the voter, in the order of the list; none: not known, so that any is the voter's.
  std::vector<DiskId> disks = {};

  bool listed() const { return voter || observer; }
  Role RoleOf(const DiskId& disk) const;
  // Of two disks the one that ranks higher has the id (PROTOCOL §5.3 D5): the newest
  // configuration's, then an older one's. 0: it is no voter's.
  size_t Rank(const DiskId& disk) const;
  // Who is linked with this disk is still to be linked with the voter's.
  bool WantsAnother(const DiskId& disk) const { return voter && !disks.empty() && Rank(disk) == 0; }
  friend bool operator==(const Seat&, const Seat&) = default;
};

struct SeatAndAddresses {
  Seat seat = {};
  std::vector<std::string> addresses = {};  // without empty ones
};

// Takes any list. Where no entry of a server names a disk (before founding, or an observer)
// the first one says whether it votes: others are addresses to spare, which say nothing of that.
std::map<ServerId, SeatAndAddresses> ReadSeats(absl::Span<const Member> members);

}  // namespace zkq::link
