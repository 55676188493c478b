#include "lib/testing/checks/ledger.h"

#include <algorithm>
#include <functional>

namespace zkq::testing {

void Ledger::Violate(std::string_view property, std::string what) {
  if (!violation) violation = Violation{std::string(property), std::move(what)};
}

void Ledger::Keep(std::optional<Violation> found) {
  if (!violation) violation = std::move(found);
}

// --- servers and their disks --------------------------------------------------------------

void Ledger::Insert(ServerId sid, uint64_t disk) {
  const uint64_t before = std::exchange(present_[sid], disk);
  if (before == disk) return;
  absent_[{sid, before}] = std::move(servers[sid]);
  servers[sid] = std::move(absent_[{sid, disk}]);
  absent_.erase({sid, disk});
}

void Ledger::Replace(ServerId sid) {
  Server& gone = absent_[{sid, ++gone_}];
  gone = std::exchange(servers[sid], {});
  gone.lost = true;
}

MemberId Ledger::MemberOf(ServerId sid, uint64_t boot) {
  const auto spoke = disk_of_.find({sid, boot});
  return {SeatOf(sid), spoke == disk_of_.end() ? at(sid).id() : spoke->second};
}

MemberId Ledger::LeaderOf(const Term& term) const {
  const auto& [sid, boot, epoch] = term;
  const auto spoke = disk_of_.find({sid, boot});
  if (spoke != disk_of_.end()) return {SeatOf(sid), spoke->second};
  const auto server = servers.find(sid);
  return {SeatOf(sid), server == servers.end() ? DiskId{} : server->second.id()};
}

// --- quorums ----------------------------------------------------------------------------------

std::vector<Zxid> Ledger::Relevant(Zxid last, Zxid told) const {
  Zxid version = configurations.In(last, histories);
  if (version < told) return {told};
  std::vector<Zxid> relevant{version};
  while (!IsCommitted(version) && version > told) {
    version = configurations.In(histories.Before(version), histories);
    relevant.push_back(version);
  }
  return relevant;
}

bool Ledger::IsQuorum(const std::vector<Zxid>& versions, const std::set<MemberId>& members) const {
  return std::all_of(versions.begin(), versions.end(),
                     [&](Zxid version) { return configurations.IsQuorum(version, members); });
}

const Ledger::Standing* Ledger::Find(const Term& term, const MemberId& learner) const {
  const auto found = standings.find({term, learner});
  return found == standings.end() ? nullptr : &found->second;
}

// Of what has come to this leader, and of its own disk.
bool Ledger::HasPromised(const Term& term, const MemberId& member, const Server& server) const {
  const auto& [leader, boot, epoch] = term;
  if (member == LeaderOf(term)) {
    return server.disk.durable().state.accepted == Promise{epoch, SeatOf(leader), boot};
  }
  const Standing* standing = Find(term, member);
  return standing != nullptr && standing->counts;
}

bool Ledger::PromisedByQuorum(const Term& term) const {
  const auto leader = servers.find(std::get<ServerId>(term));
  if (leader == servers.end()) return false;
  const LogState& log = leader->second.disk.durable();
  return IsQuorum(Relevant(log.last, log.state.config.version),
                  Those([&](const MemberId& member, const Server& server) {
                    return HasPromised(term, member, server);
                  }));
}

// By what it was told in this term; its own disk counts when it has it.
bool Ledger::Counted(const Term& term, Zxid zxid) const {
  const MemberId leader = LeaderOf(term);
  return Decided(zxid, [&](const MemberId& member, const Server& server, Zxid held) {
    if (member == leader) {
      return server.damaged || (server.disk.durable().state.current >= std::get<Epoch>(term) &&
                                histories.Contains(held, server.disk.durable().last));
    }
    const Standing* standing = Find(term, member);
    return standing != nullptr && standing->acked && *standing->acked >= held;
  });
}

std::vector<Zxid> Ledger::RelevantTo(Epoch epoch) const {
  const auto begins = initial.find(epoch);
  const auto told = adopted.find(epoch);
  return Relevant(begins == initial.end() ? committed : begins->second,
                  told == adopted.end() ? Zxid{} : told->second);
}

// A quorum has taken just this epoch, durably: a later one says nothing of it. What a damaged disk
// has taken nobody knows.
bool Ledger::MayBeEstablished(Epoch epoch) const {
  if (established.contains(epoch)) return true;
  return IsQuorum(RelevantTo(epoch), Those([&](const MemberId&, const Server& server) {
                    return server.damaged || (server.took.contains(epoch) &&
                                              server.disk.durable().state.current >= epoch);
                  }));
}

// Nothing outside the initial history of an established epoch is ever committed.
bool Ledger::IsDead(Zxid zxid) const {
  return std::any_of(initial.begin(), initial.end(), [&](const auto& one) {
    return one.first > zxid.epoch && !histories.Contains(zxid, one.second) &&
           MayBeEstablished(one.first);
  });
}

bool Ledger::BeginningsAreUnknown() const {
  return std::any_of(servers.begin(), servers.end(),
                     [](const auto& one) { return one.second.tainted; });
}

Configs Ledger::ConfigsOf(ServerId sid) const {
  const auto server = servers.find(sid);
  if (server == servers.end()) return {};
  const LogState& log = server->second.disk.written();
  Configs configs{.committed = log.state.config};
  const Membership* const last = configurations.Find(configurations.In(log.last, histories));
  if (last == nullptr || last->version <= configs.committed.version) return configs;
  if (last->version == answered) {
    configs.committed = *last;
  } else {
    configs.pending = *last;
  }
  return configs;
}

// It need not know that the newest of its log is committed.
std::vector<Zxid> Ledger::MayCountFor(const LogState& log) const {
  const Zxid told = log.state.config.version;
  std::vector<Zxid> versions{told};
  for (Zxid version = configurations.In(log.last, histories); version > told;) {
    versions.push_back(version);
    version = configurations.In(histories.Before(version), histories);
  }
  return versions;
}

bool Ledger::MayStand(ServerId sid, const LogState& log) const {
  const std::vector<Zxid> versions = MayCountFor(log);
  return std::any_of(versions.begin(), versions.end(), [&](Zxid version) {
    return configurations.MayLead(version, {SeatOf(sid), log.state.disk});
  });
}

bool Ledger::MayVote(const LogState& log, const MemberId& member) const {
  const std::vector<Zxid> versions = MayCountFor(log);
  return std::any_of(versions.begin(), versions.end(),
                     [&](Zxid version) { return configurations.IsVoter(version, member); });
}

// Of two machines of a seat nobody is linked with both at once.
bool Ledger::QuorumsAreThere() const {
  std::set<MemberId> there;
  for (const auto& [place, server] : servers) {
    const ServerId seat = SeatOf(place);
    const bool alone = !servers.contains(TwinOf(seat));
    if (alone || NewestDisk(seat) == server.id()) there.insert({seat, server.id()});
  }
  return std::all_of(servers.begin(), servers.end(), [&](const auto& one) {
    const Configs configs = ConfigsOf(one.first);
    return configs.committed.members.empty() || Configurations::IsQuorum(configs, there);
  });
}

std::optional<uint64_t> Ledger::NumberOf(ServerId place, DiskId disk) const {
  const auto server = servers.find(place);
  const auto present = present_.find(place);
  if (server != servers.end() && server->second.id() == disk) {
    return present == present_.end() ? 0 : present->second;
  }
  for (const auto& [at, absent] : absent_) {
    if (at.first == place && absent.id() == disk && !absent.lost) return at.second;
  }
  return std::nullopt;
}

std::optional<uint64_t> Ledger::ListedDisk(ServerId place) const {
  const std::optional<DiskId> disk = NewestDisk(SeatOf(place));
  return disk ? NumberOf(place, *disk) : std::nullopt;
}

std::optional<DiskId> Ledger::NewestDisk(ServerId seat) const {
  std::map<Zxid, Membership, std::greater<>> all;
  for (const auto& [other, server] : servers) {
    const Configs configs = ConfigsOf(other);
    if (configs.committed.members.empty()) continue;  // it has not been founded yet
    all[configs.committed.version] = configs.committed;
    if (configs.pending) all[configs.pending->version] = *configs.pending;
  }
  for (const auto& [version, membership] : all) {
    const Member* const member = FindMember(membership, seat);
    if (member == nullptr || member->type != MemberType::kParticipant) continue;
    return member->disk;
  }
  return std::nullopt;
}

// A leader knows it by what it was told, everybody else by a leader or by its own log.
bool Ledger::MayKnowCommitted(ServerId sid, Zxid zxid) const {
  const Server& server = servers.at(sid);
  if (zxid == Zxid{} || server.damaged || histories.Contains(zxid, server.told_committed)) {
    return true;
  }
  const HardState& state = server.disk.durable().state;
  return histories.Contains(zxid, ProvenBy(server)) ||
         Counted({sid, state.boot, state.current}, zxid);
}

Zxid Ledger::ProvenBy(const Server& server) const {
  const LogState& log = server.disk.written();
  const Zxid newest = configurations.In(log.last, histories);
  const auto settles = settling.find(newest);
  const bool settled = settles != settling.end() &&
                       std::any_of(settles->second.begin(), settles->second.end(),
                                   [&](Zxid entry) { return histories.Contains(entry, log.last); });
  if (newest <= log.state.config.version || settled || newest.counter == 0) return newest;
  return configurations.In(histories.Before(newest), histories);
}

void Ledger::ToldCommitted(ServerId sid, Zxid commit) {
  Zxid& told = at(sid).told_committed;
  told = std::max(told, commit);
}

}  // namespace zkq::testing
