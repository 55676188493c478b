// Events: tells subscribers on the callback strand what has changed.
//
// At most one event of a kind waits: a subscriber slower than the changes sees
// the newest state of each kind and not every step between.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "lib/runtime/strand.h"
#include "zkq/replica_status.h"

namespace zkq::runtime {

class Events {
 public:
  // `status` makes what an event carries, at the time it is delivered.
  Events(Strand* strand, absl::AnyInvocable<ReplicaStatus()> status)
      : strand_(*strand), status_(std::move(status)) {}

  Subscription Subscribe(absl::AnyInvocable<void(const Event&)> on_event);
  // `keep` holds what this object lives in.
  void Raise(Event::Kind kind, std::shared_ptr<void> keep);
  // No event call begins from here on.
  void Close();
  // Nothing waits to be delivered.
  bool idle() const;
  bool closed() const;

 private:
  using Subscribers = std::vector<std::weak_ptr<Subscription::Impl>>;
  void Deliver();
  std::optional<Event::Kind> Next(Subscribers* subscribers);

  Strand& strand_;
  absl::AnyInvocable<ReplicaStatus()> status_;
  mutable std::mutex mutex_;
  std::vector<Event::Kind> raised_;  // each kind at most once, in the order of the last raise
  Subscribers subscribers_;          // bounded by the subscriptions that are alive
  bool scheduled_ = false;
  bool closed_ = false;
};

}  // namespace zkq::runtime
