#include "test/core/ensemble.h"

#include <algorithm>

namespace zkq::core {
namespace {

std::pair<ServerId, ServerId> Pair(ServerId a, ServerId b) {
  return {std::min(a, b), std::max(a, b)};
}

std::string Bytes(const Txn& txn) { return std::string(txn.command.view()); }

}  // namespace

Ensemble::Ensemble(const Options& options) : options_(options), random_(options.seed) {
  for (int i = 1; i <= options.servers; ++i) {
    const ServerId sid{static_cast<uint64_t>(i)};
    Server& server = servers_[sid];
    server.id = sid;
    server.disk.state.sid = sid;
    server.disk.state.disk = {1, disks_++};
  }
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
  Recovered recovered{.state = server.disk.state,
                      .base = server.disk.snapshot,
                      .log_begin = server.disk.begin,
                      .last = server.disk.begin,
                      .commit = server.disk.snapshot,
                      .applied = server.disk.snapshot};
  for (const Txn& txn : server.disk.log) {
    if (recovered.epochs.empty() || recovered.epochs.back().epoch != txn.zxid.epoch) {
      recovered.epochs.push_back(txn.zxid);
    }
    recovered.epochs.back() = txn.zxid;
    recovered.last = txn.zxid;
    recovered.last_leader_time = txn.leader_time;
    recovered.window.push_back(txn);
  }
  server.applied = server.disk.snapshot_content;
  server.applied_zxid = server.disk.snapshot;
  server.live_tail.clear();
  for (const Txn& txn : server.disk.log) {
    if (txn.zxid > server.applied_zxid) server.live_tail.push_back(txn);
  }
  PeerOptions options{.self = sid,
                      .init_limit = options_.init_limit,
                      .window_txns_max = options_.window_txns_max,
                      .diff_txns_max = options_.diff_txns_max,
                      .rollover_counter = options_.rollover_counter};
  for (ServerId id : ids()) options.members.push_back({.id = id, .address = "s" + ToString(id)});
  server.peer = std::make_unique<Peer>(options, std::move(recovered), nullptr);
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
  for (const auto& [call, where] : asked_at_) {
    if (where == sid && outcomes_[call].empty()) outcomes_[call] = "crashed";
  }
}

void Ensemble::Wipe(ServerId sid) {
  Crash(sid);
  at(sid).disk = {};
  at(sid).disk.state.sid = sid;
  at(sid).disk.state.disk = {1, disks_++};
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

// --- links --------------------------------------------------------------------------

void Ensemble::Connect(ServerId a, ServerId b) {
  if (a > b) std::swap(a, b);
  After(Time{50} + Random(std::chrono::milliseconds(30)), [this, a, b] {
    Link& link = links_[{a, b}];
    if (link.up || cuts_.contains({a, b}) || !at(a).peer || !at(b).peer) return;
    const Identity& of_a = at(a).identity;
    const Identity& of_b = at(b).identity;
    const bool foreign = of_a.ensemble != EnsembleId{} && of_b.ensemble != EnsembleId{} &&
                         of_a.ensemble != of_b.ensemble;
    if (foreign) return Violate("two ensembles were founded");
    link = {.at_a = {b, at(b).boot, ++link_seq_},
            .at_b = {a, at(a).boot, link_seq_},
            .a = a,
            .b = b,
            .up = true,
            .busy_until = {}};
    const Identity to_b = of_a, to_a = of_b;
    Step(a, LinkUp{link.at_a, to_a});
    if (links_[{a, b}].up) Step(b, LinkUp{link.at_b, to_b});
    SendLatest(at(a), b);
    SendLatest(at(b), a);
  });
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

void Ensemble::Transmit(Server& from, const LinkId& to, const Message& message) {
  if (lost_if && lost_if(from.id, to.sid)) return;
  if (drop_if && drop_if(from.id, to.sid, message)) {
    return After({}, [this, a = from.id, b = to.sid] { Disconnect(a, b); });
  }
  const auto key = Pair(from.id, to.sid);
  Link& link = links_[key];
  const LinkId& seen_by_sender = from.id == key.first ? link.at_a : link.at_b;
  if (!link.up || seen_by_sender != to) return;
  const LinkId arrives = from.id == key.first ? link.at_b : link.at_a;
  Time& busy = link.busy_until[{from.id, LaneOf(message)}];
  busy = std::max(busy, now_ + Random(options_.delay_max));
  After(busy - now_, [this, key, arrives, to_sid = to.sid, message, seq = to.seq] {
    const Link& link = links_[key];
    if (link.up && link.at_a.seq == seq) Step(to_sid, Received{arrives, message});
  });
}

void Ensemble::SendLatest(Server& from, ServerId to) {
  const auto key = Pair(from.id, to);
  const Link& link = links_[key];
  if (!link.up || !from.latest.contains(to) || (lost_if && lost_if(from.id, to))) return;
  const LinkId arrives = from.id == key.first ? link.at_b : link.at_a;
  After(Random(options_.delay_max), [this, key, from_sid = from.id, to, arrives] {
    const Link& link = links_[key];
    if (!link.up || (link.at_a != arrives && link.at_b != arrives)) return;
    // Newest wins: what is said now, not what was said then.
    Step(to, Notified{arrives, at(from_sid).latest[to]});
  });
}

// --- effects ------------------------------------------------------------------------

void Ensemble::Step(ServerId sid, const Event& event) {
  Server& server = at(sid);
  if (!server.peer || !violation_.empty()) return;
  Effects effects;
  const auto trace = [&](const std::string& line) {
    if (tracing_) trace_.push_back(ToString(sid) + " " + line);
  };
  const auto since = now_ - server.started;
  if (!std::holds_alternative<Tick>(event)) server.peer->Step(Tick{since}, &effects);
  if (!std::holds_alternative<Tick>(event)) {
    trace("< " + ToString(event));
    server.peer->Step(event, &effects);
  } else {
    server.peer->Step(Tick{since}, &effects);
  }
  const uint64_t boot = server.boot;
  for (const Effect& effect : effects) {
    if (crash_before && crash_before(sid, effect)) return Crash(sid, crash_keeps);
    trace("> " + ToString(effect));
    if (seen) seen(sid, effect);
    Check(server, effect);
    Carry(server, effect);
    if (!server.peer || server.boot != boot) return;
  }
  Rewake(server);
}

void Ensemble::Rewake(Server& server) {
  const std::optional<Time> wake = server.peer->NextWake();
  if (!wake) return;
  const Time at_time = std::max(server.started + *wake, now_ + Time{1});
  if (server.wake && *server.wake <= at_time && *server.wake > now_) return;
  server.wake = at_time;
  After(at_time - now_, [this, sid = server.id, boot = server.boot, at_time] {
    Server& server = at(sid);
    if (!server.peer || server.boot != boot || server.wake != at_time) return;
    server.wake.reset();
    Step(sid, Tick{});
  });
}

void Ensemble::Carry(Server& server, const Effect& effect) {
  const ServerId sid = server.id;
  const uint64_t boot = server.boot;
  const auto later = [&](const Event& event) {
    After(Time{10} + Random(options_.delay_max), [this, sid, boot, event] {
      if (at(sid).peer && at(sid).boot == boot) Step(sid, event);
    });
  };
  const auto write = [&](WriteId id) {
    server.journal.emplace_back(id, effect);
    if (server.syncing || server.stalled) return;
    server.syncing = true;
    After(Time{1} + Random(options_.sync_max), [this, sid, boot] { SyncSome(sid, boot); });
  };
  if (const auto* send = std::get_if<Send>(&effect)) {
    for (const LinkId& to : send->to) Transmit(server, to, send->message);
  } else if (const auto* notify = std::get_if<Notify>(&effect)) {
    server.latest[notify->to] = notify->notification;
    SendLatest(server, notify->to);
  } else if (const auto* drop = std::get_if<DropLink>(&effect)) {
    After({}, [this, sid, to = drop->link.sid] { Disconnect(sid, to); });
  } else if (const auto* introduce = std::get_if<Introduce>(&effect)) {
    server.identity = introduce->self;
    for (ServerId other : ids()) {
      if (other != sid) After({}, [this, sid, other] { Disconnect(sid, other); });
    }
  } else if (const auto* append = std::get_if<Append>(&effect)) {
    server.live_tail.insert(server.live_tail.end(), append->txns.begin(), append->txns.end());
    write(append->write);
  } else if (const auto* cut = std::get_if<Truncate>(&effect)) {
    while (!server.live_tail.empty() && server.live_tail.back().zxid > cut->after) {
      server.live_tail.pop_back();
    }
    write(cut->write);
  } else if (const auto* store = std::get_if<StoreState>(&effect)) {
    write(store->write);
  } else if (const auto* install = std::get_if<InstallSnapshot>(&effect)) {
    server.live_tail.clear();
    server.applied = server.fetched[install->snapshot];
    server.applied_zxid = install->snapshot;
    write(install->write);
  } else if (const auto* read = std::get_if<ReadLog>(&effect)) {
    LogRead found{read->learner, read->session, {}};
    for (const Txn& txn : server.disk.log) {
      if (txn.zxid > read->after && found.txns.size() < 3) found.txns.push_back(txn);
    }
    if (read->after < server.disk.begin) found.txns.clear();
    later(found);
  } else if (const auto* fetch = std::get_if<FetchSnapshot>(&effect)) {
    const Server& from = at(fetch->link.sid);
    const bool there = from.peer && from.disk.snapshot == fetch->snapshot;
    if (there) server.fetched[fetch->snapshot] = from.disk.snapshot_content;
    later(SnapshotFetched{
        fetch->link, fetch->snapshot,
        there ? SnapshotFetched::State::kComplete : SnapshotFetched::State::kFailed});
  } else if (const auto* deliver = std::get_if<Deliver>(&effect)) {
    Apply(server, deliver->through);
    later(core::Applied{deliver->through});
  } else if (const auto* reject = std::get_if<Reject>(&effect)) {
    const std::string line = ToString(*reject);
    for (uint64_t tag : reject->tags) Decide(tag, line.substr(line.rfind(' ') + 1));
  } else if (const auto* answer = std::get_if<AnswerReads>(&effect)) {
    for (uint64_t tag : answer->tags) {
      Decide(tag, "read");
      if (answer->at < read_floor_[tag]) Violate("INV-26: a read misses a completed write");
    }
  }
}

void Ensemble::SyncSome(ServerId sid, uint64_t boot) {
  Server& server = at(sid);
  if (!server.peer || server.boot != boot || server.stalled) return;
  server.syncing = false;
  if (server.journal.empty()) return;
  const size_t count = 1 + random_() % server.journal.size();
  WriteId through = 0;
  for (size_t i = 0; i < count; ++i) {
    through = server.journal.front().first;
    MakeDurable(server, server.journal.front().second);
    server.journal.pop_front();
  }
  if (!server.journal.empty()) {
    server.syncing = true;
    After(Time{1} + Random(options_.sync_max), [this, sid, boot] { SyncSome(sid, boot); });
  }
  Step(sid, Synced{through});
}

void Ensemble::MakeDurable(Server& server, const Effect& effect) {
  Disk& disk = server.disk;
  if (const auto* append = std::get_if<Append>(&effect)) {
    disk.log.insert(disk.log.end(), append->txns.begin(), append->txns.end());
  } else if (const auto* cut = std::get_if<Truncate>(&effect)) {
    std::erase_if(disk.log, [&](const Txn& txn) { return txn.zxid > cut->after; });
  } else if (const auto* store = std::get_if<StoreState>(&effect)) {
    const uint64_t boot = disk.state.boot;
    if (store->state.accepted.epoch < disk.state.accepted.epoch ||
        store->state.current < disk.state.current) {
      Violate("INV-1: a promise or epoch fell");
    }
    disk.state = store->state;
    disk.state.boot = boot;
  } else if (const auto* install = std::get_if<InstallSnapshot>(&effect)) {
    disk.log.clear();
    disk.begin = disk.snapshot = install->snapshot;
    disk.snapshot_content = server.fetched[install->snapshot];
  }
}

void Ensemble::Apply(Server& server, Zxid through) {
  while (!server.live_tail.empty() && server.live_tail.front().zxid <= through) {
    const Txn txn = server.live_tail.front();
    server.live_tail.pop_front();
    if (txn.zxid <= server.applied_zxid) continue;
    server.applied.push_back(txn);
    server.applied_zxid = txn.zxid;
    const size_t index = server.applied.size() - 1;
    if (index == committed_.size()) {
      committed_.push_back(txn);
      CheckCommitted(txn);
    }
    if (index > committed_.size() || !(committed_[index] == txn)) {
      Violate("INV-11: " + ToString(server.id) + " applies " + ToString(txn.zxid) +
              " where others applied something else");
    }
    if (txn.origin.sid == server.id && txn.origin.boot == server.boot) {
      Decide(txn.origin.call, "applied");
      answered_ = std::max(answered_, txn.zxid);
    }
  }
  if (server.applied_zxid < through) {
    Violate("INV-18: " + ToString(server.id) + " is told to apply " + ToString(through) +
            " but has only " + ToString(server.applied_zxid));
  }
}

// --- what must hold -------------------------------------------------------------------

void Ensemble::Violate(const std::string& what) {
  if (violation_.empty()) violation_ = what + " (seed " + std::to_string(options_.seed) + ")";
}

// The first who applies a transaction is not alone with it: a quorum holds it durably.
// And nobody has been told that it never would be.
void Ensemble::CheckCommitted(const Txn& txn) {
  const auto said = outcomes_.find(txn.origin.call);
  if (said != outcomes_.end() && NotCommitted(said->second)) {
    Violate("a call was reported " + said->second + " and is committed as " + ToString(txn.zxid));
  }
  size_t holders = 0;
  for (const auto& [sid, server] : servers_) {
    const auto& log = server.disk.log;
    const bool logged = std::any_of(log.rbegin(), log.rend(),
                                    [&](const Txn& held) { return held.zxid == txn.zxid; });
    holders += logged || server.disk.snapshot >= txn.zxid;
  }
  if (holders <= servers_.size() / 2) {
    Violate("INV-15: " + ToString(txn.zxid) + " is committed, and durable at " +
            std::to_string(holders) + " only");
  }
}

bool Ensemble::NotCommitted(const std::string& outcome) {
  return outcome == "no-leader" || outcome == "overload" || outcome == "too-large" ||
         outcome == "abandoned";
}

void Ensemble::Decide(uint64_t call, const std::string& outcome) {
  std::string& decided = outcomes_[call];
  if (!decided.empty())
    Violate("call " + std::to_string(call) + " is " + decided + ", then " + outcome);
  const auto answers = [&](const Txn& txn) { return txn.origin.call == call; };
  if (NotCommitted(outcome) && std::any_of(committed_.begin(), committed_.end(), answers)) {
    Violate("call " + std::to_string(call) + " is committed and reported " + outcome);
  }
  decided = outcome;
}

void Ensemble::Check(const Server& server, const Effect& effect) {
  const Disk& disk = server.disk;
  if (const auto* halt = std::get_if<Halt>(&effect)) Violate("halt: " + halt->what);
  if (const auto* send = std::get_if<Send>(&effect)) {
    if (const auto* ack = std::get_if<Ack>(&send->message.body)) {
      const Zxid last = disk.log.empty() ? disk.begin : disk.log.back().zxid;
      const bool epoch_ack = ack->zxid.counter == 0;
      if (epoch_ack ? disk.state.current < ack->zxid.epoch : last < ack->zxid) {
        Violate("INV-4: acknowledged before it was durable: " + ToString(ack->zxid));
      }
    }
    if (const auto* promised = std::get_if<AckEpoch>(&send->message.body)) {
      const Epoch epoch = send->message.session.epoch;
      if (disk.state.accepted.epoch < epoch) Violate("INV-4: promised before it was durable");
      const LinkId& to = send->to.front();
      const auto [given, first] =
          promised_.try_emplace({server.id, epoch}, std::pair(to.sid, to.boot));
      if (promised->current && !first && given->second != std::pair(to.sid, to.boot)) {
        Violate("INV-3: one epoch is promised to two leaders");
      }
    }
  }
  if (const auto* cut = std::get_if<Truncate>(&effect)) {
    if (!committed_.empty() && cut->after < server.applied_zxid) {
      Violate("INV-19: applied transactions are cut");
    }
  }
  if (const auto* role = std::get_if<RoleChanged>(&effect)) {
    if (role->state == PeerState::kLeading && role->leader == server.id) {
      const auto [known, added] = established_.try_emplace(role->epoch, server.id);
      if (known->second != server.id) Violate("INV-2: two leaders of one epoch");
    }
  }
}

// --- calls ----------------------------------------------------------------------------

uint64_t Ensemble::Propose(ServerId sid, std::string command) {
  const uint64_t call = ++calls_;
  outcomes_[call] = "";
  asked_at_[call] = sid;
  if (!up(sid)) {
    outcomes_[call] = "down";
  } else {
    Step(sid, Proposed{{{call, Payload(std::move(command))}}});
  }
  return call;
}

uint64_t Ensemble::Read(ServerId sid) {
  const uint64_t call = ++calls_;
  outcomes_[call] = "";
  asked_at_[call] = sid;
  read_floor_[call] = answered_;
  if (!up(sid)) {
    outcomes_[call] = "down";
  } else {
    Step(sid, ReadAsked{{call}});
  }
  return call;
}

std::vector<std::string> Ensemble::Logged(ServerId sid) const {
  std::vector<std::string> commands;
  for (const Txn& txn : servers_.at(sid).disk.log) commands.push_back(Bytes(txn));
  return commands;
}

std::string Ensemble::Outcome(uint64_t call) const { return outcomes_.at(call); }

std::vector<uint64_t> Ensemble::Undecided() const {
  std::vector<uint64_t> undecided;
  for (const auto& [call, outcome] : outcomes_) {
    if (outcome.empty()) undecided.push_back(call);
  }
  return undecided;
}

// --- what is seen ---------------------------------------------------------------------

bool Ensemble::Serving(ServerId sid) const { return up(sid) && View(sid).leader != kNoServer; }

bool Ensemble::AllServe() const {
  return std::all_of(servers_.begin(), servers_.end(),
                     [this](const auto& server) { return Serving(server.first); });
}

ServerId Ensemble::Leader() const {
  ServerId leader = kNoServer;
  Epoch epoch = 0;
  for (const auto& [sid, server] : servers_) {
    if (!server.peer) continue;
    const Peer::View view = server.peer->view();
    if (view.state != PeerState::kLeading || view.leader != sid || view.epoch < epoch) continue;
    leader = sid;
    epoch = view.epoch;
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
    lines += std::string(ToString(view.state)) + " " + std::string(ToString(view.phase));
    if (view.amnesic) lines += " amnesic";
    lines += " epoch " + std::to_string(view.epoch) + " last " + ToString(view.last) + " commit " +
             ToString(view.commit) + " applied " + ToString(server.applied_zxid) + "\n";
  }
  return lines;
}

}  // namespace zkq::core
