#include "lib/testing/checks/lane_order.h"

#include <variant>
#include <vector>

namespace zkq::testing {
namespace {

bool SaidByLearner(const Message& message) {
  const auto& body = message.body;
  return std::holds_alternative<FollowerInfo>(body) || std::holds_alternative<AckEpoch>(body) ||
         std::holds_alternative<Ack>(body) || std::holds_alternative<Request>(body) ||
         std::holds_alternative<ReadIndex>(body) || std::holds_alternative<Pong>(body) ||
         std::holds_alternative<Reconfigure>(body);
}

// Enough to tell a message from its neighbours, and cheap.
struct Number {
  uint64_t operator()(const AckEpoch& m) const { return Of(m.last); }
  uint64_t operator()(const NewLeader& m) const { return Of(m.last); }
  uint64_t operator()(const UpToDate& m) const { return Of(m.commit); }
  uint64_t operator()(const Proposal& m) const { return Of(m.txns.back().zxid); }
  uint64_t operator()(const Ack& m) const { return Of(m.zxid); }
  uint64_t operator()(const Commit& m) const { return Of(m.zxid); }
  uint64_t operator()(const Request& m) const { return m.calls.empty() ? 0 : m.calls[0].tag; }
  uint64_t operator()(const ReadIndex& m) const { return m.tags.empty() ? 0 : m.tags[0]; }
  uint64_t operator()(const ReadIndexReply& m) const { return m.tags.empty() ? 0 : m.tags[0]; }
  uint64_t operator()(const Ping& m) const { return m.seq; }
  uint64_t operator()(const Pong& m) const { return m.seq; }
  template <typename Other>
  uint64_t operator()(const Other&) const {
    return 0;
  }
  static uint64_t Of(Zxid zxid) { return uint64_t{zxid.epoch} << 32 | zxid.counter; }
};

uint64_t Fingerprint(const Message& message) {
  constexpr uint64_t kPrime = 0x100'0000'01b3;
  uint64_t print = message.body.index();
  print = print * kPrime + message.session.number;
  print = print * kPrime + message.session.epoch;
  return print * kPrime + std::visit(Number(), message.body);
}

Violation Broken(std::string what) { return {"INV-23 session FIFO", std::move(what)}; }

std::string From(const SimNetworkObserver::Route& route, const Message& message) {
  return ToString(message) + " from server " + ToString(route.from) + " to server " +
         ToString(route.to);
}

}  // namespace

LaneOrder::Way LaneOrder::WayOf(const Route& route) {
  return {route.to, route.from, route.to_boot, route.from_boot, route.link};
}

std::optional<Violation> LaneOrder::OnSent(const Route& route, const Message& message) {
  Sent& sent = sent_[WayOf(route)];
  if (auto violation = CheckSession(route, message, &sent)) return violation;
  if (const auto* info = std::get_if<LeaderInfo>(&message.body)) sent.informed = info->epoch;
  if (!sent.read) return std::nullopt;
  auto& lane = LaneOf(message) == Lane::kControl ? sent.control : sent.zab;
  lane.push_back(Fingerprint(message));
  return std::nullopt;
}

// Session 0 addresses whatever session the last LeaderInfo of this link opened, so it
// may speak of no other epoch. Any other session belongs to one link for ever.
std::optional<Violation> LaneOrder::CheckSession(const Route& route, const Message& message,
                                                 Sent* sent) {
  if (std::holds_alternative<SessionEnd>(message.body)) return std::nullopt;
  if (message.session.number == 0) {
    if (sent->informed == message.session.epoch) return std::nullopt;
    return Broken(From(route, message) + " is to all of an epoch that this link does not have");
  }
  const bool by_learner = SaidByLearner(message);
  const auto [link, first] = session_links_.try_emplace(
      {by_learner ? route.from : route.to, by_learner ? route.from_boot : route.to_boot,
       message.session.number},
      route.link);
  if (link->second == route.link) return std::nullopt;
  return Broken(From(route, message) + " belongs to a session of another link");
}

std::optional<Violation> LaneOrder::OnDelivered(const Route& route, const Message& message) {
  Sent& sent = sent_[WayOf(route)];
  auto& lane = LaneOf(message) == Lane::kControl ? sent.control : sent.zab;
  if (lane.empty() || lane.front() != Fingerprint(message)) {
    return Broken(From(route, message) + " arrives out of turn");
  }
  lane.pop_front();
  return std::nullopt;
}

LaneOrder::Way LaneOrder::WayBack(const Way& way) {
  const auto& [to, from, to_boot, from_boot, link] = way;
  return {from, to, from_boot, to_boot, link};
}

void LaneOrder::EndReading(const Way& way) {
  const auto found = sent_.find(way);
  if (found == sent_.end()) return;
  Sent& sent = found->second;
  sent.read = false;
  sent.zab.clear();
  sent.control.clear();
  if (!sent.written) sent_.erase(found);
}

void LaneOrder::EndWriting(const Way& way) {
  const auto found = sent_.find(way);
  if (found == sent_.end()) return;
  found->second.written = false;
  if (!found->second.read) sent_.erase(found);
}

void LaneOrder::OnLinkDown(const Route& route) {
  EndReading(WayOf(route));
  EndWriting(WayBack(WayOf(route)));
}

void LaneOrder::OnCrashed(ServerId sid) {
  std::vector<Way> reads, writes;
  for (const auto& [way, sent] : sent_) {
    if (std::get<0>(way) == sid) reads.push_back(way);
    if (std::get<1>(way) == sid) writes.push_back(way);
  }
  for (const Way& way : reads) EndReading(way);
  for (const Way& way : writes) EndWriting(way);
}

}  // namespace zkq::testing
