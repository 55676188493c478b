// SimNetwork: QuorumTransports between simulated processes, in virtual time, with
// the promises of zkq/quorum_transport.h and the faults of a real network.
//
// Processes are known by the sid they start with; addresses are not looked at.
// Every call to a receiver is a task of the scheduler. Threads: the scheduler's.
#pragma once

#include <memory>
#include <set>

#include "zkq/quorum_transport.h"
#include "zkq/testing/sim.h"

namespace zkq::testing {
inline namespace v1 {

struct SimNetworkOptions {
  absl::Duration connect_delay = absl::Milliseconds(1);
  absl::Duration redial_delay = absl::Milliseconds(50);
  // Of one message: drawn between the two, without changing the order of a lane.
  absl::Duration delay_min = absl::Microseconds(100);
  absl::Duration delay_max = absl::Microseconds(400);
  // As in GrpcTransportOptions. What is on its way counts as queued.
  size_t outbound_bytes_max = 64 << 20;
  size_t inbound_bytes_max = 16 << 20;
};

class ZKQ_EXPORT SimNetwork {
 public:
  explicit SimNetwork(SimScheduler* scheduler, const SimNetworkOptions& options = {});
  ~SimNetwork();
  SimNetwork(const SimNetwork&) = delete;
  SimNetwork& operator=(const SimNetwork&) = delete;

  // A transport for one process. Start is kUnavailable while a process of the
  // same sid runs.
  std::unique_ptr<QuorumTransport> NewTransport();

  // The process is dead: it hears nothing any more, its peers lose their links
  // and with them what was on its way.
  void Crash(ServerId sid);

  // The link breaks; a new one may be made at once.
  void Disconnect(ServerId a, ServerId b);
  // There is no link between the two until Heal.
  void Cut(ServerId a, ServerId b);
  // No link between these and the others until Heal, or the next Partition.
  void Partition(const std::set<ServerId>& side);
  // What `from` sends to `to` waits on its way until Heal, and nobody is told.
  void Stall(ServerId from, ServerId to);
  // Ends every Cut, Partition and Stall.
  void Heal();

  class Wires;  // what all its transports share

 private:
  const std::shared_ptr<Wires> wires_;
};

}  // namespace v1
}  // namespace zkq::testing
