// Snapshots on their way from one simulated process to another, piece by piece.
#include <algorithm>
#include <utility>

#include "lib/testing/world/sim_wires.h"

namespace zkq::testing {
inline namespace v1 {

void SimNetwork::Wires::Fetch(const ProcessPtr& process, const LinkId& id,
                              const SnapshotRequest& request, QuorumTransport::SnapshotSink sink) {
  size_t end = 0;
  const LinkPtr link = FindUp(process, id, &end);
  if (link == nullptr) {
    Later(absl::ZeroDuration(), [process, sink = std::move(sink)]() mutable {
      if (process->receiver != nullptr) sink(absl::UnavailableError("the link is gone"), nullptr);
    });
    return;
  }
  auto fetch = std::make_shared<SimFetch>();
  fetch->next = request;
  fetch->sink = std::move(sink);
  link->ends[end].fetches.push_back(fetch);
  Ask(link, end, fetch);
}

// What is asked goes the way of everything else, apart from any lane.
void SimNetwork::Wires::Carry(const LinkPtr& link, size_t from, absl::AnyInvocable<void()> arrive) {
  if (Loses(link, from) || link->ends[from].process->dead()) return;
  Later(Delay(*link, from), [this, link, from, arrive = std::move(arrive)]() mutable {
    Arrive(link, from, std::move(arrive));
  });
}

void SimNetwork::Wires::Arrive(const LinkPtr& link, size_t from,
                               absl::AnyInvocable<void()> arrive) {
  if (link->broken) return;
  if (MayRead(*link, from)) return arrive();
  Later(options_.redial_delay, [this, link, from, arrive = std::move(arrive)]() mutable {
    Arrive(link, from, std::move(arrive));
  });
}

void SimNetwork::Wires::Ask(const LinkPtr& link, size_t asker,
                            const std::shared_ptr<SimFetch>& fetch) {
  const auto reply = [weak = weak_from_this(), link, asker,
                      fetch](absl::StatusOr<SnapshotChunk> chunk) {
    const std::shared_ptr<Wires> wires = weak.lock();
    if (wires != nullptr) wires->CarryPiece(link, asker, fetch, std::move(chunk));
  };
  Carry(link, asker, [link, asker, fetch, reply] {
    const SimEnd& source = link->ends[1 - asker];
    source.process->receiver->OnSnapshotAsked(source.id, fetch->next, reply);
  });
}

void SimNetwork::Wires::CarryPiece(const LinkPtr& link, size_t asker,
                                   const std::shared_ptr<SimFetch>& fetch,
                                   absl::StatusOr<SnapshotChunk> chunk) {
  const size_t from = 1 - asker;
  SimEnd& sender = link->ends[from];
  const std::shared_ptr<SimProcess> process = sender.process;
  if (link->broken || process->dead()) return;
  const bool told = observer_ != nullptr && chunk.ok();
  const SimNetworkObserver::Carried carried{.piece = chunk.ok() ? &*chunk : nullptr};
  if (told) observer_->OnSent(RouteOf(*link, from), carried);
  if (Loses(link, from)) {
    if (told) observer_->OnLost(RouteOf(*link, from), carried, Loss::kLinkBroke);
  } else {
    Piece piece{.sent = scheduler_.now(), .order = ++sender.sent, .what = std::move(chunk)};
    Later(Delay(*link, from), [this, link, asker, fetch, piece = std::move(piece)]() mutable {
      ArrivePiece(link, asker, fetch, std::move(piece));
    });
  }
  AfterSaying(process.get());
}

void SimNetwork::Wires::ArrivePiece(const LinkPtr& link, size_t asker,
                                    const std::shared_ptr<SimFetch>& fetch, Piece piece) {
  const size_t from = 1 - asker;
  const SimEnd& sender = link->ends[from];
  if (!link->broken && !MayRead(*link, from)) {
    return Later(options_.redial_delay,
                 [this, link, asker, fetch, piece = std::move(piece)]() mutable {
                   ArrivePiece(link, asker, fetch, std::move(piece));
                 });
  }
  if (observer_ != nullptr && piece.what.ok()) {
    const SimNetworkObserver::Route route = RouteOf(*link, from);
    const SimNetworkObserver::Carried carried{.piece = &*piece.what};
    if (link->broken) return observer_->OnLost(route, carried, sender.loss);
    if (sender.delivered > piece.order) observer_->OnOvertaken(route, carried);
    if (scheduler_.now() - piece.sent > 4 * delay_.max) observer_->OnDelayed(route, carried);
    observer_->OnDelivered(route, carried);
  }
  Answer(link, asker, fetch, std::move(piece.what));
}

void SimNetwork::Wires::Answer(const LinkPtr& link, size_t asker,
                               const std::shared_ptr<SimFetch>& fetch,
                               absl::StatusOr<SnapshotChunk> chunk) {
  SimEnd& here = link->ends[asker];
  if (link->broken || fetch->sink == nullptr || here.process->receiver == nullptr) return;
  if (chunk.ok() &&
      (chunk->offset != fetch->next.offset || (chunk->bytes.empty() && !chunk->last))) {
    chunk = absl::InternalError("the peer sent another piece than was asked for");
  }
  if (!chunk.ok() || chunk->last) {
    QuorumTransport::SnapshotSink sink = std::exchange(fetch->sink, nullptr);
    std::erase(here.fetches, fetch);
    sink(std::move(chunk), nullptr);
    return;
  }
  fetch->next.offset += chunk->bytes.size();
  // The last owner of this hold asks for the next piece.
  const Hold hold(nullptr, [weak = weak_from_this(), link, asker, fetch](void*) {
    const std::shared_ptr<Wires> wires = weak.lock();
    if (wires != nullptr && fetch->sink != nullptr) wires->Ask(link, asker, fetch);
  });
  if (fetch->sink(std::move(chunk), hold)) return;
  fetch->sink = nullptr;
  std::erase(here.fetches, fetch);
}

}  // namespace v1
}  // namespace zkq::testing
