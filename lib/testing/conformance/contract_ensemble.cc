#include "lib/testing/conformance/contract_ensemble.h"

#include <utility>

#include "zkq/wire.h"

namespace zkq::testing {

Identity IdentityOf(ServerId sid, uint64_t boot, EnsembleId ensemble) {
  return {.sid = sid,
          .boot = boot,
          .ensemble = ensemble,
          .disk = {.high = 1, .low = ToInt(sid)},
          .config = Zxid{.epoch = 2, .counter = 3},
          .founding = {.high = 5, .low = 6},
          .seen = {.high = 7, .low = 8},
          .election = "fast",
          .tick = std::chrono::seconds(1),  // a busy machine must not look silent
          .init_limit = 20,
          .sync_limit = 10};
}

MessageBody Numbered(uint64_t number, size_t bytes) {
  return Request{.calls = {MakeCall(number, Payload(std::string(bytes, 'x')))}};
}

uint64_t NumberOf(const Message& message) {
  const Request* request = std::get_if<Request>(&message.body);
  return request == nullptr || request->calls.empty() ? 0 : request->calls.front().tag;
}

ContractEnsemble::ContractEnsemble(const TransportWorldFactory& factory, Trial* trial,
                                   const std::vector<ServerId>& sids,
                                   const TransportWorldOptions& options)
    : world_(factory(options)), trial_(*trial), sids_(sids) {
  for (const ServerId sid : sids) Start(IdentityOf(sid));
}

ContractEnsemble::~ContractEnsemble() {
  for (auto& [sid, peer] : peers_) peer->Shutdown();
  for (auto& [sid, peer] : peers_) End(*peer);
}

void ContractEnsemble::Start(const Identity& self) {
  Stop(self.sid);
  auto peer = std::make_unique<ContractPeer>(world_.get(), self);
  peer->SetMembers(sids_);
  trial_.ExpectOk(peer->Start(), "Start");
  peers_[self.sid] = std::move(peer);
}

void ContractEnsemble::Stop(ServerId sid) {
  const auto found = peers_.find(sid);
  if (found == peers_.end()) return;
  End(*found->second);
  peers_.erase(found);
}

void ContractEnsemble::End(ContractPeer& peer) {
  peer.Shutdown();
  const std::string violation = peer.violation();
  trial_.Expect(violation.empty(), violation);
}

bool ContractEnsemble::Until(absl::FunctionRef<bool()> condition, std::string_view seen) {
  return trial_.Expect(world_->RunUntil(condition), seen);
}

bool ContractEnsemble::Linked(ServerId a, ServerId b, const LinkId& old) {
  const auto one = peers_.at(a)->link(b), other = peers_.at(b)->link(a);
  return one.has_value() && other.has_value() && one->seq == other->seq && *one != old;
}

bool ContractEnsemble::UntilLinked(ServerId a, ServerId b) {
  return Until([&] { return Linked(a, b); },
               "no link comes up between " + ToString(a) + " and " + ToString(b));
}

bool ContractEnsemble::UntilReceived(ServerId to, ServerId from, size_t count) {
  world_->RunUntil([&] { return peers_.at(to)->received(from) >= count; });
  return trial_.ExpectEqual(
      peers_.at(to)->received(from), count,
      "the number of messages from " + ToString(from) + " at " + ToString(to));
}

}  // namespace zkq::testing
