// What a test does to a simulated network, and how it is undone.
#include <functional>

#include "lib/testing/world/sim_wires.h"

namespace zkq::testing {
inline namespace v1 {

bool SimNetwork::Wires::Disconnect(ServerId a, ServerId b) {
  const LinkPtr link = FindLink(a, b);
  if (link == nullptr || link->broken) return false;
  Break(link, {.why = absl::UnavailableError("the connection broke")});
  return true;
}

void SimNetwork::Wires::Cut(ServerId a, ServerId b) {
  cuts_.insert(PairOf(a, b));
  Disconnect(a, b);
}

void SimNetwork::Wires::Partition(const std::set<ServerId>& side) {
  side_ = side;
  BreakWhere([this](const Pair& pair) { return IsCut(pair); },
             absl::UnavailableError("the network is cut"));
}

void SimNetwork::Wires::SetReading(ServerId sid, bool reads) {
  if (!reads) {
    not_reading_.insert(sid);
    return;
  }
  not_reading_.erase(sid);
  DeliverAll();
}

void SimNetwork::Wires::Heal() {
  cuts_.clear();
  side_.clear();
  stalled_.clear();
  lost_.clear();
  delays_.clear();
  delay_ = Healthy();
  not_reading_.clear();
  BreakLossy([](const Pair&) { return true; });
  DeliverAll();
}

void SimNetwork::Wires::Mend(ServerId a, ServerId b) {
  cuts_.erase(PairOf(a, b));
  for (const Pair& way : {Pair(a, b), Pair(b, a)}) {
    stalled_.erase(way);
    lost_.erase(way);
    delays_.erase(way);
  }
  BreakLossy([chosen = PairOf(a, b)](const Pair& pair) { return pair == chosen; });
  DeliverAll();
}

void SimNetwork::Wires::BreakLossy(const std::function<bool(const Pair&)>& chosen) {
  for (const auto& [pair, link] : links_) {
    if (!chosen(pair) || (!link->ends[0].lossy && !link->ends[1].lossy)) continue;
    Break(link, {.why = absl::UnavailableError("the connection had died")});
  }
}

void SimNetwork::Wires::SetPaused(ServerId sid, bool paused) {
  const auto found = processes_.find(sid);
  if (found != processes_.end()) found->second->paused = paused;
}

void SimNetwork::Wires::DeliverAll() {
  for (const auto& [pair, link] : links_) {
    for (size_t from : {0, 1}) {
      Later(absl::ZeroDuration(), [this, link = link, from] { Deliver(link, from); });
    }
  }
}

}  // namespace v1
}  // namespace zkq::testing
