#include "test/core/ensemble.h"

#include <algorithm>

#include "test/core/blind_election.h"
#include "zkq/wire.h"

namespace zkq::core {
namespace {

std::string Bytes(const Txn& txn) { return std::string(txn.command.view()); }

}  // namespace

Ensemble::Ensemble(const Options& options) : options_(options), random_(options.seed) {
  std::vector<Member> founders;
  for (int i = 1; i <= options.servers; ++i) {
    const ServerId sid{static_cast<uint64_t>(i)};
    Server& server = servers_[sid];
    server.place = server.id = sid;
    server.disk.state.sid = sid;
    server.disk.state.disk = {1, disks_++};
    founders.push_back({.id = sid, .address = "s" + ToString(sid)});
  }
  for (auto& [sid, server] : servers_) server.members = founders;
  if (!options.start) return;
  for (ServerId sid : ids()) Start(sid);
}

Ensemble::~Ensemble() = default;

std::vector<ServerId> Ensemble::ids() const {
  std::vector<ServerId> all;
  for (const auto& [sid, server] : servers_) all.push_back(sid);
  return all;
}

// --- time ---------------------------------------------------------------------------

void Ensemble::After(Time delay, std::function<void()> run) {
  tasks_.push_back({now_ + delay, ++order_, std::move(run)});
  std::push_heap(tasks_.begin(), tasks_.end());
}

Time Ensemble::Random(Time max) {
  return Time{static_cast<int64_t>(random_() % static_cast<uint64_t>(max.count() + 1))};
}

bool Ensemble::RunUntil(const std::function<bool()>& done, Time limit) {
  const Time end = now_ + limit;
  while (violation_.empty() && !done()) {
    if (tasks_.empty() || tasks_.front().at > end) {
      now_ = end;
      return done();
    }
    std::pop_heap(tasks_.begin(), tasks_.end());
    Task task = std::move(tasks_.back());
    tasks_.pop_back();
    now_ = task.at;
    task.run();
  }
  return violation_.empty() && done();
}

void Ensemble::RunFor(Time time) {
  RunUntil([] { return false; }, time);
}

// --- life and death -----------------------------------------------------------------

void Ensemble::Start(ServerId sid) {
  Server& server = at(sid);
  if (server.peer) return;
  server.boot = server.disk.state.boot = ++boots_;
  server.started = now_;
  Recovered recovered = Recover(server.disk);
  server.applied = server.disk.snapshot_content;
  server.applied_zxid = server.disk.snapshot;
  server.live_tail.clear();
  for (const Txn& txn : server.disk.log) {
    if (txn.zxid > server.applied_zxid) server.live_tail.push_back(txn);
  }
  PeerOptions options{.self = server.id,
                      .may_found = server.may_found,
                      .members = server.members,
                      .init_limit = options_.init_limit,
                      .window_txns_max = options_.window_txns_max,
                      .credit_bytes = options_.credit_bytes,
                      .request_credit_bytes = options_.request_credit_bytes,
                      .diff_txns_max = options_.diff_txns_max,
                      .rollover_counter = options_.rollover_counter};
  std::unique_ptr<Election> election;
  if (options_.blind) election = std::make_unique<BlindElection>(random_());
  server.peer = std::make_unique<Peer>(options, std::move(recovered), std::move(election));
  server.identity = server.peer->identity();
  Step(sid, Tick{});
  for (ServerId other : ids()) {
    if (other != sid) Connect(sid, other);
  }
}

void Ensemble::Crash(ServerId sid, Kept kept) {
  Server& server = at(sid);
  if (!server.peer) return;
  server.peer.reset();
  for (ServerId other : ids()) {
    if (other != sid) Disconnect(sid, other);
  }
  size_t writes = random_() % (server.journal.size() + 1);
  if (kept == Kept::kNothing) writes = 0;
  if (kept == Kept::kAll) writes = server.journal.size();
  for (size_t i = 0; i < writes; ++i) MakeDurable(server, server.journal[i].second);
  server.journal.clear();
  server.syncing = false;
  server.latest.clear();
  server.wake.reset();
  server.fetched.clear();
  server.waiting.clear();
  server.answers.clear();
  for (const auto& [call, where] : asked_at_) {
    if (where == sid && outcomes_[call].empty()) outcomes_[call] = "crashed";
  }
}

void Ensemble::Wipe(ServerId sid) {
  Crash(sid);
  at(sid).former.push_back(std::exchange(at(sid).disk, {}));
  at(sid).disk.state.sid = at(sid).id;
  at(sid).disk.state.disk = {1, disks_++};
}

void Ensemble::Replace(ServerId sid) {
  Wipe(sid);
  at(sid).may_found = false;
}

void Ensemble::Return(ServerId sid) {
  Crash(sid);
  std::swap(at(sid).disk, at(sid).former.back());
}

ServerId Ensemble::ReturnBeside(ServerId sid) {
  constexpr uint64_t kBeside = 1000;
  Server& present = at(sid);
  const ServerId place{kBeside + servers_.size()};
  Server& server = servers_[place];
  server.place = place;
  server.id = present.id;
  server.may_found = false;
  server.members = present.members;
  server.disk = std::move(present.former.back());
  present.former.pop_back();
  Start(place);
  return place;
}

void Ensemble::Join(ServerId sid, MemberType as) {
  Server& server = servers_[sid];
  server.place = server.id = sid;
  server.may_found = false;
  server.members = servers_.begin()->second.members;
  server.members.push_back({.id = sid, .address = "s" + ToString(sid), .type = as});
  server.disk.state.sid = sid;
  server.disk.state.disk = {1, disks_++};
  Start(sid);
}

void Ensemble::Cut(ServerId a, ServerId b) {
  cuts_.insert(Pair(a, b));
  Disconnect(a, b);
}

void Ensemble::Heal(ServerId a, ServerId b) {
  cuts_.erase(Pair(a, b));
  Connect(a, b);
}

void Ensemble::HealAll() {
  for (const auto& [a, b] : std::set(cuts_)) Heal(a, b);
}

void Ensemble::StallDisk(ServerId sid, bool stalled) {
  at(sid).stalled = stalled;
  if (!stalled && !at(sid).journal.empty()) SyncSome(sid, at(sid).boot);
}

void Ensemble::SnapshotAndPurge(ServerId sid) {
  Server& server = at(sid);
  if (!server.peer) return;
  const Zxid snapshot = server.applied_zxid;
  const Zxid purge = std::min(snapshot, server.peer->view().pinned_after);
  if (snapshot <= server.disk.snapshot || purge <= server.disk.begin) return;
  server.disk.snapshot = snapshot;
  server.disk.snapshot_content = server.applied;
  Step(sid, SnapshotTaken{snapshot});
  std::erase_if(server.disk.log, [&](const Txn& txn) { return txn.zxid <= purge; });
  server.disk.begin = purge;
  Step(sid, LogPurged{purge});
}

void Ensemble::Extend(ServerId sid) {
  Server& server = at(sid);
  const Zxid prev = server.disk.log.empty() ? server.disk.begin : server.disk.log.back().zxid;
  const Epoch epoch = server.disk.state.current;
  const uint32_t counter = prev.epoch == epoch ? prev.counter + 1 : 1;
  const Call call = MakeCall(++calls_, Payload("alone"));
  std::vector<Txn> txns = {{.zxid = {epoch, counter},
                            .prev = prev,
                            .origin = {.sid = server.id, .boot = server.boot, .call = call.tag},
                            .command_crc = call.command_crc,
                            .command = call.command}};
  EncodeTxns(txns);
  CheckLogged(server, txns.front());
  server.disk.log.push_back(txns.front());
}

std::vector<std::string> Ensemble::Logged(ServerId sid) const {
  std::vector<std::string> commands;
  for (const Txn& txn : servers_.at(sid).disk.log) commands.push_back(Bytes(txn));
  return commands;
}

std::vector<Membership> Ensemble::LoggedConfigs(ServerId sid) const {
  std::vector<Membership> configs;
  for (const Txn& txn : servers_.at(sid).disk.log) {
    const bool newer = txn.kind == TxnKind::kReconfig && txn.zxid > newest().version;
    if (newer) configs.push_back(ConfigOf(txn));
  }
  return configs;
}

// --- what is seen ---------------------------------------------------------------------

bool Ensemble::Serving(ServerId sid) const { return up(sid) && View(sid).role.leader != kNoServer; }

bool Ensemble::AllServe() const {
  return std::all_of(servers_.begin(), servers_.end(),
                     [this](const auto& server) { return Serving(server.first); });
}

ServerId Ensemble::Leader() const {
  ServerId leader = kNoServer;
  Epoch epoch = 0;
  for (const auto& [sid, server] : servers_) {
    if (!server.peer) continue;
    const Role role = server.peer->view().role;
    if (role.state != PeerState::kLeading || role.leader != server.id || role.epoch < epoch) {
      continue;
    }
    leader = sid;
    epoch = role.epoch;
  }
  return leader;
}

std::vector<std::string> Ensemble::Applied(ServerId sid) const {
  std::vector<std::string> commands;
  for (const Txn& txn : servers_.at(sid).applied) commands.push_back(Bytes(txn));
  return commands;
}

std::string Ensemble::Summary() const {
  std::string lines;
  for (const auto& [sid, server] : servers_) {
    lines += ToString(sid) + " ";
    if (!server.peer) {
      lines += "down\n";
      continue;
    }
    const Peer::View view = server.peer->view();
    lines += std::string(ToString(view.role.state)) + " " + std::string(ToString(view.role.phase));
    if (view.role.amnesic) lines += " amnesic";
    lines += " epoch " + std::to_string(view.role.epoch) + " last " + ToString(view.last) +
             " commit " + ToString(view.commit) + " applied " + ToString(server.applied_zxid) +
             "\n";
  }
  return lines;
}

}  // namespace zkq::core
