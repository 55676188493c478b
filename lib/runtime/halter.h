// Halter: ends this replica's part in its ensemble for good, and never the process.
#pragma once

#include "absl/status/status.h"
#include "zkq/status.h"

namespace zkq::runtime {

class Halter {
 public:
  virtual ~Halter() = default;
  // On any strand; only the first reason counts. What has failed does nothing more by
  // itself: the others are stopped in their own time.
  virtual void Halt(absl::Status why) = 0;
  // For ZKQ_CHECK (lib/base/checks.h): a part's invariants() is its Halter.
  void Fail(const char* what) { Halt(MakeError(absl::StatusCode::kInternal, what)); }
};

}  // namespace zkq::runtime
