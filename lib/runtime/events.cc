#include "lib/runtime/events.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "lib/base/checks.h"
#include "lib/runtime/subscription.h"

namespace zkq::runtime {

Subscription Events::Subscribe(absl::AnyInvocable<void(const Event&)> on_event) {
  auto impl = std::make_shared<Subscription::Impl>(std::move(on_event));
  inbox_.Change([impl](Told& told) {
    std::erase_if(told.subscribers, [](const auto& s) { return s.expired(); });
    told.subscribers.push_back(impl);
    told.newcomers.push_back(impl);
  });
  return Subscription(std::move(impl));
}

void Events::Raise(Event::Kind kind) {
  inbox_.Change([kind](Told& told) {
    if (told.subscribers.empty()) return false;
    std::erase(told.raised, kind);
    told.raised.push_back(kind);
    return true;
  });
}

void Events::Raise(const StatusBoard::Change& change) {
  if (change.role) Raise(Event::Kind::kRoleChanged);
  if (change.leader) Raise(Event::Kind::kLeaderChanged);
  if (change.ready) Raise(Event::Kind::kReadyChanged);
  if (change.health) Raise(Event::Kind::kHealthChanged);
  if (change.membership) Raise(Event::Kind::kMembershipChanged);
}

void Events::Drain() {
  ZKQ_CHECK(strand_.Inside());
  const Strand::Doing doing(strand_, "an event call");
  Subscribers newcomers;
  size_t left = inbox_.Take([&](Told& told) {
    newcomers.swap(told.newcomers);
    return told.raised.size();
  });
  Deliver(Event::Kind::kRoleChanged, newcomers);
  while (left-- > 0) DeliverNext();
}

void Events::DeliverNext() {
  Subscribers subscribers;
  std::optional<Event::Kind> kind;
  inbox_.With([&](Told& told) {
    if (told.raised.empty()) return;  // it was raised anew, and has another turn
    kind = told.raised.front();
    told.raised.erase(told.raised.begin());
    subscribers = told.subscribers;
  });
  if (kind) Deliver(*kind, subscribers);
}

void Events::Deliver(Event::Kind kind, const Subscribers& subscribers) {
  if (subscribers.empty()) return;
  const Event event{.kind = kind, .status = status_()};
  for (const auto& weak : subscribers) {
    if (inbox_.closed()) return;  // by the one before
    if (const auto subscriber = weak.lock()) subscriber->Deliver(event);
  }
}

void Events::Close() { inbox_.Close(); }

}  // namespace zkq::runtime
