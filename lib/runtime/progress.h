// Progress: what takes long says in the log, every 5 s, how far it has come.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "lib/runtime/voice.h"

namespace zkq::runtime {

class Progress {
 public:
  static constexpr absl::Duration kInterval = absl::Seconds(5);
  using AmountText = std::string (*)(uint64_t);

  Progress(const Voice* voice, Clock* clock, Line line, AmountText text)
      : voice_(*voice), clock_(*clock), line_(line), text_(text) {}

  // `done` of `total` is done. The first call begins.
  void At(uint64_t done, uint64_t total);
  // "480 MiB in 52 s", the time from the first call on.
  std::string Summary(uint64_t total) const;

 private:
  const Voice& voice_;
  Clock& clock_;
  const Line line_;
  const AmountText text_;
  std::optional<absl::Duration> began_ = {};
  absl::Duration told_ = absl::ZeroDuration();
  uint64_t first_ = 0;
};

// "12 transactions".
std::string TransactionsText(uint64_t count);

}  // namespace zkq::runtime
