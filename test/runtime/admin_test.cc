// Replicas that are asked from outside, and what comes back.
#include "zkq/admin.h"

#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "lib/runtime/admin.h"
#include "lib/runtime/replica_impl.h"
#include "lib/runtime/reports.h"
#include "test/harness/catch.h"
#include "zkq/reconfiguration.h"
#include "zkq/testing/memory_file_system.h"
#include "zkq/testing/memory_network.h"
#include "zkq/zkq.h"

namespace zkq::runtime {
namespace {

using Code = absl::StatusCode;
constexpr ServerId kOne{1}, kTwo{2};

class Lines final : public LogSink {
 public:
  void Log(LogLevel, ServerId, std::string_view line) override {
    const std::lock_guard lock(mutex_);
    text_ += std::string(line) + "\n";
  }
  bool Has(std::string_view part) {
    const std::lock_guard lock(mutex_);
    return text_.find(part) != std::string::npos;
  }

 private:
  std::mutex mutex_;
  std::string text_;
};

// Replicas that only elect, and a tool.
struct World {
  std::unique_ptr<Replica> Start(ServerId sid, const std::vector<Member>& members,
                                 bool admin_from_anywhere = false) {
    ReplicaOptions options{.id = sid,
                           .members = members,
                           .admin_from_anywhere = admin_from_anywhere,
                           .data_dir = "data",
                           .transport = network.NewTransport(),
                           .log_sink = lines};
    options.env.file_system = std::make_shared<testing::MemoryFileSystem>();
    auto started = Replica::Start(std::move(options));
    REQUIRE(started.status().ToString() == "OK");
    return *std::move(started);
  }
  std::unique_ptr<Outside> Tool() {
    auto tool = Outside::Start({}, network.NewTransport());
    REQUIRE(tool.status().ToString() == "OK");
    return *std::move(tool);
  }

  testing::MemoryNetwork network;
  std::shared_ptr<Lines> lines = std::make_shared<Lines>();
};

// The network knows servers by their ids: the first address that a tool asks is that of server 1.
constexpr char kFirst[] = "first:1";
constexpr absl::Duration kTime = absl::Minutes(1);

TEST_CASE("admin: a server tells how it stands, also one that is not founded") {
  World world;
  const auto replica = world.Start(kOne, {{.id = kOne}, {.id = kTwo}});
  const absl::StatusOr<ReplicaStatus> status = world.Tool()->StatusOf(kFirst, kTime);
  REQUIRE(status.status().ToString() == "OK");
  CHECK(status->id == kOne);
  CHECK(status->standing == Standing::kUnfounded);
  CHECK(status->ready.code() == Code::kUnavailable);
  CHECK(status->staleness == absl::InfiniteDuration());
  CHECK(status->membership.members.size() == 2);
}

TEST_CASE("admin: the configuration is changed from outside, and the answer is as it is now") {
  World world;
  const auto replica = world.Start(kOne, {{.id = kOne}});
  REQUIRE(replica->WaitForLeader(kTime).ok());
  const auto tool = world.Tool();
  const Membership now = tool->StatusOf(kFirst, kTime)->membership;
  const Member observer{.id = kTwo, .type = MemberType::kObserver, .priority = 3};
  const auto changed = tool->Reconfigure(kFirst, With(now, observer), kTime);
  REQUIRE(changed.status().ToString() == "OK");
  CHECK(changed->members.size() == 2);
  CHECK(changed->version == replica->Status().membership.version);
}

TEST_CASE("admin: what a refused change says comes back whole") {
  World world;
  const auto replica = world.Start(kOne, {{.id = kOne}});
  REQUIRE(replica->WaitForLeader(kTime).ok());
  const auto tool = world.Tool();
  const Membership now = replica->Status().membership;
  const auto refusal = [&](const Membership& next, absl::Duration timeout) {
    return tool->Reconfigure(kFirst, next, timeout).status();
  };
  const absl::Status late = refusal(With(now, {.id = kTwo}), absl::Seconds(3));
  CHECK(late.code() == Code::kDeadlineExceeded);
  CHECK(GetErrorInfo(late).outcome == Outcome::kNotCommitted);
  CHECK(GetErrorInfo(late).servers == std::vector<ServerId>{kTwo});
  Membership other = now;
  other.version = {9, 9};
  other.members.front().priority = 7;
  CHECK(refusal(other, kTime).code() == Code::kAborted);
  CHECK(GetErrorInfo(refusal(other, kTime)).outcome == Outcome::kNotCommitted);
  CHECK(refusal({.version = now.version}, kTime).code() == Code::kInvalidArgument);
  Membership doubled = now;
  doubled.members.push_back(now.members.front());
  const absl::Status wrong = refusal(doubled, kTime);
  CHECK(wrong.code() == Code::kInvalidArgument);
  CHECK(std::string(wrong.message()).find("server 1") != std::string::npos);
}

TEST_CASE("admin: a membership is taken in any order, as Reconfigure takes it") {
  World world;
  const auto replica = world.Start(kOne, {{.id = kOne}});
  REQUIRE(replica->WaitForLeader(kTime).ok());
  const auto tool = world.Tool();
  Membership next = tool->StatusOf(kFirst, kTime)->membership;
  next.members.insert(next.members.begin(), {.id = kTwo, .type = MemberType::kObserver});
  CHECK(tool->Reconfigure(kFirst, next, kTime).status().ToString() == "OK");
  next.members.front().id = ServerId{3};
  const absl::Status late = tool->Reconfigure(kFirst, next, -absl::Seconds(1)).status();
  CHECK(late.code() == Code::kDeadlineExceeded);
}

absl::StatusOr<std::string> Ask(Replica& replica, const Asker& asker, Question question) {
  std::promise<absl::StatusOr<std::string>> promise;
  auto answer = promise.get_future();
  replica.impl().node->protocol().OnAsked(
      asker, std::move(question), kTime,
      [promise = std::move(promise)](absl::StatusOr<std::string> result) mutable {
        promise.set_value(std::move(result));
      });
  return answer.get();
}

std::string SameAgain(const Replica& replica) {
  return EncodeChangeRequest(
      {.next = replica.Status().membership, .time_left = std::chrono::minutes(1)});
}

TEST_CASE("admin: changes are taken over loopback alone, unless that is said, and loudly") {
  World world;
  const auto closed = world.Start(kOne, {{.id = kOne}});
  const auto open = world.Start(kTwo, {{.id = kTwo}}, true);
  REQUIRE(closed->WaitForLeader(kTime).ok());
  REQUIRE(open->WaitForLeader(kTime).ok());
  const auto change = [](Replica& replica, bool local) {
    return Ask(replica, {.local = local}, {std::string(kAskReconfigure), SameAgain(replica)});
  };
  const absl::Status denied = change(*closed, false).status();
  CHECK(denied.code() == Code::kPermissionDenied);
  CHECK(std::string(denied.message()).find("admin_from_anywhere") != std::string::npos);
  CHECK(change(*closed, true).ok());
  CHECK(change(*open, false).ok());
  CHECK(Ask(*closed, {}, {std::string(kAskStatus)}).ok());  // that changes nothing
  REQUIRE(open->Shutdown(kTime).ok());
  CHECK(world.lines->Has("admin-from-anywhere: "));
}

TEST_CASE("admin: only those who set it are told that anybody may change the ensemble") {
  World world;
  const auto replica = world.Start(kOne, {{.id = kOne}});
  REQUIRE(replica->Shutdown(kTime).ok());
  CHECK_FALSE(world.lines->Has("admin-from-anywhere"));
}

TEST_CASE("admin: what cannot be read is refused, and what is not known") {
  World world;
  const auto replica = world.Start(kOne, {{.id = kOne}});
  const auto ask = [&](std::string_view kind, const std::string& bytes) {
    return Ask(*replica, {.local = true}, {std::string(kind), bytes}).status().code();
  };
  CHECK(ask(kAskReconfigure, "\x0b") == Code::kInvalidArgument);
  CHECK(ask("dance", "") == Code::kUnimplemented);
}

TEST_CASE("admin: a change at a server that was shut down is not committed") {
  World world;
  const auto replica = world.Start(kOne, {{.id = kOne}});
  REQUIRE(replica->WaitForLeader(kTime).ok());
  REQUIRE(replica->Shutdown(kTime).ok());
  const auto answer =
      Ask(*replica, {.local = true}, {std::string(kAskReconfigure), SameAgain(*replica)});
  REQUIRE(answer.ok());
  const auto report = DecodeChangeReport(*answer);
  REQUIRE(report.has_value());
  CHECK(GetErrorInfo(StatusOf(report->error)).outcome == Outcome::kNotCommitted);
}

TEST_CASE("admin: nobody there is no change, and a lost answer an unknown one") {
  World world;
  const auto tool = world.Tool();
  const absl::Status status = tool->StatusOf(kFirst, absl::Milliseconds(200)).status();
  CHECK_FALSE(status.ok());
  CHECK(GetErrorInfo(status).outcome == Outcome::kNotCommitted);
  const Membership next{.members = {{.id = kOne}}};
  const absl::Status change = tool->Reconfigure(kFirst, next, absl::Milliseconds(200)).status();
  CHECK_FALSE(change.ok());
  CHECK(GetErrorInfo(change).outcome == Outcome::kUnknown);
}

TEST_CASE("admin: a status that has travelled says the same") {
  ReplicaStatus status{.id = kOne,
                       .state = PeerState::kLeading,
                       .phase = ZabPhase::kBroadcast,
                       .standing = Standing::kRemoved,
                       .leader = kTwo,
                       .epoch = 4,
                       .leads = 4,
                       .last_logged = {4, 5},
                       .last_committed = {4, 4},
                       .last_applied = {4, 3},
                       .last_snapshot = {3, 1},
                       .staleness = absl::Milliseconds(7),
                       .transactions_behind = 1,
                       .membership = {{4, 1}, {{.id = kOne, .address = "a:1", .disk = {1, 2}}}},
                       .changing = true,
                       .ensemble = {3, 4},
                       .listen_address = "a:1",
                       .outstanding_bytes = 9,
                       .last_sync_latency = absl::Microseconds(300),
                       .ready = MakeError(Code::kUnavailable, "not yet", {.servers = {kTwo}}),
                       .halted = true};
  status.links = {{.id = kTwo,
                   .type = MemberType::kObserver,
                   .standing = Standing::kUnlisted,
                   .up = true,
                   .since = absl::Seconds(3),
                   .error = MakeError(Code::kDataLoss, "broken"),
                   .durable = {4, 2},
                   .applied = {4, 1},
                   .transactions_behind = 3,
                   .bytes_behind = 400,
                   .caught_up = true}};
  const std::optional<StatusReport> there =
      DecodeStatusReport(EncodeStatusReport(ReportOf(status)));
  REQUIRE(there.has_value());
  const ReplicaStatus back = StatusOf(*there);
  CHECK(ReportOf(back) == ReportOf(status));
  CHECK(ToString(back) == ToString(status));
  CHECK(back.ready.ToString() == status.ready.ToString());
  CHECK(back.links[0].round_trip == absl::InfiniteDuration());
  CHECK(back.links[0].standing == Standing::kUnlisted);
}

}  // namespace
}  // namespace zkq::runtime
