// The servers that zkqctl asks, by the addresses of their peer ports: over the network, or, in a
// test, made up.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "zkq/replica_status.h"
#include "zkq/types.h"

namespace ctl {

// Thread-safe.
class Servers {
 public:
  virtual ~Servers() = default;

  // As zkq::Outside (zkq/admin.h).
  virtual absl::StatusOr<zkq::ReplicaStatus> StatusOf(std::string_view address,
                                                      absl::Duration timeout) = 0;
  virtual absl::StatusOr<zkq::Membership> Reconfigure(std::string_view address,
                                                      zkq::Membership next,
                                                      absl::Duration timeout) = 0;

  virtual absl::Time Now() = 0;
  virtual void Sleep(absl::Duration duration) = 0;
};

}  // namespace ctl
