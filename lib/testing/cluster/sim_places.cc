#include "lib/testing/cluster/sim_places.h"

#include <algorithm>

namespace zkq::testing {

void SimPlaces::Add(SimServer::Impl* server) {
  const ServerId place = server->sid;
  all_.insert(std::upper_bound(all_.begin(), all_.end(), place), place);
  servers_.emplace(place, server);
}

Statuses SimPlaces::StatusesOfAll() const {
  Statuses statuses;
  for (const auto& [place, server] : servers_) {
    if (server->process.up()) statuses[place] = server->process.replica().Status();
  }
  return statuses;
}

absl::Duration SimPlaces::Patience() const {
  absl::Duration longest = absl::ZeroDuration();
  for (const auto& [place, server] : servers_) {
    longest = std::max(longest, server->process.limits().patience);
  }
  return longest;
}

std::string SimPlaces::Describe() const {
  std::string text;
  for (const auto& [place, server] : servers_) {
    text += "server " + ToString(place) + ": ";
    if (!server->process.up()) {
      text += "down\n";
      continue;
    }
    const ReplicaStatus s = server->process.replica().Status();
    text += std::string(ToString(s.state)) + ", " + std::string(ToString(s.phase)) + ", leader " +
            (s.leader ? ToString(*s.leader) : "none") + ", epoch " + std::to_string(s.epoch) +
            ", logged " + ToString(s.last_logged) + ", committed " + ToString(s.last_committed) +
            ", applied " + ToString(s.last_applied) + ", " + std::string(ToString(s.standing)) +
            ", " + s.health.ToString() + "\n";
  }
  return text;
}

}  // namespace zkq::testing
