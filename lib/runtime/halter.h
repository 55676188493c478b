// Halter: ends this replica's part in its ensemble for good, and never the process.
#pragma once

#include "absl/status/status.h"
#include "zkq/status.h"

namespace zkq::runtime {

class Halter {
 public:
  virtual ~Halter() = default;
  // Called on any thread; only the first reason counts. Who calls it ends its own work; the
  // other parts are told to.
  virtual void Halt(absl::Status why) = 0;
  // For ZKQ_CHECK (lib/base/checks.h): a part's invariants() is its Halter.
  void Fail(const char* what) { Halt(MakeError(absl::StatusCode::kInternal, what)); }
};

}  // namespace zkq::runtime
