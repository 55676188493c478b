// Events: tells subscribers on the callback strand what has changed.
//
// At most one event of a kind waits: a subscriber slower than the changes sees
// the newest state of each kind and not every step between.
#pragma once

#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "lib/runtime/halter.h"
#include "lib/runtime/inbox.h"
#include "lib/runtime/status_board.h"
#include "zkq/replica_status.h"

namespace zkq::runtime {

class Events {
 public:
  // `status` makes what an event carries, at the time it is delivered.
  Events(Strand* strand, Halter* halter, absl::AnyInvocable<ReplicaStatus()> status)
      : strand_(*strand),
        halter_(*halter),
        status_(std::move(status)),
        inbox_(strand, [this] { Drain(); }) {}

  Subscription Subscribe(absl::AnyInvocable<void(const Event&)> on_event);
  void Raise(Event::Kind kind);
  void Raise(const StatusBoard::Change& change);
  // No event call begins from here on.
  void Close();

 private:
  using Subscribers = std::vector<std::weak_ptr<Subscription::Impl>>;
  struct Told {
    std::vector<Event::Kind> raised = {};  // each kind at most once, in the order of the last raise
    Subscribers subscribers = {};          // bounded by the subscriptions that are alive
    Subscribers newcomers = {};            // of them, those that have been told nothing yet
  };
  Halter& invariants() { return halter_; }
  void Drain();
  void DeliverNext();
  void Deliver(Event::Kind kind, const Subscribers& subscribers);

  Strand& strand_;
  Halter& halter_;
  absl::AnyInvocable<ReplicaStatus()> status_;
  Inbox<Told> inbox_;
};

}  // namespace zkq::runtime
