// What surrounds the peers of an Ensemble: journals, snapshots, state machines.
#include "test/core/ensemble.h"

#include <algorithm>

#include "lib/wire/disk.h"

namespace zkq::core {

Membership ConfigOf(const Txn& txn) {
  Membership config = *DecodeMembership(txn.command.view());
  config.version = txn.zxid;
  return config;
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
  const Tick tick{.now = since, .wall = since.count()};
  if (!std::holds_alternative<Tick>(event)) server.peer->Step(tick, &effects);
  if (!std::holds_alternative<Tick>(event)) {
    trace("< " + ToString(event));
    server.peer->Step(event, &effects);
  } else {
    server.peer->Step(tick, &effects);
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
  BringCalls(sid);
}

void Ensemble::Rewake(Server& server) {
  const std::optional<Time> wake = server.peer->NextWake();
  if (!wake) return;
  const Time at_time = std::max(server.started + *wake, now_ + Time{1});
  if (server.wake && *server.wake <= at_time && *server.wake > now_) return;
  server.wake = at_time;
  After(at_time - now_, [this, sid = server.place, boot = server.boot, at_time] {
    Server& server = at(sid);
    if (!server.peer || server.boot != boot || server.wake != at_time) return;
    server.wake.reset();
    Step(sid, Tick{});
  });
}

void Ensemble::Carry(Server& server, const Effect& effect) {
  const ServerId sid = server.place;
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
    for (ServerId place : PlacesOf(notify->to)) SendLatest(server, place);
  } else if (const auto* drop = std::get_if<DropLink>(&effect)) {
    const ServerId other = OtherEnd(sid, drop->link);
    if (other != kNoServer) After({}, [this, sid, other] { Disconnect(sid, other); });
  } else if (const auto* introduce = std::get_if<Introduce>(&effect)) {
    server.identity = introduce->self;
    for (ServerId other : ids()) TellIntroduced(sid, other);
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
    Fetch(server, *fetch, options_.fetch_reports);
  } else if (const auto* deliver = std::get_if<Deliver>(&effect)) {
    CheckDelivered(server, *deliver);
    Apply(server, deliver->through);
    later(core::Applied{deliver->through});
  } else if (const auto* reject = std::get_if<Reject>(&effect)) {
    const std::string line = ToString(*reject);
    for (uint64_t tag : reject->tags) Decide(tag, line.substr(line.rfind(' ') + 1));
  } else if (const auto* again = std::get_if<ProposeAgain>(&effect)) {
    TakeBack(server, *again);
  } else if (const auto* refused = std::get_if<RejectChange>(&effect)) {
    Decide(refused->tag, std::string(ToString(refused->reason)));
  } else if (const auto* changed = std::get_if<Reconfigured>(&effect)) {
    Decide(changed->tag, "reconfigured");
    server.answers.emplace_back(changed->at, changed->tag);
    Answer(server);
  } else if (const auto* answer = std::get_if<AnswerReads>(&effect)) {
    for (uint64_t tag : answer->tags) {
      Decide(tag, "read");
      if (answer->at < read_floor_[tag]) Violate("INV-26: a read misses a completed write");
    }
  }
}

SnapshotMeta Ensemble::MetaOf(const Disk& disk) const {
  const std::vector<Txn>& content = disk.snapshot_content;
  SnapshotMeta meta{.zxid = disk.snapshot,
                    .leader_time = content.empty() ? 0 : content.back().leader_time,
                    .ensemble = disk.state.ensemble};
  if (!configs_.empty()) meta.membership = configs_.front();
  for (const Membership& config : configs_) {
    if (config.version <= disk.snapshot) meta.membership = config;
  }
  return meta;
}

// As lib/storage tells it, but for the hints: what is known committed may be more.
Recovered Ensemble::Recover(const Disk& disk) const {
  Recovered recovered{.state = disk.state,
                      .base = MetaOf(disk),
                      .epochs = Epochs(disk.begin),
                      .commit = disk.snapshot,
                      .applied = disk.snapshot};
  for (const Txn& txn : disk.log) {
    recovered.epochs.Append(txn.zxid);
    recovered.last_leader_time = txn.leader_time;
    recovered.window.push_back(txn);
    if (txn.zxid == disk.state.config.version) {
      recovered.commit = std::max(recovered.commit, txn.zxid);
    }
    if (txn.kind == TxnKind::kReconfig) recovered.reconfigurations.push_back(ConfigOf(txn));
  }
  return recovered;
}

void Ensemble::Fetch(Server& server, const FetchSnapshot& fetch, int reports) {
  using State = SnapshotFetched::State;
  const auto after = [&](Time delay, auto run) {
    After(delay, [this, sid = server.place, boot = server.boot, run] {
      if (at(sid).peer && at(sid).boot == boot) run(this, sid);
    });
  };
  if (reports > 0) {
    return after(std::chrono::seconds(1), [fetch, reports](Ensemble* self, ServerId sid) {
      self->Step(sid, SnapshotFetched{fetch.link, fetch.snapshot, State::kProgress});
      self->Fetch(self->at(sid), fetch, reports - 1);
    });
  }
  const ServerId from = OtherEnd(server.place, fetch.link);
  const Disk* const disk = from != kNoServer && up(from) ? &at(from).disk : nullptr;
  const bool there = disk != nullptr && disk->snapshot == fetch.snapshot;
  if (there) server.fetched[fetch.snapshot] = disk->snapshot_content;
  SnapshotFetched fetched{fetch.link, fetch.snapshot, there ? State::kComplete : State::kFailed};
  if (there) fetched.meta = MetaOf(*disk);
  after(Time{10} + Random(options_.delay_max),
        [fetched](Ensemble* self, ServerId sid) { self->Step(sid, fetched); });
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
    for (const Txn& txn : append->txns) {
      CheckLogged(server, txn);
      disk.log.push_back(txn);
    }
  } else if (const auto* cut = std::get_if<Truncate>(&effect)) {
    std::erase_if(disk.log, [&](const Txn& txn) { return txn.zxid > cut->after; });
  } else if (const auto* store = std::get_if<StoreState>(&effect)) {
    const uint64_t boot = disk.state.boot;
    if (store->state.accepted.epoch < disk.state.accepted.epoch ||
        store->state.current < disk.state.current) {
      Violate("INV-1: a promise or epoch fell");
    }
    if (store->state.config.version < disk.state.config.version) {
      Violate("INV-1: the committed configuration went back");
    }
    const bool founds = configs_.empty() && store->state.ensemble != EnsembleId{};
    if (founds) configs_.push_back(store->state.config);
    if (store->state.current > disk.state.current) CheckCurrent(server, store->state);
    disk.state = store->state;
    disk.state.boot = boot;
  } else if (const auto* install = std::get_if<InstallSnapshot>(&effect)) {
    disk.log.clear();
    disk.begin = disk.snapshot = install->snapshot;
    disk.snapshot_content = server.fetched[install->snapshot];
  }
}

// Changes, once what they depend on is applied.
void Ensemble::Answer(Server& server) {
  for (const auto& [at, call] : server.answers) {
    if (at <= server.applied_zxid) CheckChange(call);
  }
  std::erase_if(server.answers,
                [&](const auto& answer) { return answer.first <= server.applied_zxid; });
}

// What comes with a Deliver is the newest part of what it delivers, without a gap.
void Ensemble::CheckDelivered(const Server& server, const Deliver& deliver) {
  auto logged = server.live_tail.rbegin();
  while (logged != server.live_tail.rend() && logged->zxid > deliver.through) ++logged;
  for (auto txn = deliver.txns.rbegin(); txn != deliver.txns.rend(); ++txn) {
    if (logged == server.live_tail.rend() || !(*logged++ == *txn)) {
      Violate("INV-18: " + ToString(server.id) + " is given " + ToString(txn->zxid) +
              " to apply, which is not what it has logged");
    }
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
    const bool own = txn.origin.sid == server.id && txn.origin.boot == server.boot;
    if (own && txn.kind == TxnKind::kCommand) {
      Decide(txn.origin.call, "applied");
      answered_ = std::max(answered_, txn.zxid);
    }
  }
  Answer(server);
  if (server.applied_zxid < through) {
    Violate("INV-18: " + ToString(server.id) + " is told to apply " + ToString(through) +
            " but has only " + ToString(server.applied_zxid));
  }
}

}  // namespace zkq::core
