#include "test/runtime/cluster.h"

#include <cstdlib>
#include <iostream>

#include "test/harness/catch.h"

namespace zkq::runtime {

absl::StatusOr<std::string> History::Apply(const Transaction& txn) {
  if (!seen_->poison.empty() && txn.command == seen_->poison) {
    return absl::InternalError("poisoned");
  }
  seen_->commands.emplace_back(txn.command);
  return std::to_string(seen_->commands.size());
}

absl::StatusOr<std::string> History::Query(std::string_view request) {
  if (request == "count") return std::to_string(seen_->commands.size());
  if (request == "last" && !seen_->commands.empty()) return seen_->commands.back();
  return absl::NotFoundError("no such thing");
}

absl::StatusOr<SnapshotJob> History::Snapshot() {
  ++seen_->snapshots;
  return SnapshotJob([copy = seen_->commands](SnapshotWriter& out) {
    for (const std::string& command : copy) {
      if (absl::Status s = out.WriteRecord(command); !s.ok()) return s;
    }
    return absl::OkStatus();
  });
}

absl::Status History::Restore(SnapshotReader& in) {
  ++seen_->restores;
  seen_->commands.clear();
  for (std::string record;;) {
    absl::StatusOr<bool> more = in.ReadRecord(&record);
    if (!more.ok()) return more.status();
    if (!*more) return absl::OkStatus();
    seen_->commands.push_back(record);
  }
}

void LogLines::Log(LogLevel, ServerId self, std::string_view line) {
  lines.emplace_back(self, line);
  if (echo) std::cerr << ToInt(self) << ": " << line << "\n";
}

Cluster::Cluster(int servers, uint64_t seed) : scheduler(seed), network(&scheduler) {
  lines_->echo = std::getenv("ZKQ_ECHO") != nullptr;
  for (int id = 1; id <= servers; ++id) {
    servers_[id] = {.disk = std::make_shared<testing::MemoryFileSystem>(),
                    .seen = std::make_shared<History::Seen>()};
  }
}

Cluster::~Cluster() {
  for (const int id : ids()) {
    if (up(id)) Crash(id);
  }
}

std::vector<int> Cluster::ids() const {
  std::vector<int> ids;
  for (const auto& [id, server] : servers_) ids.push_back(id);
  return ids;
}

ReplicaOptions Cluster::OptionsOf(int id) {
  Server& server = servers_.at(id);
  server.executor = std::make_shared<testing::SimExecutor>(&scheduler);
  server.blocking = std::make_shared<testing::SimExecutor>(&scheduler);
  ReplicaOptions options;
  options.id = ServerId(id);
  for (const int other : ids()) options.members.push_back({.id = ServerId(other)});
  options.data_dir = "data";
  options.log_segment_bytes = 64 << 10;
  options.transport = network.NewTransport(lines_);
  options.log_sink = lines_;
  options.env = {.clock = std::make_shared<testing::SimClock>(&scheduler),
                 .executor = server.executor,
                 .blocking_executor = server.blocking,
                 .random = std::make_shared<testing::SimRandom>(scheduler.random().Next()),
                 .file_system = server.disk};
  options.state_machine = std::make_unique<History>(server.seen);
  if (adjust) adjust(&options);
  return options;
}

void Cluster::StartAll() {
  for (const int id : ids()) {
    if (!up(id)) Start(id);
  }
}

absl::Status Cluster::TryStart(int id) {
  auto started = Replica::Start(OptionsOf(id));
  if (started.ok()) servers_.at(id).replica = *std::move(started);
  return started.status();
}

void Cluster::Start(int id) { REQUIRE(TryStart(id) == absl::OkStatus()); }

void Cluster::Crash(int id) {
  Server& server = servers_.at(id);
  server.executor->Stop();
  server.blocking->Stop();
  network.Crash(ServerId(id));
  server.disk->Crash();
  server.replica.reset();
}

absl::Status Cluster::Shutdown(int id, absl::Duration grace) {
  absl::Status status = at(id).Shutdown(grace);
  servers_.at(id).replica.reset();
  return status;
}

std::optional<int> Cluster::Leader() {
  std::map<ServerId, size_t> followed;
  for (const int id : ids()) {
    if (!up(id)) continue;
    const ReplicaStatus status = at(id).Status();
    if (status.phase == ZabPhase::kBroadcast && status.leader) ++followed[*status.leader];
  }
  for (const auto& [leader, count] : followed) {
    const int id = static_cast<int>(ToInt(leader));
    if (count > servers_.size() / 2 && up(id) && at(id).Status().state == PeerState::kLeading) {
      return id;
    }
  }
  return std::nullopt;
}

int Cluster::AwaitLeader() { return AwaitLeaderOtherThan(0); }

int Cluster::AwaitLeaderOtherThan(int id) {
  std::optional<int> leader;
  REQUIRE(Until([&] {
    leader = Leader();
    return leader && leader != id;
  }));
  return *leader;
}

Reply Cluster::Write(int id, const std::string& command) {
  absl::StatusOr<Reply> reply;
  REQUIRE(Until([&] {
    // In a task of the scheduler nothing may block: this is outside of all.
    reply = at(id).Propose(command);
    return reply.ok();
  }));
  return *reply;
}

bool Cluster::Until(absl::FunctionRef<bool()> condition, absl::Duration limit) {
  const absl::Duration end = scheduler.now() + limit;
  while (!condition()) {
    if (scheduler.now() >= end) return false;
    scheduler.RunFor(absl::Milliseconds(10));
  }
  return true;
}

std::vector<std::string> Cluster::Said(int id, Line line) const {
  const std::string head = std::string(InfoOf(line).name) + ": ";
  std::vector<std::string> texts;
  for (const auto& [sid, text] : lines_->lines) {
    if (sid == ServerId(id) && text.starts_with(head)) texts.push_back(text.substr(head.size()));
  }
  return texts;
}

bool Cluster::AllApplied(size_t commands) {
  return Until([&] {
    for (const int id : ids()) {
      if (up(id) && seen(id).commands.size() < commands) return false;
    }
    return true;
  });
}

}  // namespace zkq::runtime
