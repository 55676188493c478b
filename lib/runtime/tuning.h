// Tuning: bounds of the protocol that no user sets. As shipped they are far away; the
// simulator brings them near, so that a minute of it reaches what happens at them.
#pragma once

#include <atomic>
#include <memory>

#include "lib/core/peer.h"
#include "lib/storage/log.h"

namespace zkq::runtime {

struct Tuning {
  size_t outstanding_bytes_max = core::PeerOptions().outstanding_bytes_max;
  size_t credit_bytes = core::PeerOptions().credit_bytes;
  size_t request_credit_bytes = core::PeerOptions().request_credit_bytes;
  uint64_t diff_txns_max = core::PeerOptions().diff_txns_max;
  uint32_t rollover_counter = core::PeerOptions().rollover_counter;
  uint64_t features = core::PeerOptions().features;
  size_t log_batch_bytes_max = storage::LogOptions().batch_bytes_max;
  // None: never. True: the process is as good as killed, so what fails in it from here on halts
  // nobody, and nobody is told.
  std::shared_ptr<const std::atomic<bool>> killed = nullptr;
};

}  // namespace zkq::runtime
