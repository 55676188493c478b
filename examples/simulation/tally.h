// How often was it called? The state machine that is put to the test.
#pragma once

#include <cstdlib>
#include <memory>
#include <string>

#include "zkq/zkq.h"

class Tally : public zkq::StateMachine {
 public:
  absl::StatusOr<std::string> Apply(const zkq::Transaction&) override {
    return std::to_string(++count_);
  }
  absl::StatusOr<std::string> Query(std::string_view) override { return std::to_string(count_); }
  absl::StatusOr<zkq::SnapshotJob> Snapshot() override {
    return [count = count_](zkq::SnapshotWriter& out) {
      return out.WriteRecord(std::to_string(count));
    };
  }
  absl::Status Restore(zkq::SnapshotReader& in) override {
    count_ = 0;
    for (std::string record;;) {
      const absl::StatusOr<bool> more = in.ReadRecord(&record);
      if (!more.ok() || !*more) return more.status();
      count_ = std::strtoll(record.c_str(), nullptr, 10);
    }
  }

 private:
  long long count_ = 0;
};
