// What every QuorumTransport must do, as test cases (transport_contract.cc). A
// test binary links them with its own NewWorld, which makes the transports.
#pragma once

#include <memory>
#include <vector>

#include "zkq/quorum_transport.h"

namespace zkq::testing {

struct WorldOptions {
  size_t outbound_bytes_max = 64 << 20;
  size_t inbound_bytes_max = 16 << 20;
};

// Where the transports under test live.
class World {
 public:
  virtual ~World() = default;

  // A transport for a process of `sid`, not started. One may follow another of
  // the same sid, at the same address, once that one is shut down.
  virtual std::unique_ptr<QuorumTransport> NewTransport(ServerId sid) = 0;
  // These servers with their addresses.
  virtual std::vector<Member> Members(const std::vector<ServerId>& sids) = 0;
  // Lets the transports work until condition() holds, and returns it. Gives up
  // after a time that no sound transport needs.
  virtual bool RunUntil(absl::FunctionRef<bool()> condition) = 0;
  // Lets the transports work for a while, for what must not happen to show.
  virtual void Settle() = 0;
  // A receiver was called, on whatever thread: conditions may have changed.
  virtual void Wake() {}
};

// Given by each test binary.
std::unique_ptr<World> NewWorld(const WorldOptions& options);

}  // namespace zkq::testing
