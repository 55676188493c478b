#include "zkq/testing/sim_network.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "lib/testing/world/sim_wires.h"

namespace zkq::testing {
inline namespace v1 {
namespace {

// Where a process of the network is to be found.
std::string AddressOf(ServerId sid) { return "server " + ToString(sid); }

class SimDialler final : public link::Dialler {
 public:
  SimDialler(std::shared_ptr<SimNetwork::Wires> wires, SimProcessPtr process)
      : wires_(std::move(wires)), process_(std::move(process)) {}

  void Know(std::map<std::string, ServerId> sids) { sids_ = std::move(sids); }

  absl::Status Dial(const std::string& address, link::LinkPtr link) override {
    wires_->Dial(process_, sids_[address], SimConnection::For::kLink, std::move(link));
    return absl::OkStatus();
  }
  void Fetch(const std::string& address, link::LinkPtr transfer) override {
    wires_->Dial(process_, sids_[address], SimConnection::For::kTransfer, std::move(transfer));
  }
  void Knock(const std::string& address, const Identity& from, ServerId, KnockDone done) override {
    wires_->Knock(process_, from, sids_[address], std::move(done));
  }
  void Ask(const std::string& address, link::AskRequest request, absl::Duration timeout,
           link::AskDone done) override {
    wires_->Ask(process_, sids_[address], std::move(request), timeout, std::move(done));
  }

 private:
  const std::shared_ptr<SimNetwork::Wires> wires_;
  const SimProcessPtr process_;
  std::map<std::string, ServerId> sids_;
};

class SimTransport final : public QuorumTransport {
 public:
  SimTransport(std::shared_ptr<SimNetwork::Wires> wires, std::shared_ptr<LogSink> log_sink,
               ServerId place)
      : wires_(std::move(wires)),
        receiver_(wires_->tap(), process_),
        dialler_(std::make_shared<SimDialler>(wires_, process_)) {
    const SimNetworkOptions& options = wires_->options();
    process_->place = place;
    process_->table = std::make_shared<link::LinkTable>(
        link::TableOptions{.bounds = {.outbound_bytes_max = options.outbound_bytes_max,
                                      .inbound_bytes_max = options.inbound_bytes_max},
                           .log_sink = std::move(log_sink)});
  }
  ~SimTransport() override { Shutdown(); }

  absl::Status Start(const Env& env, const Identity& self, Receiver* receiver) override {
    process_->self = self;
    if (process_->place == kNoServer) process_->place = self.sid;
    if (self.sid != kNoServer) {
      if (absl::Status status = wires_->Start(process_); !status.ok()) return status;
    }
    receiver_.Hear(receiver);
    started_ = true;
    table().Start(env, self, &receiver_);
    table().StartDialling(dialler_);
    return absl::OkStatus();
  }

  void SetIdentity(const Identity& self) override {
    if (process_->dead()) return;
    process_->self = self;
    table().SetIdentity(self);
    process_->Say();
  }

  void SetMembers(absl::Span<const Member> members) override {
    std::vector<Member> placed(members.begin(), members.end());
    std::map<std::string, ServerId> sids;
    for (Member& member : placed) sids[member.address = AddressOf(member.id)] = member.id;
    dialler_->Know(std::move(sids));
    table().SetMembers(placed);
  }

  void Send(std::span<const LinkId> to, Message message) override {
    if (process_->dead()) return;
    if (!process_->sends_left) return SendTo(to, message);
    for (; !to.empty() && !process_->dead(); to = to.subspan(1)) {
      SendTo(to.first(1), message);
      process_->Say();
    }
  }

  void Notify(ServerId to, const Notification& notification) override {
    if (process_->dead()) return;
    process_->latest[to] = notification;
    const LinkId* const link = receiver_.link(to);
    if (link != nullptr) wires_->tap()->Sent(*process_, *link, notification);
    table().Notify(to, notification);
    if (link != nullptr) process_->Say();
  }

  void DropLink(const LinkId& link) override { table().DropLink(link); }

  void FetchSnapshot(const LinkId& link, const SnapshotRequest& request,
                     SnapshotSink sink) override {
    table().FetchSnapshot(link, request,
                          [tap = wires_->tap(), process = process_, link, sink = std::move(sink)](
                              absl::StatusOr<SnapshotChunk> chunk, Hold hold) mutable {
                            if (process->gone) return false;
                            if (chunk.ok()) tap->Delivered(*process, link, *chunk);
                            return sink(std::move(chunk), std::move(hold));
                          });
  }

  void Ask(ServerId to, Question question, absl::Duration timeout, Answer done) override {
    table().Ask(to, std::move(question), timeout, std::move(done));
  }

  LinkCounters counters() const override { return process_->table->counters(); }
  std::vector<LinkState> links() const override { return process_->table->links(); }

  void Shutdown() override {
    table().Shutdown();
    if (started_) wires_->Stop(process_);
  }

 private:
  link::LinkTable& table() { return *process_->table; }

  void SendTo(std::span<const LinkId> to, const Message& message) {
    for (const LinkId& id : to) {
      const LinkId* const link = receiver_.link(id.sid);
      if (link != nullptr && *link == id) wires_->tap()->Sent(*process_, id, message);
    }
    table().Send(to, message);
  }

  const std::shared_ptr<SimNetwork::Wires> wires_;
  const SimProcessPtr process_ = std::make_shared<SimProcess>();
  TappedReceiver receiver_;
  const std::shared_ptr<SimDialler> dialler_;
  bool started_ = false;
};

constexpr uint64_t kTwins = 1'000'000;

}  // namespace

ServerId TwinOf(ServerId sid) { return ServerId(ToInt(sid) + kTwins); }
bool IsTwin(ServerId place) { return ToInt(place) >= kTwins && ToInt(place) < 2 * kTwins; }
ServerId SeatOf(ServerId place) { return IsTwin(place) ? ServerId(ToInt(place) - kTwins) : place; }

SimNetwork::SimNetwork(SimScheduler* scheduler, const SimNetworkOptions& options)
    : options_(options), wires_(std::make_shared<Wires>(scheduler, options)) {}
SimNetwork::~SimNetwork() = default;

std::unique_ptr<QuorumTransport> SimNetwork::NewTransport(std::shared_ptr<LogSink> log_sink,
                                                          ServerId place) {
  return std::make_unique<SimTransport>(wires_, std::move(log_sink), place);
}
void SimNetwork::Observe(SimNetworkObserver* observer) { wires_->tap()->Observe(observer); }

// --- processes --------------------------------------------------------------------

void SimNetwork::Crash(ServerId sid) {
  if (const SimProcessPtr process = wires_->Find(sid)) wires_->Stop(process);
}
void SimNetwork::KillAfterSends(ServerId sid, uint64_t sends) {
  if (const SimProcessPtr process = wires_->Find(sid)) process->sends_left = sends;
}
void SimNetwork::OnKilled(std::function<void(ServerId)> owner) {
  wires_->OnKilled(std::move(owner));
}
void SimNetwork::SetPaused(ServerId sid, bool paused) {
  const SimProcessPtr process = wires_->Find(sid);
  if (process == nullptr) return;
  process->paused = paused;
  wires_->KickAll();
}
void SimNetwork::SetReading(ServerId sid, bool reads) {
  const SimProcessPtr process = wires_->Find(sid);
  if (process == nullptr) return;
  process->reads = reads;
  wires_->KickAll();
}
void SimNetwork::SetAnswering(ServerId sid, bool answers) {
  const SimProcessPtr process = wires_->Find(sid);
  if (process == nullptr) return;
  process->answers = answers;
  wires_->KickAll();
}
void SimNetwork::Move(ServerId sid) { wires_->Move(sid); }
void SimNetwork::PointName(ServerId sid, ServerId place) { wires_->PointName(sid, place); }

// --- connections ------------------------------------------------------------------

uint64_t SimNetwork::changes() const { return wires_->changes(); }
LinkCounters SimNetwork::counters(ServerId sid) const {
  const SimProcessPtr process = wires_->Find(sid);
  return process == nullptr ? LinkCounters{} : process->table->counters();
}
bool SimNetwork::Disconnect(ServerId a, ServerId b) { return wires_->Disconnect(a, b); }
bool SimNetwork::HalfOpen(ServerId told, ServerId other) { return wires_->HalfOpen(told, other); }
void SimNetwork::Cut(ServerId a, ServerId b) {
  wires_->paths().Cut(a, b);
  wires_->BreakRefused();
}
void SimNetwork::Partition(const std::set<ServerId>& side) {
  wires_->paths().Partition(side);
  wires_->BreakRefused();
}

// --- what lies between --------------------------------------------------------------

SimPath SimNetwork::path(ServerId from, ServerId to) const { return wires_->paths().Of(from, to); }
void SimNetwork::SetPath(ServerId from, ServerId to, const SimPath& path) {
  wires_->paths().Set(from, to, path);
  wires_->KickAll();
}
absl::Duration SimNetwork::round_trip(ServerId a, ServerId b) const {
  for (const ServerId sid : {a, b}) {
    const SimProcessPtr process = wires_->Find(sid);
    if (process == nullptr || !process->reads || !process->answers) {
      return absl::InfiniteDuration();
    }
  }
  return wires_->paths().LongestDelay(a, b) + wires_->paths().LongestDelay(b, a);
}
void SimNetwork::SetDelay(absl::Duration min, absl::Duration max) {
  wires_->paths().SetUsual(min, max);
}
void SimNetwork::Mend(ServerId a, ServerId b) {
  wires_->paths().Mend(a, b);
  wires_->KickAll();
}
void SimNetwork::Heal() {
  wires_->paths().Heal();
  wires_->HealProcesses();
  wires_->KickAll();
}

}  // namespace v1
}  // namespace zkq::testing
