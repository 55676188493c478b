// What Start promises of its errors: each names the option, and its value.
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <unistd.h>

#include "test/grpc/grpc_ports.h"
#include "test/harness/catch.h"
#include "zkq/zkq.h"

namespace zkq {
namespace {

namespace fs = std::filesystem;

class TempDir {
 public:
  TempDir() {
    std::string path = fs::temp_directory_path() / "zkq-start-XXXXXX";
    REQUIRE(mkdtemp(path.data()) != nullptr);
    path_ = path;
  }
  ~TempDir() { fs::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

struct Silent final : StateMachine {
  absl::StatusOr<std::string> Apply(const Transaction&) override { return ""; }
  absl::StatusOr<std::string> Query(std::string_view) override { return ""; }
  absl::StatusOr<SnapshotJob> Snapshot() override {
    return absl::UnimplementedError("a silent machine has no state");
  }
  absl::Status Restore(SnapshotReader&) override { return absl::OkStatus(); }
};

// An ensemble of one on `address`, in `data_dir`.
ReplicaOptions OptionsOf(const std::string& address, std::string data_dir) {
  return {.id = ServerId{1},
          .members = {{.id = ServerId{1}, .address = address}},
          .data_dir = std::move(data_dir),
          .state_machine = std::make_unique<Silent>()};
}

// Start fails with `code`, and says all of `parts`.
void CheckRefused(ReplicaOptions options, absl::StatusCode code,
                  const std::vector<std::string>& parts) {
  const absl::Status status = Replica::Start(std::move(options)).status();
  INFO(status.ToString());
  CHECK(status.code() == code);
  CHECK(GetErrorInfo(status).outcome == Outcome::kNotCommitted);
  for (const std::string& part : parts) {
    CHECK(std::string(status.message()).find(part) != std::string::npos);
  }
}

TEST_CASE("a data_dir that cannot be one is refused by its name") {
  const TempDir dir;
  const std::string file = dir / "file", missing = dir / "missing/d";
  std::ofstream(file) << "not a directory";
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  CheckRefused(OptionsOf(testing::FreeAddress(), file), kInvalid, {"data_dir: ", file});
  CheckRefused(OptionsOf(testing::FreeAddress(), file + "/d"), kInvalid,
               {"data_dir: ", file + "/d"});
  CheckRefused(OptionsOf(testing::FreeAddress(), missing), kInvalid, {"data_dir: ", missing});
  const std::string loop = dir / "loop", too_long = dir / std::string(300, 'd');
  fs::create_symlink(loop, loop);
  for (const std::string& no_path : {loop + "/d", too_long}) {
    CheckRefused(OptionsOf(testing::FreeAddress(), no_path), kInvalid, {"data_dir: ", no_path});
  }
}

TEST_CASE("a data_dir that is in use, or another server's, is refused by its name") {
  const TempDir dir;
  const std::string data = dir / "d";
  const std::string address = testing::FreeAddress();
  constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;
  auto holder = Replica::Start(OptionsOf(address, data));
  REQUIRE(holder.ok());
  CheckRefused(OptionsOf(testing::FreeAddress(), data), kPrecondition,
               {"data_dir: ", data, "held by another replica"});
  holder->reset();
  ReplicaOptions other = OptionsOf(address, data);
  other.id = other.members[0].id = ServerId{2};
  CheckRefused(std::move(other), kPrecondition, {"data_dir: ", data, "server 1", "server 2"});
}

TEST_CASE("an address that nobody can dial is refused by its server") {
  const TempDir dir;
  for (const char* address : {"0.0.0.0:7001", "[::]:7001", "224.0.0.1:7001", "host:0", ":7001"}) {
    CheckRefused(OptionsOf(address, dir / "d"), absl::StatusCode::kInvalidArgument,
                 {"members: server 1 at \"", address});
  }
}

TEST_CASE("a change to an address that nobody can dial is refused by its server") {
  const TempDir dir;
  const auto replica = Replica::Start(OptionsOf(testing::FreeAddress(), dir / "d"));
  REQUIRE(replica.ok());
  REQUIRE((*replica)->WaitUntilReady(absl::Minutes(1)).ok());
  for (const char* address : {"0.0.0.0:7001", "host", "host:0", ":7001"}) {
    const Membership next =
        With((*replica)->Status().membership, {.id = ServerId{2}, .address = address});
    const absl::Status status = Reconfigure(**replica, next).status();
    INFO(status.ToString());
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    CHECK(GetErrorInfo(status).outcome == Outcome::kNotCommitted);
    CHECK(std::string(status.message()).find("server 2 at \"" + std::string(address)) == 0);
  }
}

TEST_CASE("a name that is not resolved yet asks for another try") {
  const TempDir dir;
  CheckRefused(OptionsOf("no.such.host.invalid:7001", dir / "d"), absl::StatusCode::kUnavailable,
               {"members: server 1: ", "no.such.host.invalid:7001", "not resolved"});
}

TEST_CASE("an address that cannot be listened on is refused by the option it came from") {
  const TempDir dir;
  const std::string taken = testing::FreeAddress();
  const auto holder = Replica::Start(OptionsOf(taken, dir / "holder"));
  REQUIRE(holder.ok());
  constexpr auto kUnavailable = absl::StatusCode::kUnavailable;
  CheckRefused(OptionsOf(taken, dir / "d"), kUnavailable,
               {"members: server 1: ", taken, "address in use"});
  CheckRefused(OptionsOf("192.0.2.1:7000", dir / "d"), kUnavailable,
               {"members: server 1: ", "192.0.2.1:7000", "not an address of this machine"});
  ReplicaOptions listens = OptionsOf("192.0.2.1:7000", dir / "d");
  listens.listen_address = taken;
  CheckRefused(std::move(listens), kUnavailable, {"listen_address: ", taken, "address in use"});
  // And nothing of a refused start is in the way of the next.
  CHECK(Replica::Start(OptionsOf(testing::FreeAddress(), dir / "d")).ok());
}

class Lines final : public LogSink {
 public:
  void Log(LogLevel level, ServerId, std::string_view line) override {
    const std::lock_guard lock(mutex_);
    text_ += level == LogLevel::kWarning ? "warning: " : "";
    text_.append(line) += '\n';
    changed_.notify_all();
  }
  std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  bool Await(const std::string& part) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30),
                             [&] { return text_.find(part) != std::string::npos; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string text_;
};

// Server 2 dials server 1, and has agreed on the address that server 1 has left.
TEST_CASE("a server that has moved is found at the address that the options list") {
  const TempDir dir;
  std::vector<Member> members = {{.id = ServerId{1}, .address = testing::FreeAddress()},
                                 {.id = ServerId{2}, .address = testing::FreeAddress()}};
  const auto lines = std::make_shared<Lines>();
  const auto run = [&] {
    std::vector<std::unique_ptr<Replica>> replicas;
    for (const Member& member : members) {
      auto started = Replica::Start({.id = member.id,
                                     .members = members,
                                     .data_dir = dir / ToString(member.id),
                                     .state_machine = std::make_unique<Silent>(),
                                     .log_sink = lines});
      REQUIRE(started.ok());
      replicas.push_back(*std::move(started));
    }
    for (const auto& replica : replicas) {
      CHECK(replica->WaitForLeader(absl::Seconds(30)) == absl::OkStatus());
    }
  };
  run();
  const std::string agreed = ToString(members[0]);
  CHECK(lines->text().find("members lists") == std::string::npos);
  members[0].address = testing::FreeAddress();
  run();
  INFO(lines->text());
  // Each of the two says it once.
  const std::string line = "warning: members-contradict: members lists " + ToString(members[0]);
  const size_t first = lines->text().find(line);
  REQUIRE(first != std::string::npos);
  const size_t second = lines->text().find(line, first + 1);
  REQUIRE(second != std::string::npos);
  CHECK(lines->text().find(line, second + 1) == std::string::npos);
  CHECK(lines->text().find("the ensemble has agreed on " + agreed) != std::string::npos);
}

TEST_CASE("unfounded servers that spell an address in two ways name it") {
  const TempDir dir;
  const std::string address = testing::FreeAddress();
  const std::string port = address.substr(address.rfind(':'));
  const Member other = {.id = ServerId{2}, .address = testing::FreeAddress()};
  const auto lines = std::make_shared<Lines>();
  const auto start = [&](ServerId sid, const std::string& spelled) {
    auto started = Replica::Start({.id = sid,
                                   .members = {{.id = ServerId{1}, .address = spelled}, other},
                                   .data_dir = dir / ToString(sid),
                                   .log_sink = lines});
    REQUIRE(started.ok());
    return *std::move(started);
  };
  const auto one = start(ServerId{1}, address);
  const auto two = start(ServerId{2}, "localhost" + port);
  const std::string ip = "1=" + address, name = "1=localhost" + port;
  CHECK(lines->Await("warning: members-differ: server 2 is configured with other members"));
  CHECK(lines->Await(ip + " here, " + name + " there"));
  CHECK(lines->Await("warning: members-differ: server 1 is configured with other members"));
  CHECK(lines->Await(name + " here, " + ip + " there"));
  CHECK(one->Status().ensemble == EnsembleId{});
}

TEST_CASE("a server that is listed at another's address says that it reaches itself") {
  const TempDir dir;
  const std::string address = testing::FreeAddress();
  const std::string port = address.substr(address.rfind(':'));
  auto started = Replica::Start({.id = ServerId{2},
                                 .members = {{.id = ServerId{1}, .address = "localhost" + port},
                                             {.id = ServerId{2}, .address = address}},
                                 .data_dir = dir / "2"});
  REQUIRE(started.ok());
  const Env env = NewSystemEnv();
  const auto reached = [&] {
    const ReplicaStatus status = (*started)->Status();
    return status.links.size() == 1 && status.links[0].error.message() ==
                                           "refused here: the address leads to this server itself";
  };
  const absl::Duration end = env.clock->Monotonic() + absl::Seconds(20);
  while (!reached() && env.clock->Monotonic() < end) {
    env.executor->Await(reached, absl::Milliseconds(20));
  }
  CHECK(reached());
  CHECK(ToString((*started)->Status()).find(" unlinked=1 ") != std::string::npos);
}

TEST_CASE("a replica that listens on port 0 says which port it got") {
  const TempDir dir;
  ReplicaOptions options = OptionsOf(testing::FreeAddress(), dir / "d");
  options.listen_address = "127.0.0.1:0";
  const auto replica = Replica::Start(std::move(options));
  REQUIRE(replica.ok());
  const std::string address = (*replica)->Status().listen_address;
  INFO(address);
  CHECK(address.substr(0, 10) == "127.0.0.1:");
  CHECK(std::stoi(address.substr(10)) > 0);
}

}  // namespace
}  // namespace zkq
