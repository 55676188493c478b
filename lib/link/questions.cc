#include "lib/link/questions.h"

#include <charconv>
#include <optional>
#include <utility>

#include "absl/strings/cord.h"
#include "lib/base/absl/string_view.h"
#include "lib/base/read_number.h"

namespace zkq {
inline namespace v1 {
namespace {

constexpr char kAnsweredPayload[] = "zkq.v1.AnsweredBy";

}  // namespace

std::optional<ServerId> AnsweredBy(const absl::Status& status) {
  const auto payload = status.GetPayload(kAnsweredPayload);
  uint64_t sid = 0;
  if (!payload || !ReadNumber(std::string(*payload), &sid)) return std::nullopt;
  return ServerId{sid};
}

}  // namespace v1

namespace link {
namespace {

// Its text, cut: a peer says it.
constexpr size_t kAnswerTextMax = 4096;

absl::Status ShutDown() { return absl::UnavailableError("shut down"); }

}  // namespace

absl::Status ToStatus(const AskReply& reply) {
  absl::Status status(reply.code, ToAbsl(reply.text.substr(0, kAnswerTextMax)));
  status.SetPayload(kAnsweredPayload, absl::Cord(ToString(reply.from.id)));
  return status;
}

void Questions::Start(std::shared_ptr<Executor> executor) { executor_ = std::move(executor); }

uint64_t Questions::Begin(absl::Duration timeout, absl::Status late, Answer done) {
  uint64_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!closed_) {
      id = ++last_id_;
      asked_[id].done = std::move(done);
    }
  }
  if (id == 0) {
    executor_->Run([done = std::move(done)]() mutable { std::move(done)(ShutDown()); });
    return 0;
  }
  if (timeout == absl::InfiniteDuration()) return id;
  const uint64_t timer =
      executor_->RunAfter(timeout, [weak = weak_from_this(), id, late = std::move(late)]() mutable {
        if (const auto self = weak.lock()) self->Finish(id, std::move(late));
      });
  const std::lock_guard lock(mutex_);
  const auto asked = asked_.find(id);
  if (asked != asked_.end()) asked->second.timer = timer;
  return id;
}

// Where the gate is closed, Close has ended it.
void Questions::Finish(uint64_t id, absl::StatusOr<std::string> answer) {
  if (!gate_->Enter()) return;
  Asked asked;
  {
    const std::lock_guard lock(mutex_);
    const auto found = asked_.find(id);
    if (found != asked_.end()) {
      asked = std::move(found->second);
      asked_.erase(found);
    }
  }
  if (asked.timer != 0) executor_->Cancel(asked.timer);
  if (asked.done != nullptr) std::move(asked.done)(std::move(answer));
  asked.done = nullptr;
  gate_->Leave();
}

void Questions::FinishSoon(uint64_t id, absl::Status why) {
  executor_->Run([weak = weak_from_this(), id, why = std::move(why)]() mutable {
    if (const auto self = weak.lock()) self->Finish(id, std::move(why));
  });
}

void Questions::Close() {
  std::map<uint64_t, Asked> asked;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    asked.swap(asked_);
  }
  for (auto& [id, each] : asked) {
    if (each.timer != 0) executor_->Cancel(each.timer);
    std::move(each.done)(ShutDown());
  }
}

bool Questions::Enter() {
  const std::lock_guard lock(mutex_);
  if (answering_ == kQuestionsMax) return false;
  ++answering_;
  return true;
}

void Questions::Leave() {
  const std::lock_guard lock(mutex_);
  --answering_;
}

}  // namespace link
}  // namespace zkq
