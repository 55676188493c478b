// The one template that the files of InvariantChecker share.
#pragma once

#include "lib/testing/checks/invariants.h"

namespace zkq::testing {

template <typename Has>
bool InvariantChecker::IsQuorum(Has has) const {
  size_t count = 0;
  for (const auto& [sid, server] : servers_) count += has(sid, server);
  return count > voters_.size() / 2;
}

}  // namespace zkq::testing
