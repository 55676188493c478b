#include "lib/runtime/progress.h"

#include <algorithm>

#include "lib/base/texts.h"

namespace zkq::runtime {

void Progress::At(uint64_t done, uint64_t total) {
  const absl::Duration now = clock_.Monotonic();
  if (!began_) {
    began_ = told_ = now;
    first_ = done;
  }
  if (now - told_ < kInterval) return;
  told_ = now;
  const auto each_second =
      static_cast<double>(done - first_) / absl::ToDoubleSeconds(now - *began_);
  std::string left;
  if (each_second > 0 && total > done) {
    const absl::Duration time = absl::Seconds(static_cast<double>(total - done) / each_second);
    left = ", " + TimeText(absl::ToChronoMicroseconds(time)) + " left";
  }
  voice_.Say(line_, text_(done), " of ", text_(total), ", ",
             text_(static_cast<uint64_t>(each_second)), " a second", left);
}

std::string Progress::Summary(uint64_t total) const {
  const absl::Duration took = began_ ? clock_.Monotonic() - *began_ : absl::ZeroDuration();
  return text_(total) + " in " + TimeText(absl::ToChronoMicroseconds(took));
}

std::string TransactionsText(uint64_t count) { return std::to_string(count) + " transactions"; }

}  // namespace zkq::runtime
