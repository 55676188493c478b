// A change of the configuration as people ask for it, and what it makes of a membership. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "zkq/types.h"

namespace ctl {

// Everything that one command changes, all at once. Carried out in this order.
struct Change {
  struct Replacement {
    zkq::ServerId old{};
    zkq::Member by = {};  // of an address alone: all else as `old` has it
  };
  std::vector<zkq::ServerId> remove = {};
  std::optional<Replacement> replace = {};
  std::vector<zkq::Member> add = {};
  std::vector<zkq::Member> set = {};          // listed ones: all but their disks
  std::vector<zkq::Member> move = {};         // listed ones: their addresses alone
  std::vector<zkq::ServerId> promote = {};    // observers
  std::vector<zkq::ServerId> demote = {};     // voters
  std::vector<zkq::ServerId> take_disk = {};  // voters: another disk than the listed one
  // The version that it has to be made from; none: whatever it is.
  std::optional<zkq::Zxid> from = {};
};

// `now` with `change`. What is so already stays as it is, so a change may be repeated; with a
// `take_disk` the disk that the server has at present is named, whichever it is.
// kFailedPrecondition names the server that is not what the change takes it for, and says which
// change is meant perhaps.
absl::StatusOr<zkq::Membership> Edit(const zkq::Membership& now, const Change& change);

}  // namespace ctl
