// Reach: how this server stands with one other: linked or not, since when, and why not. Pure.
#pragma once

#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "zkq/quorum_transport.h"

namespace zkq::link {

class Reach {
 public:
  // From now on links with it are wanted.
  void Listed(absl::Duration now) { state_ = {.since = now}; }
  void Up(absl::Duration now) { state_ = {.up = true, .since = now}; }
  // The link that was up is lost.
  void Down(absl::Duration now, absl::Status why, std::optional<absl::Duration> round_trip) {
    state_ = {.since = now, .error = std::move(why), .round_trip = round_trip};
  }
  // Why there is no link, as is known now.
  void Explain(absl::Status why) {
    if (!state_.up) state_.error = std::move(why);
  }
  // While there is no link the error is OK as long as nothing has been tried.
  const LinkState& state() const { return state_; }

 private:
  LinkState state_ = {};  // without the id; and the round trip of a link that is up is the link's
};

}  // namespace zkq::link
