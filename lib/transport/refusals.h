// Refusals: what an operator should know about peers that are refused, or that
// refuse us, without a line for every attempt.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "absl/status/status.h"
#include "zkq/env.h"

namespace zkq::transport {

// Thread-safe.
class Refusals {
 public:
  explicit Refusals(std::shared_ptr<LogSink> sink) : sink_(std::move(sink)) {}

  // One line a minute for each peer and kind of refusal. `peer` is kNoServer
  // for all that are not members, so that strangers cannot fill the map.
  void Log(ServerId self, ServerId peer, const absl::Status& why);

 private:
  using Clock = std::chrono::steady_clock;
  const std::shared_ptr<LogSink> sink_;
  std::mutex mutex_;
  std::map<std::pair<ServerId, absl::StatusCode>, Clock::time_point> last_;
};

}  // namespace zkq::transport
