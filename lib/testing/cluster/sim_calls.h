// SimCalls: the calls that are made through a SimCluster. Each is told to observers, completed
// exactly once, and held against the time it was given.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "lib/testing/cluster/shared.h"
#include "lib/testing/cluster/sim_server.h"

namespace zkq::testing {

class SimCalls {
 public:
  using Done = SimServer::Done;
  // `report` takes a violation.
  SimCalls(const Shared* shared, std::function<void(std::string property, std::string what)> report)
      : shared_(*shared), report_(std::move(report)) {}

  void Propose(SimServer::Impl* server, std::string command, absl::Duration timeout, Done done);
  void Read(SimServer::Impl* server, std::string request, absl::Duration timeout, Done done);
  void Reconfigure(SimServer::Impl* server, Membership next, absl::Duration timeout,
                   SimServer::Changed done);
  uint64_t open_changes() const { return open_changes_; }
  // Ends those that were refused and have not been told so yet. More may come of it.
  void TellRefused();

 private:
  Done Watched(uint64_t call, const SimServer::Impl* server, absl::Duration timeout, Done done);
  void CheckDeadline(const std::string& what, const SimServer::Impl* server, absl::Duration timeout,
                     absl::Duration asked, absl::Duration asked_there) const;
  void Refuse(uint64_t call, ServerId sid, Done done);
  void Tell(uint64_t call);

  const Shared& shared_;
  const std::function<void(std::string property, std::string what)> report_;
  uint64_t calls_ = 0;
  uint64_t open_changes_ = 0;
  std::map<uint64_t, absl::AnyInvocable<void() &&>> refused_;  // by call, and not told yet
};

}  // namespace zkq::testing
