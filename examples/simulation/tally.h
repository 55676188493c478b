// A sum that everybody adds to: the state machine that is put to the test.
#pragma once

#include <string>

#include "zkq/zkq.h"

class Tally : public zkq::StateMachine {
 public:
  absl::StatusOr<std::string> Apply(const zkq::Transaction& txn) override {
    sum_ += std::stoll(std::string(txn.command));
    return std::to_string(sum_);
  }
  absl::StatusOr<std::string> Query(std::string_view) override { return std::to_string(sum_); }
  absl::StatusOr<zkq::SnapshotJob> Snapshot() override {
    return [sum = sum_](zkq::SnapshotWriter& out) { return out.WriteRecord(std::to_string(sum)); };
  }
  absl::Status Restore(zkq::SnapshotReader& in) override {
    std::string record;
    const absl::StatusOr<bool> there = in.ReadRecord(&record);
    if (!there.ok()) return there.status();
    sum_ = std::stoll(record);
    return absl::OkStatus();
  }

 private:
  long long sum_ = 0;
};
