#include "lib/testing/cluster/excuses.h"

#include <algorithm>

namespace zkq::testing {
namespace {

constexpr absl::Duration kExcuseLasts = absl::Seconds(2);

}  // namespace

void Excuses::Excuse(std::string_view why) {
  shared_.observer->OnExcused(sid_, why);
  const uint64_t excuse = ++excuses_;
  EndExcuse(excuse, std::max(shared_.scheduler->now(), blocked_until_) + kExcuseLasts);
}

void Excuses::EndExcuse(uint64_t excuse, absl::Duration when) {
  shared_.scheduler->After(when - shared_.scheduler->now(), [this, excuse] {
    if (excuse != excuses_ || asks_.disk_full()) return;  // another one holds, or this one still
    const absl::Duration held = held_up_until();
    const absl::Duration now = shared_.scheduler->now();
    if (held + kExcuseLasts > now) return EndExcuse(excuse, held + kExcuseLasts);
    if (asks_.up() && !asks_.paused()) shared_.observer->OnExcuseEnds(sid_);
  });
}

void Excuses::HeldUp(absl::Duration until) { held_up_until_ = std::max(held_up_until_, until); }

void Excuses::Block(absl::Duration duration) {
  if (duration <= absl::ZeroDuration()) return;
  shared_.scheduler->Charge(duration);
  blocked_until_ = std::max(blocked_until_, shared_.scheduler->now());
}

void Excuses::KeepFromApplying(absl::Duration duration) {
  if (duration <= absl::ZeroDuration()) return;
  Block(duration);
  kept_from_applying_until_ = std::max(kept_from_applying_until_, shared_.scheduler->now());
}

absl::Duration Excuses::held_up_until() const {
  // After a leap of its clock everything is late at once.
  return asks_.paused() ? shared_.scheduler->now() : std::max(held_up_until_, clock_->set_at());
}

}  // namespace zkq::testing
