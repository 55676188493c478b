// SimPlaces: the servers of a cluster, each at its place. An id has one, and its twin another.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lib/testing/checks/liveness.h"
#include "lib/testing/cluster/sim_server.h"

namespace zkq::testing {

class SimPlaces {
 public:
  // None of them is asked for any more once one is gone.
  void Add(SimServer::Impl* server);

  const std::vector<ServerId>& all() const { return all_; }
  // To look through where more may be added meanwhile.
  const std::map<ServerId, SimServer::Impl*>& servers() const { return servers_; }
  SimServer::Impl& at(ServerId place) const { return *servers_.at(place); }
  // Two machines run under its id.
  bool HasTwin(ServerId place) const { return servers_.contains(TwinOf(SeatOf(place))); }

  // Of the servers that are up.
  Statuses StatusesOfAll() const;
  // Of the most patient one: for how long it bears silence.
  absl::Duration Patience() const;
  std::string Describe() const;

 private:
  std::vector<ServerId> all_;
  std::map<ServerId, SimServer::Impl*> servers_;
};

}  // namespace zkq::testing
