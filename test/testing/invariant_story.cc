#include "test/testing/invariant_story.h"

#include <algorithm>
#include <utility>

#include "lib/wire/disk.h"
#include "test/harness/catch.h"
#include "test/testing/founders.h"
#include "zkq/wire.h"

namespace zkq::testing {
namespace {

using storage::RecordType;

constexpr char kSegment[] = "data/log-0000000000000001";

}  // namespace

Txn MakeTxn(Zxid zxid, Zxid prev, std::string command) {
  if (command.empty()) command = "set " + ToString(zxid);
  return EncodeTxn(zxid, prev, TxnKind::kCommand, Origin{}, 0, command);
}

Story::Story(int servers, bool founded, bool listed) {
  for (int id = 1; id <= servers; ++id) {
    Server& server = *servers_.emplace(id, std::make_unique<Server>()).first->second;
    server.disk.SetWitness([this, id](const MemoryFileSystem::Operation& operation) {
      checker.OnDisk(ServerId(id), operation);
    });
    server.state.sid = ServerId(id);
    server.state.disk = FirstDiskOf(ServerId(id));
    if (listed) server.state.config = FoundersOf(servers);
    if (founded) server.state.ensemble = {7, 7};
    Start(id);
  }
}

std::string Story::Violated() const {
  return checker.violation() ? checker.violation()->property : "";
}
std::string Story::What() const { return checker.violation() ? checker.violation()->what : ""; }

// --- lives ------------------------------------------------------------------------------

void Story::Start(int id) {
  Server& server = at(id);
  checker.OnStarting(ServerId(id));
  const bool is_new = server.disk.Files().empty();
  if (is_new) REQUIRE(server.disk.CreateDirectory("data").ok());
  const auto mode = is_new ? FileSystem::Mode::kCreate : FileSystem::Mode::kWrite;
  server.file = *server.disk.Open(kSegment, mode);
  ++server.state.boot;
  WriteState(id);
  Sync(id);
  REQUIRE(server.disk.SyncDirectory("data").ok());
  checker.OnStarted(ServerId(id), absl::OkStatus());
}

void Story::Crash(int id, bool power) {
  Server& server = at(id);
  server.file.reset();
  power ? server.disk.Crash() : server.disk.KillProcess();
  checker.OnCrashed(ServerId(id), server.disk);
}

// --- disks ----------------------------------------------------------------------------------

void Story::Write(int id, storage::Batch batch, Zxid commit) {
  Server& server = at(id);
  storage::BatchHeader header{.segment = 1, .offset = server.offset, .commit = commit};
  batch.Seal(&header);
  REQUIRE(server.file->Write(server.offset, batch.pieces()).ok());
  server.offset = header.end();
}

void Story::Sync(int id) { REQUIRE(at(id).file->Sync().ok()); }

void Story::WriteTxn(int id, const Txn& txn) {
  storage::Batch batch;
  batch.Add(txn);
  Write(id, std::move(batch));
  at(id).log.push_back(txn);
}

void Story::WriteRecord(int id, RecordType type, std::string_view body) {
  storage::Batch batch;
  batch.Add(type, body);
  Write(id, std::move(batch));
}

void Story::WriteState(int id) {
  WriteRecord(id, RecordType::kState, EncodeHardState(at(id).state));
}

void Story::Log(int id, const Txn& txn) {
  WriteTxn(id, txn);
  Sync(id);
}

void Story::Truncate(int id, Zxid after) {
  WriteRecord(id, RecordType::kTruncate, EncodeZxid(after));
  std::erase_if(at(id).log, [&](const Txn& txn) { return txn.zxid > after; });
  Sync(id);
}

void Story::Rebase(int id, Zxid base) {
  WriteRecord(id, RecordType::kBase, EncodeZxid(base));
  at(id).log.clear();
  at(id).base = base;
  Sync(id);
}

void Story::Promise(int id, Epoch epoch, int leader) {
  at(id).state.accepted = {epoch, ServerId(leader), at(leader).state.boot};
  WriteState(id);
  Sync(id);
}

void Story::Take(int id, Epoch epoch) {
  at(id).state.current = epoch;
  WriteState(id);
  Sync(id);
}

// --- wires ------------------------------------------------------------------------------------

SimNetworkObserver::Route Story::RouteOf(int from, int to) const {
  return {.from = ServerId(from),
          .to = ServerId(to),
          .from_boot = at(from).state.boot,
          .to_boot = at(to).state.boot,
          .link = 1};
}

void Story::Say(int from, int to, const Session& session, const MessageBody& body) {
  const Message message{session, body};
  checker.OnSent(RouteOf(from, to), {.message = &message});
}

void Story::Hear(int from, int to, const Session& session, const MessageBody& body) {
  const Message message{session, body};
  checker.OnDelivered(RouteOf(from, to), {.message = &message});
}

void Story::Tell(int from, int to, const Session& session, const MessageBody& body) {
  Say(from, to, session, body);
  Hear(from, to, session, body);
}

void Story::Announce(int from, int to, const Notification& notification) {
  checker.OnSent(RouteOf(from, to), {.notification = &notification});
}

Session Story::SessionOf(int learner, Epoch epoch) const {
  return {.number = at(learner).sessions, .epoch = epoch};
}

// --- what a correct ensemble does -----------------------------------------------------------

void Story::Attach(int follower, int leader) {
  ++at(follower).sessions;
  Tell(follower, leader, SessionOf(follower),
       FollowerInfo{.accepted = at(follower).state.accepted});
}

void Story::Discover(int leader, const std::vector<int>& followers, Epoch epoch) {
  for (const int follower : followers) Attach(follower, leader);
  Promise(leader, epoch, leader);
  for (const int follower : followers) {
    Tell(leader, follower, SessionOf(follower), LeaderInfo{epoch});
    Promise(follower, epoch, leader);
    Tell(follower, leader, SessionOf(follower, epoch),
         AckEpoch{.current = at(follower).state.current, .last = at(follower).last()});
  }
}

void Story::Synchronize(int leader, int follower, Epoch epoch) {
  const Session session = SessionOf(follower, epoch);
  const Zxid last = at(leader).last();
  Tell(leader, follower, session, Diff{last});
  for (const Txn& txn : std::vector<Txn>(at(leader).log)) {
    if (txn.zxid <= at(follower).last()) continue;
    Tell(leader, follower, session, Proposal{{txn}});
    Log(follower, txn);
  }
  Tell(leader, follower, session, NewLeader{.last = last});
  Take(follower, epoch);
  Tell(follower, leader, session, Ack{{epoch, 0}});
}

void Story::Lead(int leader, const std::vector<int>& followers, Epoch epoch) {
  Discover(leader, followers, epoch);
  Take(leader, epoch);
  for (const int follower : followers) Synchronize(leader, follower, epoch);
  for (const int follower : followers) {
    Tell(leader, follower, SessionOf(follower, epoch), UpToDate{at(leader).last()});
  }
}

void Story::Propose(int leader, const std::vector<int>& followers, const Txn& txn) {
  const Session all{.number = 0, .epoch = txn.zxid.epoch};
  for (const int follower : followers) Tell(leader, follower, all, Proposal{{txn}});
  Log(leader, txn);
  for (const int follower : followers) {
    Log(follower, txn);
    Tell(follower, leader, SessionOf(follower, txn.zxid.epoch), Ack{txn.zxid});
  }
}

void Story::Broadcast(int leader, const std::vector<int>& followers, const Txn& txn) {
  Propose(leader, followers, txn);
  const Session all{.number = 0, .epoch = txn.zxid.epoch};
  for (const int follower : followers) Tell(leader, follower, all, Commit{txn.zxid});
}

void Story::Apply(int id, const Txn& txn) {
  checker.OnApplied(ServerId(id), {.zxid = txn.zxid, .command = txn.command.view()}, "");
}

ReplicaStatus Story::StatusOf(int id) const {
  return {.id = ServerId(id),
          .epoch = at(id).state.current,
          .last_logged = at(id).last(),
          .membership = at(id).state.config};
}

Txn Story::Next(int id, Epoch epoch, std::string command) const {
  const Zxid last = at(id).last();
  const uint32_t counter = last.epoch == epoch ? last.counter + 1 : 1;
  return MakeTxn({epoch, counter}, last, std::move(command));
}

}  // namespace zkq::testing
