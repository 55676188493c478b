#include "zkq/testing/sim_network.h"

#include <algorithm>
#include <utility>

#include "lib/testing/world/sim_wires.h"

namespace zkq::testing {
inline namespace v1 {
namespace {

class SimTransport final : public QuorumTransport {
 public:
  explicit SimTransport(std::shared_ptr<SimNetwork::Wires> wires) : wires_(std::move(wires)) {}
  ~SimTransport() override { Shutdown(); }

  absl::Status Start(const Env&, const Identity& self, Receiver* receiver) override {
    process_->self = self;
    absl::Status status = wires_->Start(process_);
    if (status.ok()) process_->receiver = receiver;
    return status;
  }
  void SetIdentity(const Identity& self) override { wires_->SetIdentity(process_, self); }
  void SetMembers(absl::Span<const Member> members) override {
    std::set<ServerId> sids;
    for (const Member& member : members) sids.insert(member.id);
    wires_->SetMembers(process_, std::move(sids));
  }
  void Send(std::span<const LinkId> to, Message message) override {
    for (const LinkId& link : to) wires_->Send(process_, link, message);
  }
  void Notify(ServerId to, const Notification& notification) override {
    wires_->Notify(process_, to, notification);
  }
  void DropLink(const LinkId& link) override { wires_->DropLink(process_, link); }
  void FetchSnapshot(const LinkId& link, const SnapshotRequest& request,
                     SnapshotSink sink) override {
    wires_->Fetch(process_, link, request, std::move(sink));
  }
  void Shutdown() override { wires_->Stop(process_); }

 private:
  const std::shared_ptr<SimNetwork::Wires> wires_;
  const std::shared_ptr<SimProcess> process_ = std::make_shared<SimProcess>();
};

}  // namespace

SimNetwork::SimNetwork(SimScheduler* scheduler, const SimNetworkOptions& options)
    : options_(options), wires_(std::make_shared<Wires>(scheduler, options)) {}
SimNetwork::~SimNetwork() = default;

std::unique_ptr<QuorumTransport> SimNetwork::NewTransport() {
  return std::make_unique<SimTransport>(wires_);
}
void SimNetwork::Crash(ServerId sid) { wires_->Crash(sid); }
bool SimNetwork::Disconnect(ServerId a, ServerId b) { return wires_->Disconnect(a, b); }
void SimNetwork::Cut(ServerId a, ServerId b) { wires_->Cut(a, b); }
void SimNetwork::Partition(const std::set<ServerId>& side) { wires_->Partition(side); }
void SimNetwork::Stall(ServerId from, ServerId to) { wires_->Stall(from, to); }
void SimNetwork::Lose(ServerId from, ServerId to) { wires_->Lose(from, to); }
void SimNetwork::SetDelay(ServerId from, ServerId to, absl::Duration min, absl::Duration max) {
  wires_->SetDelay({from, to}, {min, std::max(min, max)});
}
void SimNetwork::SetDelay(absl::Duration min, absl::Duration max) {
  wires_->SetDelay({min, std::max(min, max)});
}
void SimNetwork::SetPaused(ServerId sid, bool paused) { wires_->SetPaused(sid, paused); }
void SimNetwork::SetReading(ServerId sid, bool reads) { wires_->SetReading(sid, reads); }
bool SimNetwork::Replace(ServerId a, ServerId b) { return wires_->Replace(a, b); }
void SimNetwork::Mend(ServerId a, ServerId b) { wires_->Mend(a, b); }
void SimNetwork::KillAfterSends(ServerId sid, uint64_t sends) {
  wires_->KillAfterSends(sid, sends);
}
void SimNetwork::OnKilled(std::function<void(ServerId)> owner) {
  wires_->OnKilled(std::move(owner));
}
void SimNetwork::Observe(SimNetworkObserver* observer) { wires_->Observe(observer); }
void SimNetwork::Heal() { wires_->Heal(); }

}  // namespace v1
}  // namespace zkq::testing
