// The inside of SimNetwork: the processes on it, the connections between them, and what a
// test does to both. Everything happens in tasks of the scheduler, so a receiver may call
// back into its transport without meeting itself.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "lib/link/dialler.h"
#include "lib/testing/world/sim_connection.h"
#include "lib/testing/world/sim_paths.h"
#include "lib/testing/world/sim_tap.h"
#include "zkq/testing/sim_network.h"

namespace zkq::testing {
inline namespace v1 {

class SimNetwork::Wires : public std::enable_shared_from_this<Wires> {
 public:
  Wires(SimScheduler* scheduler, const SimNetworkOptions& options);
  ~Wires();

  const SimNetworkOptions& options() const { return options_; }
  const std::shared_ptr<SimTap>& tap() { return tap_; }
  SimPaths& paths() { return paths_; }

  // --- what transports ask for ------------------------------------------------
  absl::Status Start(const SimProcessPtr& process);
  // The process is gone, of its own will or not.
  void Stop(const SimProcessPtr& process);
  void Dial(const SimProcessPtr& from, ServerId to, SimConnection::For use, link::LinkPtr link);
  void Knock(const SimProcessPtr& from, const Identity& self, ServerId sid,
             link::Dialler::KnockDone done);
  // Lost in any part of it, it gets no answer.
  void Ask(const SimProcessPtr& from, ServerId sid, link::AskRequest request,
           absl::Duration timeout, link::AskDone done);

  // --- what tests do to them --------------------------------------------------
  SimProcessPtr Find(ServerId place) const;  // null: none runs there
  void PointName(ServerId sid, ServerId place);
  void OnKilled(std::function<void(ServerId)> owner) { on_killed_ = std::move(owner); }
  uint64_t changes() const { return changes_; }
  bool Disconnect(ServerId a, ServerId b);
  bool HalfOpen(ServerId told, ServerId other);
  void BreakRefused();
  void Move(ServerId sid);
  void HealProcesses();  // all read and answer
  // What waited for something that may be over now goes on.
  void KickAll();

 private:
  // A knock on its way; answered once.
  struct Knocking {
    SimProcessPtr from;
    ServerId sid;  // that is knocked at
    ServerId to;   // the place of it
    Identity self = {};
    link::Dialler::KnockDone done = nullptr;
  };
  template <typename Task>
  void Later(absl::Duration delay, Task task);
  void AnswerKnock(const std::shared_ptr<Knocking>& knocking);
  void TellKnock(const std::shared_ptr<Knocking>& knocking, absl::Status status);

  ServerId PlaceOf(ServerId sid) const;  // that its name points at

  void AnswerAsk(const SimProcessPtr& from, ServerId to, link::AskRequest request,
                 absl::Duration timeout, link::AskDone done);

  SimScheduler& scheduler_;
  const SimNetworkOptions options_;
  SimPaths paths_;
  const std::shared_ptr<SimTap> tap_;
  SimConnection::World world_;
  std::map<ServerId, SimProcessPtr> processes_;              // those that run, by place
  std::map<ServerId, ServerId> names_;                       // that point at another place
  std::vector<std::shared_ptr<SimConnection>> connections_;  // the oldest first
  std::function<void(ServerId)> on_killed_;
  uint64_t changes_ = 0;
};

}  // namespace v1
}  // namespace zkq::testing
