// The links between the peers of an Ensemble: one a pair, and one with each id.
#include "test/core/ensemble.h"

#include <algorithm>

namespace zkq::core {

void Ensemble::Connect(ServerId a, ServerId b) {
  if (a > b) std::swap(a, b);
  After(Time{50} + Random(std::chrono::milliseconds(30)), [this, a, b] {
    Link& link = links_[{a, b}];
    if (at(a).id == at(b).id || link.up || cuts_.contains({a, b})) return;
    if (!at(a).peer || !at(b).peer) return;
    if (!MakesWay(a, b) || !MakesWay(b, a)) {
      return After(std::chrono::milliseconds(100), [this, a, b] { Connect(a, b); });
    }
    const Identity& of_a = at(a).identity;
    const Identity& of_b = at(b).identity;
    const bool foreign = of_a.ensemble != EnsembleId{} && of_b.ensemble != EnsembleId{} &&
                         of_a.ensemble != of_b.ensemble;
    if (foreign) return Violate("two ensembles were founded");
    link = {.at_a = {at(b).id, at(b).boot, ++link_seq_},
            .at_b = {at(a).id, at(a).boot, link_seq_},
            .a = a,
            .b = b,
            .up = true,
            .busy_until = {},
            .introduced_at = {}};
    const Identity to_b = of_a, to_a = of_b;
    Step(a, LinkUp{link.at_a, to_a});
    if (links_[{a, b}].up) Step(b, LinkUp{link.at_b, to_b});
    SendLatest(at(a), b);
    SendLatest(at(b), a);
  });
}

std::vector<ServerId> Ensemble::PlacesOf(ServerId id) const {
  std::vector<ServerId> places;
  for (const auto& [place, server] : servers_) {
    if (server.id == id) places.push_back(place);
  }
  return places;
}

ServerId Ensemble::OtherEnd(ServerId place, const LinkId& link) const {
  for (const auto& [ends, known] : links_) {
    if (!known.up || known.at_a.seq != link.seq) continue;
    return known.a == place ? known.b : known.a;
  }
  return kNoServer;
}

// What that disk is by the configurations that `place` knows.
size_t Ensemble::Rank(ServerId place, ServerId other) const {
  const Server& server = servers_.at(other);
  const auto lists = [&](const Membership& config) {
    const Member* const member = FindMember(config, server.id);
    return member != nullptr && member->disk == server.disk.state.disk;
  };
  const Configs& configs = ConfigsOf(place);
  if (configs.pending && lists(*configs.pending)) return 2;
  return lists(configs.committed) ? 1 : 0;
}

// A server has one link with an id: with the disk that ranks higher, or that is there already
// (PROTOCOL §5.3 D5).
bool Ensemble::MakesWay(ServerId place, ServerId other) {
  for (ServerId has : PlacesOf(at(other).id)) {
    if (has == other || !links_[Pair(place, has)].up) continue;
    if (Rank(place, other) <= Rank(place, has)) return false;
    Disconnect(place, has);
  }
  return true;
}

void Ensemble::Disconnect(ServerId a, ServerId b) {
  if (a > b) std::swap(a, b);
  Link& link = links_[{a, b}];
  if (!link.up) return;
  const Link old = link;
  link = {};
  if (at(a).peer) Step(a, LinkDown{old.at_a});
  if (at(b).peer) Step(b, LinkDown{old.at_b});
  Connect(a, b);
}

void Ensemble::TellIntroduced(ServerId sid, ServerId other) {
  if (other == sid) return;
  const auto key = Pair(sid, other);
  Link& link = links_[key];
  if (!link.up) return;
  const LinkId arrives = sid == key.first ? link.at_b : link.at_a;
  const Time arrival = ArrivalOf(link, sid);
  link.introduced_at[sid] = arrival;
  After(arrival - now_, [this, key, other, arrives, said = at(sid).identity] {
    const Link& link = links_[key];
    if (!link.up || (link.at_a != arrives && link.at_b != arrives)) return;
    Step(other, Introduced{arrives, said});
  });
}

// Of what is said now. It never overtakes an introduction.
Time Ensemble::ArrivalOf(Link& link, ServerId from) {
  return std::max(now_ + Random(options_.delay_max), link.introduced_at[from]);
}

void Ensemble::Transmit(Server& from, const LinkId& to, const Message& said) {
  const ServerId other = OtherEnd(from.place, to);
  if (other == kNoServer) return;
  Message message = said;
  if (forge) forge(from.place, other, &message);
  if (lost_if && lost_if(from.place, other)) return;
  if (drop_if && drop_if(from.place, other, message)) {
    return After({}, [this, a = from.place, b = other] { Disconnect(a, b); });
  }
  const auto key = Pair(from.place, other);
  Link& link = links_[key];
  const LinkId arrives = from.place == key.first ? link.at_b : link.at_a;
  Time& busy = link.busy_until[{from.place, LaneOf(message)}];
  busy = std::max(busy, ArrivalOf(link, from.place));
  After(busy - now_, [this, key, arrives, other, message, seq = to.seq] {
    const Link& link = links_[key];
    if (link.up && link.at_a.seq == seq) Step(other, Received{arrives, message});
  });
}

void Ensemble::SendLatest(Server& from, ServerId to) {
  const auto key = Pair(from.place, to);
  Link& link = links_[key];
  if (!link.up || !from.latest.contains(at(to).id) || (lost_if && lost_if(from.place, to))) return;
  const LinkId arrives = from.place == key.first ? link.at_b : link.at_a;
  After(ArrivalOf(link, from.place) - now_, [this, key, said_at = from.place, to, arrives] {
    const Link& link = links_[key];
    if (!link.up || (link.at_a != arrives && link.at_b != arrives)) return;
    // Newest wins: what is said now, not what was said then.
    Step(to, Notified{arrives, at(said_at).latest[at(to).id]});
  });
}

}  // namespace zkq::core
