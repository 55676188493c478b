#include "lib/core/admission.h"

#include <utility>

namespace zkq::core {
namespace {

// The last counters of an epoch are never used: 0xFFFFFFFF would wrap, and a
// renewal has begun long before (PROTOCOL §1, roll-over).
constexpr uint32_t kCounterMax = 0xFFFF'FFF0;

}  // namespace

Admission::Verdict Admission::Judge(Submission submission) {
  Verdict verdict{.admitted = {.asker = submission.asker, .origin = submission.origin}};
  std::vector<Call>& admitted = verdict.admitted.calls;
  for (Call& call : submission.calls) {
    if (const auto objection = Objection(call, admitted.size())) {
      verdict.refused[*objection].push_back(call.tag);
      continue;
    }
    bytes_ += CostOf(call);
    admitted.push_back(std::move(call));
  }
  return verdict;
}

std::optional<RejectReason> Admission::Objection(const Call& call, size_t admitted) const {
  if (call.command.size() > options_.command_bytes_max) return RejectReason::kTooLarge;
  // One alone is taken however large it is, or it never would be.
  const bool alone = bytes_ == 0;
  if (!alone && bytes_ + CostOf(call) > options_.outstanding_bytes_max) {
    return RejectReason::kOverload;
  }
  if (counter_ + admitted >= kCounterMax) return RejectReason::kOverload;
  return std::nullopt;
}

void Admission::BeginEpoch(Epoch epoch) {
  ZKQ_CHECK(drained() && epoch > epoch_);
  epoch_ = epoch;
  counter_ = 0;
}

Zxid Admission::Number(const Call& call) {
  ZKQ_CHECK(epoch_ != 0 && counter_ < kCounterMax, Zxid{});
  const Zxid zxid{epoch_, ++counter_};
  outstanding_.push_back({zxid, CostOf(call)});
  return zxid;
}

void Admission::Committed(Zxid through) {
  while (!outstanding_.empty() && outstanding_.front().zxid <= through) {
    GiveBack(outstanding_.front().bytes);
    outstanding_.pop_front();
  }
}

std::vector<Admission::Submission> Admission::Resume() {
  paused_for_.reset();
  return std::exchange(waiting_, {});
}

void Admission::Drop(const LinkId& asker) {
  std::erase_if(waiting_, [&](const Submission& submission) {
    if (submission.asker != asker) return false;
    for (const Call& call : submission.calls) GiveBack(CostOf(call));
    return true;
  });
}

void Admission::DropAll() {
  for (const Submission& submission : std::exchange(waiting_, {})) {
    for (const Call& call : submission.calls) GiveBack(CostOf(call));
  }
}

void Admission::GiveBack(size_t bytes) {
  ZKQ_CHECK(bytes <= bytes_);
  bytes_ -= bytes;
}

}  // namespace zkq::core
