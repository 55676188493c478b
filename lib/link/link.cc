#include "lib/link/link.h"

#include <algorithm>
#include <string>
#include <utility>

#include "lib/base/absl/string_view.h"

namespace zkq::link {

Link::Link(const LinkBounds& bounds, const LinkPlace& place)
    : bounds_(bounds), place_(place), lanes_(bounds.outbound_bytes_max) {}

bool Link::QueueControl(std::string_view encoded) {
  const Lock lock(mutex_);
  return closing_ || lanes_.AddControl(encoded);
}

void Link::QueueLatest(std::string encoded) {
  const Lock lock(mutex_);
  if (!closing_) lanes_.SetLatest(std::move(encoded));
}

void Link::Flush() {
  Lock lock(mutex_);
  WriteNext(&lock);
}

void Link::Send(const Encoded& message) {
  Lock lock(mutex_);
  if (closing_) return;
  if (lanes_.Add(message)) {
    WriteNext(&lock);
    return;
  }
  lock.unlock();
  const size_t size = message.large.size();
  Break(absl::ResourceExhaustedError(size > kMessageBytesMax
                                         ? ToAbsl("a message of " + std::to_string(size) +
                                                  " bytes is more than a link carries (" +
                                                  std::to_string(kMessageBytesMax) + ")")
                                         : "the peer does not drain its queue"));
}

void Link::Announce(std::string encoded) {
  Lock lock(mutex_);
  if (closing_) return;
  lanes_.SetLatest(std::move(encoded));
  WriteNext(&lock);
}

void Link::Close(absl::Status why) {
  Lock lock(mutex_);
  if (closing_) return;
  // A copy: a status is not shared between threads (see link_table.cc).
  closed_as_ = absl::Status(why.code(), why.message());
  closing_ = std::move(why);
  lanes_.Clear();
  wants_read_ = false;
  const auto transfers = std::exchange(transfers_, {});
  ++calls_;
  Stream* const stuck = writing_ ? stream_ : nullptr;
  lock.unlock();
  if (stuck != nullptr) stuck->AbortSoon();
  for (const auto& weak : transfers) {
    if (const LinkPtr transfer = weak.lock()) {
      transfer->Break(absl::AbortedError("the link is down"));
    }
  }
  lock.lock();
  --calls_;
  CloseIfDue(&lock);
}

// The last thread that leaves the stream closes it.
void Link::CloseIfDue(Lock* lock) {
  if (!closing_ || stream_ == nullptr || calls_ > 0 || writing_) return;
  Stream* const stream = std::exchange(stream_, nullptr);
  const absl::Status why = std::move(*closing_);
  lock->unlock();
  stream->Close(why);
}

void Link::WriteNext(Lock* lock) {
  if (writing_ || refused_at_ || closing_ || stream_ == nullptr) return;
  if (lanes_.empty() && !owes_word_) return;
  owes_word_ = false;
  draining_ = !lanes_.empty();
  Outgoing frame = draining_ ? lanes_.Take() : Outgoing{};
  if (!lanes_.invariants().ok()) return BreakAs(lanes_.invariants(), lock);
  Write(lock, std::move(frame));
}

void Link::Write(Lock* lock, Outgoing frame) {
  const absl::Duration now = place_.clock.Monotonic();
  writing_ = true;
  pulse_.Said(now);
  round_trip_.Writing(now);
  ++place_.counters.frames_written;
  place_.counters.bytes_written += frame.size();
  ++calls_;
  lock->unlock();
  stream_->Write(std::move(frame));
  lock->lock();
  --calls_;
  CloseIfDue(lock);
}

void Link::Watch(absl::Duration limit, absl::Duration interval) {
  const absl::Duration now = place_.clock.Monotonic();
  const Lock lock(mutex_);
  pulse_ = Pulse(now, limit, interval);
  BeatAfter(pulse_.Next(now));
}

absl::Duration Link::talk_interval() {
  const Lock lock(mutex_);
  return pulse_.interval();
}

size_t Link::largest_read() {
  const Lock lock(mutex_);
  return largest_read_;
}

std::optional<absl::Duration> Link::round_trip() {
  const Lock lock(mutex_);
  return round_trip_.took();
}

void Link::SayWord() {
  Lock lock(mutex_);
  owes_word_ = true;
  WriteNext(&lock);
}

void Link::BeatAfter(absl::Duration delay) {
  if (delay == absl::InfiniteDuration()) return;
  place_.executor.RunAfter(delay, [weak = weak_from_this()] {
    if (const LinkPtr link = weak.lock()) link->Beat();
  });
}

void Link::Beat() {
  const absl::Duration now = place_.clock.Monotonic();
  Lock lock(mutex_);
  if (closing_) return AwaitEnd(now, &lock);
  if (refused_at_ && now - *refused_at_ >= pulse_.interval()) {
    lock.unlock();
    return HandleBroken(absl::UnavailableError("the stream takes nothing more"));
  }
  if (wants_read_) pulse_.Heard(now);  // It is this end that does not listen.
  if (pulse_.IsSilent(now)) {
    const std::string limit = absl::FormatDuration(pulse_.limit());
    lock.unlock();
    ++place_.counters.lost_by_silence;
    return HandleSilent(absl::UnavailableError(ToAbsl("silent for " + limit)));
  }
  const bool talk = pulse_.HasToTalk(now);
  if (talk) pulse_.Said(now);  // A frame that is still being written says something, too.
  BeatAfter(pulse_.Next(now));
  if (!talk || writing_ || stream_ == nullptr) return;
  owes_word_ = true;
  WriteNext(&lock);
}

void Link::AwaitEnd(absl::Duration now, Lock* lock) {
  if (stream_ == nullptr) return;  // It is closed.
  if (!pulse_.IsSilent(now)) return BeatAfter(pulse_.limit());
  lock->unlock();
  HandleBroken(absl::UnavailableError("the stream has been ended, and its end does not come"));
}

void Link::ReadNext(Lock* lock) {
  if (!wants_read_ || closing_ || stream_ == nullptr || held_ > bounds_.inbound_bytes_max) return;
  wants_read_ = false;
  if (refused_at_) refused_at_ = place_.clock.Monotonic();
  ++calls_;
  lock->unlock();
  stream_->Read();
  lock->lock();
  --calls_;
  CloseIfDue(lock);
}

void Link::FrameDone() {
  Lock lock(mutex_);
  if (closing_) return;
  wants_read_ = true;
  ReadNext(&lock);
}

Hold Link::MakeHold(size_t bytes) {
  {
    const Lock lock(mutex_);
    held_ += bytes;
  }
  return Hold(this, [self = shared_from_this(), bytes](void*) { self->Release(bytes); });
}

// Cannot fail as long as MakeHold alone counts.
void Link::Unhold(size_t bytes) {
  ZKQ_CHECK(bytes <= held_);
  held_ -= bytes;
}

void Link::Release(size_t bytes) {
  Lock lock(mutex_);
  Unhold(bytes);
  if (!invariants_.ok()) return BreakAs(invariants_, &lock);
  if (wants_read_) pulse_.Heard(place_.clock.Monotonic());  // From now on it can be silent.
  ReadNext(&lock);
}

void Link::BreakAs(const Invariants& violated, Lock* lock) {
  const absl::Status why = absl::InternalError(violated.what());
  lock->unlock();
  Break(why);
  lock->lock();
}

bool Link::AddTransfer(std::weak_ptr<Link> transfer) {
  const Lock lock(mutex_);
  if (closing_) return false;
  std::erase_if(transfers_, [](const auto& weak) { return weak.expired(); });
  transfers_.push_back(std::move(transfer));
  return true;
}

void Link::Attach(Stream* stream) {
  Lock lock(mutex_);
  stream_ = stream;
  if (closing_) {
    CloseIfDue(&lock);
    return;
  }
  ++calls_;
  WriteNext(&lock);
  wants_read_ = true;
  ReadNext(&lock);
  --calls_;
  CloseIfDue(&lock);
}

void Link::OnRead(Payload frame) {
  const absl::Duration now = place_.clock.Monotonic();
  ++place_.counters.frames_read;
  place_.counters.bytes_read += frame.size();
  {
    const Lock lock(mutex_);
    round_trip_.Read(now);
    pulse_.Heard(now);
    largest_read_ = std::max(largest_read_, frame.size());
  }
  HandleFrame(std::move(frame));
}

void Link::OnReadFailed(std::optional<absl::Status> why) {
  if (why) {
    Break(*std::move(why));
  } else {
    Close(absl::OkStatus());
  }
}

void Link::OnWritten(bool ok) {
  Lock lock(mutex_);
  writing_ = false;
  const absl::Duration now = place_.clock.Monotonic();
  round_trip_.Written(now);
  const bool drained = std::exchange(draining_, false) && lanes_.empty() && !owes_word_;
  if (!ok) refused_at_ = now;
  if (closing_) return CloseIfDue(&lock);
  if (!drained) return WriteNext(&lock);
  lock.unlock();
  if (ok) HandleDrained();
}

void Link::OnEnded(absl::Status status) {
  {
    const Lock lock(mutex_);
    if (!closed_as_.ok()) status = std::move(closed_as_);
  }
  HandleEnded(std::move(status));
}

}  // namespace zkq::link
