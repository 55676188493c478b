#include "lib/runtime/options.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "lib/env/thread_executor.h"
#include "test/harness/catch.h"
#include "zkq/election.h"
#include "zkq/status.h"
#include "zkq/testing/memory_network.h"

namespace zkq {
namespace {

// Has a name, and does nothing.
class Named final : public Election {
 public:
  explicit Named(size_t bytes) : name_(bytes, 'n') {}
  std::string_view name() const override { return name_; }
  void SetConfigs(const MemberId&, const Configs&) override {}
  void Look(const Vote&, Time, Outbox*) override {}
  void Settle(PeerState, const Vote&, Outbox*) override {}
  void Receive(const MemberId&, const Notification&, Time, Outbox*) override {}
  void PeerUp(const MemberId&, Time, Outbox*) override {}
  void PeerDown(const MemberId&, Time, Outbox*) override {}
  void Tick(Time, Outbox*) override {}
  std::optional<Time> NextWake() const override { return std::nullopt; }
  std::optional<Decision> outcome() const override { return std::nullopt; }
  Notification current() const override { return {}; }

 private:
  const std::string name_;
};

ReplicaOptions Good() {
  return {.id = ServerId{1},
          .members = {{.id = ServerId{1}, .address = "a:1"}, {.id = ServerId{2}, .address = "b:2"}},
          .data_dir = "d"};
}

std::string Objection(const std::function<void(ReplicaOptions*)>& spoil) {
  ReplicaOptions options = Good();
  spoil(&options);
  const absl::Status status = runtime::CheckOptions(options);
  if (status.ok()) return "";
  REQUIRE(status.code() == absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

TEST_CASE("good options are accepted") {
  REQUIRE(Objection([](ReplicaOptions*) {}) == "");
  REQUIRE(Objection([](auto* o) { o->finalize_wait = absl::ZeroDuration(); }) == "");
  REQUIRE(Objection([](auto* o) { o->snapshot_every_transactions = 0; }) == "");
  REQUIRE(Objection([](auto* o) { o->listen_address = "0.0.0.0:7"; }) == "");
  REQUIRE(Objection([](auto* o) { o->members[1].address = "[::1]:7"; }) == "");
  REQUIRE(Objection([](auto* o) { o->listen_address = "0.0.0.0:0"; }) == "");  // any free port
  REQUIRE(Objection([](auto* o) { o->id = kNoServer; }) == "");                // it gets one
  REQUIRE(Objection([](auto* o) { o->may_found = false; }) == "");
  REQUIRE(Objection([](auto* o) { o->max_unlisted = 0; }) == "");
  REQUIRE(Objection([](auto* o) { o->max_unlisted = 1024; }) == "");
  REQUIRE(Objection([](auto* o) { o->admin_from_anywhere = true; }) == "");
}

TEST_CASE("observers, weights, groups and priorities are accepted") {
  REQUIRE(Objection([](auto* o) { o->members[1].type = MemberType::kObserver; }) == "");
  REQUIRE(Objection([](auto* o) { o->members[0].type = MemberType::kObserver; }) == "");
  REQUIRE(Objection([](auto* o) { o->members[0].weight = 0, o->members[1].weight = 7; }) == "");
  REQUIRE(Objection([](auto* o) { o->members[0].group = 1, o->members[1].group = 2; }) == "");
  REQUIRE(Objection([](auto* o) { o->members[1].priority = 0; }) == "");
}

TEST_CASE("a bad option is refused by its name, with its value") {
  REQUIRE(Objection([](auto* o) { o->id = ServerId{ToInt(kServerIdMax) + 1}; }) ==
          "id: 4611686018427387904 is not from 1 to 2^62-1");
  REQUIRE(Objection([](auto* o) { o->id = ServerId{7}; }) ==
          "members: this server, id 7, is not listed");
  REQUIRE(Objection([](auto* o) { o->data_dir = ""; }) == "data_dir: \"\"");
  REQUIRE(Objection([](auto* o) { o->members[0].address = "a"; }) ==
          "members: server 1 at \"a\": it is not host:port");
  REQUIRE(Objection([](auto* o) { o->tick = absl::ZeroDuration(); }) ==
          "tick: 0 is not from 1ms to 1h");
  REQUIRE(Objection([](auto* o) { o->tick = absl::Hours(2); }) == "tick: 2h is not from 1ms to 1h");
  REQUIRE(Objection([](auto* o) { o->finalize_wait = absl::Milliseconds(-1); }) ==
          "finalize_wait: -1ms is not from 0 to 1h");
  REQUIRE(Objection([](auto* o) { o->finalize_wait = absl::Hours(2); }) ==
          "finalize_wait: 2h is not from 0 to 1h");
  REQUIRE(Objection([](auto* o) { o->sync_limit = 0; }) ==
          "sync_limit: 0 is not from 1 to 1000000 ticks");
  REQUIRE(Objection([](auto* o) { o->init_limit = -1; }) ==
          "init_limit: -1 is not from 1 to 1000000 ticks");
  REQUIRE(Objection([](auto* o) { o->init_limit = 1'000'001; }) ==
          "init_limit: 1000001 is not from 1 to 1000000 ticks");
  REQUIRE(Objection([](auto* o) { o->max_command_bytes = 65 << 20; }) ==
          "max_command_bytes: 68157440 is not from 1 to 67108864");
  REQUIRE(Objection([](auto* o) { o->max_outstanding_bytes = 1 << 20; }) ==
          "max_outstanding_bytes: 1048576 leaves no room for a command of max_command_bytes, "
          "1048576, and 256 bytes a call");
  REQUIRE(Objection([](auto* o) { o->max_outstanding_bytes = 65 << 20; }) ==
          "max_outstanding_bytes: 68157440 is above 67109120");
  REQUIRE(Objection([](auto* o) { o->retain_snapshots = 0; }) ==
          "retain_snapshots: 0 is not 1 or more");
  REQUIRE(Objection([](auto* o) { o->log_segment_bytes = 0; }) ==
          "log_segment_bytes: 0 is not from 1 to 1099511627776");
  REQUIRE(Objection([](auto* o) { o->log_segment_bytes = (uint64_t{1} << 40) + 1; }) ==
          "log_segment_bytes: 1099511627777 is not from 1 to 1099511627776");
  REQUIRE(Objection([](auto* o) { o->window_bytes = 0; }) == "window_bytes: 0");
  REQUIRE(Objection([](auto* o) { o->max_unlisted = 1025; }) == "max_unlisted: 1025 is above 1024");
  REQUIRE(Objection([](auto* o) { o->members[0].address = "a:+1"; }) ==
          "members: server 1 at \"a:+1\": it is not host:port");
  REQUIRE(Objection([](auto* o) { o->members[1].address = "0.0.0.0:1"; }) ==
          "members: server 2 at \"0.0.0.0:1\": others cannot dial a wildcard address");
  REQUIRE(Objection([](auto* o) { o->listen_address = "nowhere"; }) ==
          "listen_address: \"nowhere\" is not host:port");
}

TEST_CASE("one executor for both, and an election of too long a name, are refused") {
  REQUIRE(Objection([](auto* o) {
            o->env.executor = o->env.blocking_executor = NewThreadExecutor(1);
          }).find("env: executor and blocking_executor are one: ") == 0);
  REQUIRE(Objection([](auto* o) { o->election = std::make_unique<Named>(kElectionNameMax); }) ==
          "");
  REQUIRE(Objection([](auto* o) { o->election = std::make_unique<Named>(kElectionNameMax + 1); }) ==
          "election: its name has more than " + std::to_string(kElectionNameMax) + " bytes");
}

TEST_CASE("members that are no configuration are refused, also by a server without an id") {
  REQUIRE(Objection([](auto* o) { o->members[1].id = ServerId{1}; }) ==
          "members: server 1 is listed twice");
  REQUIRE(Objection([](auto* o) { o->members[1].address = "A:01"; }) ==
          "members: A:01 is the address of two servers, 1 and 2");
  REQUIRE(Objection([](auto* o) { o->members[1].address = ""; }) ==
          "members: server 2 has no address");
  REQUIRE(Objection([](auto* o) { o->members[1].id = ServerId{ToInt(kServerIdMax) + 1}; }) ==
          "members: id 4611686018427387904 is not from 1 to 2^62-1");
  REQUIRE(Objection([](auto* o) { o->members[1].group = 2; }) ==
          "members: server 1 has no group, and server 2 has group 2");
  REQUIRE(Objection([](auto* o) {
            o->id = kNoServer;
            for (Member& member : o->members) member.type = MemberType::kObserver;
          }) == "members: there is no participant");
  REQUIRE(Objection([](auto* o) { o->id = kNoServer, o->members.clear(); }) ==
          "members: there is no participant");
}

TEST_CASE("a transport of the host's own may know all servers by their ids, or none") {
  const auto own = [](auto* o) { o->transport = testing::MemoryNetwork().NewTransport(); };
  REQUIRE(Objection([&](auto* o) {
            own(o);
            for (Member& member : o->members) member.address = "";
          }) == "");
  REQUIRE(Objection([&](auto* o) { own(o), o->members[0].address = "not dialled"; }) == "");
  REQUIRE(Objection([&](auto* o) { own(o), o->members[0].address = ""; }) ==
          "members: server 1 has no address");
  REQUIRE(Objection([&](auto* o) { own(o), o->members[1].address = "a:1"; }) ==
          "members: a:1 is the address of two servers, 1 and 2");
}

}  // namespace
}  // namespace zkq
