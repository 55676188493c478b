#include "test/runtime/loopback.h"

#include <utility>

#include "lib/env/thread_executor.h"

namespace zkq::runtime {
namespace {

LinkId LinkTo(const Identity& peer, uint64_t seq) { return {peer.sid, peer.boot, seq}; }

}  // namespace

class LoopbackNetwork::Transport final : public QuorumTransport {
 public:
  explicit Transport(std::shared_ptr<LoopbackNetwork> network) : network_(std::move(network)) {}
  ~Transport() override { Shutdown(); }

  absl::Status Start(const Env&, const Identity& self, Receiver* receiver) override;
  void SetIdentity(const Identity& self) override;
  void SetMembers(absl::Span<const Member>) override {}
  void Send(std::span<const LinkId> to, Message message) override;
  void Notify(ServerId to, const Notification& notification) override;
  void DropLink(const LinkId& link) override;
  void FetchSnapshot(const LinkId& link, const SnapshotRequest& request,
                     SnapshotSink sink) override;
  void Shutdown() override;

 private:
  Station* self() {
    const auto found = network_->stations_.find(sid_);
    return found == network_->stations_.end() ? nullptr : &found->second;
  }

  const std::shared_ptr<LoopbackNetwork> network_;
  ServerId sid_ = kNoServer;
};

LoopbackNetwork::LoopbackNetwork() : executor_(NewThreadExecutor(2)) {}
LoopbackNetwork::~LoopbackNetwork() = default;

std::shared_ptr<LoopbackNetwork> LoopbackNetwork::New() {
  return std::shared_ptr<LoopbackNetwork>(new LoopbackNetwork);
}

std::unique_ptr<QuorumTransport> LoopbackNetwork::NewTransport() {
  return std::make_unique<Transport>(shared_from_this());
}

template <typename Call>
void LoopbackNetwork::Tell(Station* station, Call call) {
  station->strand->Post(
      [receiver = station->receiver, call = std::move(call)]() mutable { call(receiver); });
}

LoopbackNetwork::Station* LoopbackNetwork::Other(ServerId self, const LinkId& link) {
  const auto other = stations_.find(link.sid);
  if (other == stations_.end() || other->second.self.boot != link.boot) return nullptr;
  const auto back = other->second.links.find(self);
  if (back == other->second.links.end() || back->second != link.seq) return nullptr;
  return &other->second;
}

void LoopbackNetwork::Connect(Station* a, Station* b) {
  const uint64_t seq = ++seq_;
  for (auto [self, peer] : {std::pair{a, b}, std::pair{b, a}}) {
    self->links[peer->self.sid] = seq;
    Tell(self, [link = LinkTo(peer->self, seq), who = peer->self](auto* receiver) {
      receiver->OnLinkUp(link, who);
    });
    const auto announced = peer->announcements.find(self->self.sid);
    if (announced == peer->announcements.end()) continue;
    Tell(self, [link = LinkTo(peer->self, seq), n = announced->second](auto* receiver) {
      receiver->OnNotification(link, n);
    });
  }
}

void LoopbackNetwork::Disconnect(Station* a, ServerId sid) {
  const auto link = a->links.find(sid);
  if (link == a->links.end()) return;
  const uint64_t seq = link->second;
  Station* const b = &stations_.at(sid);
  for (auto [self, peer] : {std::pair{a, b}, std::pair{b, a}}) {
    self->links.erase(peer->self.sid);
    Tell(self, [link = LinkTo(peer->self, seq)](auto* receiver) {
      receiver->OnLinkDown(link, absl::UnavailableError("link is down"));
    });
  }
}

void LoopbackNetwork::ConnectAll() {
  for (auto a = stations_.begin(); a != stations_.end(); ++a) {
    for (auto b = std::next(a); b != stations_.end(); ++b) {
      if (!a->second.links.contains(b->first)) Connect(&a->second, &b->second);
    }
  }
}

void LoopbackNetwork::ConnectSoon() {
  executor_->RunAfter(absl::Milliseconds(5), [weak = weak_from_this()] {
    const auto network = weak.lock();
    if (network == nullptr) return;
    std::lock_guard lock(network->mutex_);
    network->ConnectAll();
  });
}

absl::Status LoopbackNetwork::Transport::Start(const Env&, const Identity& who,
                                               Receiver* receiver) {
  std::lock_guard lock(network_->mutex_);
  sid_ = who.sid;
  Station& station = network_->stations_[sid_];
  station.self = who;
  station.receiver = receiver;
  station.strand = std::make_unique<Strand>(network_->executor_);
  network_->ConnectSoon();
  return absl::OkStatus();
}

void LoopbackNetwork::Transport::SetIdentity(const Identity& who) {
  std::lock_guard lock(network_->mutex_);
  Station* const station = self();
  if (station == nullptr) return;
  station->self = who;
  for (const auto& [peer, seq] : station->links) {
    Tell(&network_->stations_.at(peer),
         [link = LinkTo(who, seq), who](auto* receiver) { receiver->OnIntroduced(link, who); });
  }
}

void LoopbackNetwork::Transport::Send(std::span<const LinkId> to, Message message) {
  std::lock_guard lock(network_->mutex_);
  Station* const from = self();
  if (from == nullptr) return;
  for (const LinkId& link : to) {
    Station* const other = network_->Other(sid_, link);
    if (other == nullptr) continue;
    Tell(other, [link = LinkTo(from->self, link.seq), message](auto* receiver) {
      receiver->OnMessage(link, message, std::make_shared<int>());
    });
  }
}

void LoopbackNetwork::Transport::Notify(ServerId to, const Notification& notification) {
  std::lock_guard lock(network_->mutex_);
  Station* const from = self();
  if (from == nullptr) return;
  from->announcements[to] = notification;
  const auto link = from->links.find(to);
  if (link == from->links.end()) return;
  Tell(&network_->stations_.at(to),
       [link = LinkTo(from->self, link->second), notification](auto* receiver) {
         receiver->OnNotification(link, notification);
       });
}

void LoopbackNetwork::Transport::DropLink(const LinkId& link) {
  std::lock_guard lock(network_->mutex_);
  Station* const station = self();
  if (station == nullptr || network_->Other(sid_, link) == nullptr) return;
  network_->Disconnect(station, link.sid);
  network_->ConnectSoon();
}

void LoopbackNetwork::Transport::FetchSnapshot(const LinkId& link, const SnapshotRequest& request,
                                               SnapshotSink sink) {
  std::lock_guard lock(network_->mutex_);
  Station* const from = self();
  Station* const other = from == nullptr ? nullptr : network_->Other(sid_, link);
  if (other == nullptr) {
    network_->executor_->Run([sink = std::move(sink)]() mutable {
      sink(absl::UnavailableError("link is down"), nullptr);
    });
    return;
  }
  // The hold asks for the next piece when it goes.
  auto reply = [this, network = network_, link, request,
                sink = std::move(sink)](absl::StatusOr<SnapshotChunk> chunk) mutable {
    const bool more = chunk.ok() && !chunk->last;
    const uint64_t next = chunk.ok() ? chunk->offset + chunk->bytes.size() : 0;
    auto shared = std::make_shared<SnapshotSink>(std::move(sink));
    const auto go_on = [this, network, link, request, shared, next](const bool* wanted) {
      const bool over = !*wanted;
      delete wanted;
      if (over) return;
      network->executor_->Run([this, network, link, request, shared, next] {
        FetchSnapshot(link, {.snapshot = request.snapshot, .offset = next}, std::move(*shared));
      });
    };
    const std::shared_ptr<bool> wanted(new bool(false), go_on);
    *wanted = (*shared)(std::move(chunk), wanted) && more;
  };
  Tell(other,
       [link = LinkTo(from->self, link.seq), request, reply = std::move(reply)](
           auto* receiver) mutable { receiver->OnSnapshotAsked(link, request, std::move(reply)); });
}

void LoopbackNetwork::Transport::Shutdown() {
  std::unique_ptr<Strand> strand;
  {
    std::lock_guard lock(network_->mutex_);
    Station* const station = self();
    if (station == nullptr) return;
    while (!station->links.empty()) network_->Disconnect(station, station->links.begin()->first);
    strand = std::move(station->strand);
    network_->stations_.erase(sid_);
  }
  strand->Close();
  strand->AwaitIdle(absl::InfiniteDuration());
}

}  // namespace zkq::runtime
