// RoundTrip: how long the other end took to answer the first frame of a stream. Pure.
#pragma once

#include <optional>
#include <utility>

#include "absl/time/time.h"

namespace zkq::link {

class RoundTrip {
 public:
  // The stream is given a frame, has written one, has read one.
  void Writing(absl::Duration now) {
    if (!begin_) begin_ = now;
  }
  void Written(absl::Duration now) {
    // Until then a dialled stream has been connecting.
    if (begin_ && !std::exchange(written_, true)) begin_ = now;
  }
  void Read(absl::Duration now) {
    if (begin_ && !took_) took_ = now - *begin_;
  }
  // None: it is not answered yet. Where the answer overtakes the news that the first frame is
  // written, the time to connect is in it.
  std::optional<absl::Duration> took() const { return took_; }

 private:
  std::optional<absl::Duration> begin_ = {};
  std::optional<absl::Duration> took_ = {};
  bool written_ = false;
};

}  // namespace zkq::link
