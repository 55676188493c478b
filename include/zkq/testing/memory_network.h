// MemoryNetwork: QuorumTransports between replicas of one process, on real threads and in real
// time: the links of every zkq (lib/link) over streams in memory, without a socket or a port.
//
// Addresses are not looked at: a process is known by the sid it starts with. For delays and
// silence, and for runs that can be repeated, see zkq/testing/sim_network.h. Thread-safe.
// All questions (QuorumTransport::Ask) are local.
#pragma once

#include <cstddef>
#include <memory>
#include <set>

#include "zkq/log.h"
#include "zkq/quorum_transport.h"

namespace zkq::testing {
inline namespace v1 {

struct MemoryNetworkOptions {
  // As in GrpcTransportOptions.
  size_t outbound_bytes_max = 64 << 20;
  size_t inbound_bytes_max = 16 << 20;
};

class ZKQ_EXPORT MemoryNetwork {
 public:
  explicit MemoryNetwork(const MemoryNetworkOptions& options = {});
  ~MemoryNetwork();  // the transports may outlive it
  MemoryNetwork(const MemoryNetwork&) = delete;
  MemoryNetwork& operator=(const MemoryNetwork&) = delete;

  // A transport for one process. Start is kUnavailable while another of the same sid runs.
  // `log_sink` is told of links and refusals, as ReplicaOptions::log_sink; null: silent.
  std::unique_ptr<QuorumTransport> NewTransport(std::shared_ptr<LogSink> log_sink = nullptr);

  // The process of `sid` has no network any more: both ends of its connections are told. Another
  // one may start in its place.
  void Crash(ServerId sid);
  // Connections between these and the others break, and none is made until the next Partition;
  // an empty `side` ends it.
  void Partition(const std::set<ServerId>& side);

  class Wires;  // what all its transports share

 private:
  const std::shared_ptr<Wires> wires_;
};

}  // namespace v1
}  // namespace zkq::testing
