// Reach: how this server stands with one other: linked or not, since when, and why not. Pure.
#pragma once

#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "zkq/quorum_transport.h"

namespace zkq::link {

// How long people are spared a server that is not reached: servers start, and start again, one
// after the other.
struct Patience {
  absl::Duration after_failures = absl::InfiniteDuration();  // where two attempts have failed
  absl::Duration without = absl::InfiniteDuration();
};

class Reach {
 public:
  // From now on links with it are wanted.
  void Listed(absl::Duration now) { Begin({.since = now}); }
  void Up(absl::Duration now) {
    lacked_ = now - state_.since;
    Begin({.up = true, .since = now});
  }
  // The link that was up is lost.
  void Down(absl::Duration now, absl::Status why, std::optional<absl::Duration> round_trip) {
    Begin({.since = now, .error = std::move(why), .round_trip = round_trip});
  }
  // Why there is no link, as is known now.
  void Explain(absl::Status why) {
    if (!state_.up) state_.error = std::move(why);
    refused_ = false;
  }
  // The same, of an attempt that has not reached it.
  void Failed(absl::Status why) {
    Explain(std::move(why));
    ++failures_;
  }
  // The same, where one of the two refuses the other.
  void Refused(absl::Status why) {
    Explain(std::move(why));
    refused_ = true;
  }

  // While there is no link the error is OK as long as nothing has been tried.
  const LinkState& state() const { return state_; }
  // It is not reached, and people should see to it.
  bool unreachable(absl::Duration now, const Patience& patience) const {
    const absl::Duration limit = failures_ < 2 ? patience.without : patience.after_failures;
    return !state_.up && !refused_ && now - state_.since >= limit;
  }
  // How long there was no link before the one that is up.
  absl::Duration lacked() const { return lacked_; }

 private:
  void Begin(LinkState state) {
    state_ = std::move(state);
    failures_ = 0;
    refused_ = false;
  }

  LinkState state_ = {};  // without the id; and the round trip of a link that is up is the link's
  int failures_ = 0;      // since then
  bool refused_ = false;
  absl::Duration lacked_ = absl::ZeroDuration();
};

}  // namespace zkq::link
