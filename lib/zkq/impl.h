// What a Replica holds.
#pragma once

#include <memory>

#include "lib/runtime/node.h"
#include "zkq/replica.h"

namespace zkq {
inline namespace v1 {

class Replica::Impl {
 public:
  explicit Impl(std::shared_ptr<runtime::Node> given) : node(std::move(given)) {}
  const std::shared_ptr<runtime::Node> node;
};

}  // namespace v1
}  // namespace zkq
