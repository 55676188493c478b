// Outside (zkq/admin.h): a transport that asks only, and those who wait for its answers.
#include <algorithm>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/env/system_env.h"
#include "lib/zkq/transport.h"
#include "zkq/admin.h"
#include "zkq/options.h"
#include "zkq/status.h"

namespace zkq {
namespace {

// Answers to one or more questions, each at its place. Shared with those who give them.
template <typename T>
class Answers {
 public:
  explicit Answers(size_t wanted) : all_(wanted) {}

  void Set(size_t place, absl::StatusOr<T> answer) {
    const std::lock_guard lock(mutex_);
    all_[place] = std::move(answer);
    changed_.notify_all();
  }
  // Of the first that is OK; else, once all are there, the first in order.
  absl::StatusOr<T> Take() {
    std::unique_lock lock(mutex_);
    for (;;) {
      const auto good = std::find_if(all_.begin(), all_.end(),
                                     [](const auto& answer) { return answer && answer->ok(); });
      if (good != all_.end()) return **std::move(good);
      const bool over = std::all_of(all_.begin(), all_.end(),
                                    [](const auto& answer) { return answer.has_value(); });
      if (over) return std::move(*all_.front());
      changed_.wait(lock);
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::optional<absl::StatusOr<T>>> all_;
};

}  // namespace

inline namespace v1 {

class Outside::Impl {
 public:
  explicit Impl(std::unique_ptr<QuorumTransport> given) : transport(std::move(given)) {}
  ~Impl() { transport->Shutdown(); }

  // By which the transport knows the address: who is there is not looked at.
  ServerId IdOf(std::string_view address) {
    const std::lock_guard lock(mutex_);
    const auto known = std::find_if(places_.begin(), places_.end(),
                                    [&](const Member& place) { return place.address == address; });
    if (known != places_.end()) return known->id;
    places_.push_back({.id = ServerId{places_.size() + 1}, .address = std::string(address)});
    transport->SetMembers(places_);
    return places_.back().id;
  }

  const std::unique_ptr<QuorumTransport> transport;

 private:
  std::mutex mutex_;
  std::vector<Member> places_;
};

Outside::Outside(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Outside::~Outside() = default;

absl::StatusOr<std::unique_ptr<Outside>> Outside::Start(
    Env env, std::unique_ptr<QuorumTransport> transport) {
  FillEnv(&env);
  if (env.executor == nullptr || env.blocking_executor == nullptr) {
    return MakeError(absl::StatusCode::kResourceExhausted,
                     "env: no thread can be started for its executors");
  }
  if (transport == nullptr) transport = NewShippedTransport(ReplicaOptions());
  if (transport == nullptr) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     "transport: none is given, and this build has none of its own");
  }
  if (absl::Status s = transport->Start(env, Identity(), nullptr); !s.ok()) return s;
  return std::unique_ptr<Outside>(new Outside(std::make_unique<Impl>(std::move(transport))));
}

absl::StatusOr<ReplicaStatus> Outside::StatusOf(std::string_view address, absl::Duration timeout) {
  return StatusOfAny({std::string(address)}, timeout);
}

absl::StatusOr<ReplicaStatus> Outside::StatusOfAny(const std::vector<std::string>& addresses,
                                                   absl::Duration timeout) {
  if (addresses.empty()) {
    return MakeError(absl::StatusCode::kInvalidArgument, "no address is given");
  }
  const auto answers = std::make_shared<Answers<ReplicaStatus>>(addresses.size());
  for (size_t i = 0; i < addresses.size(); ++i) {
    AskStatus(
        *impl_->transport, impl_->IdOf(addresses[i]), timeout,
        [answers, i](absl::StatusOr<ReplicaStatus> status) { answers->Set(i, std::move(status)); });
  }
  return answers->Take();
}

absl::StatusOr<Membership> Outside::Reconfigure(std::string_view address, Membership next,
                                                absl::Duration timeout) {
  const auto answer = std::make_shared<Answers<Membership>>(1);
  AskReconfigure(*impl_->transport, impl_->IdOf(address), std::move(next), timeout,
                 [answer](absl::StatusOr<Membership> now) { answer->Set(0, std::move(now)); });
  return answer->Take();
}

}  // namespace v1
}  // namespace zkq
