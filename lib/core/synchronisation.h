// Synchronisation: how a learner was brought to its leader's history, as its log tells it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/texts.h"
#include "zkq/election.h"
#include "zkq/message.h"

namespace zkq::core {

class Synchronisation {
 public:
  explicit Synchronisation(Time began = {}) : began_(began) {}

  // What the leader has ordered: "diff", "trunc after 1:7", "snap at 1:9".
  void Add(const std::string& plan) { plan_ += (plan_.empty() ? "" : ", ") + plan; }
  // What it has sent for that.
  void Add(const std::vector<Txn>& txns) {
    txns_ += txns.size();
    for (const Txn& txn : txns) bytes_ += txn.encoded.size();
  }
  std::string Text(Time now) const {
    return plan_ + ", " + std::to_string(txns_) + " transactions (" + BytesText(bytes_) + ") in " +
           TimeText(now - began_);
  }

 private:
  Time began_;
  std::string plan_ = {};
  uint64_t txns_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace zkq::core
