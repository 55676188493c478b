// Members that come and go, on whole replicas in one process: real threads and real time, links
// and disks in memory.
#include <map>
#include <memory>
#include <string>

#include "absl/synchronization/notification.h"
#include "test/harness/catch.h"
#include "zkq/reconfiguration.h"
#include "zkq/testing/memory_file_system.h"
#include "zkq/testing/memory_network.h"
#include "zkq/zkq.h"

namespace zkq {
namespace {

constexpr ServerId kNew{4};

// Its state is how many commands it has applied, and the last of them.
class Last final : public StateMachine {
 public:
  absl::StatusOr<std::string> Apply(const Transaction& txn) override {
    ++count_;
    last_ = std::string(txn.command);
    return std::to_string(count_);
  }
  absl::StatusOr<std::string> Query(std::string_view) override {
    return std::to_string(count_) + " " + last_;
  }
  absl::StatusOr<SnapshotJob> Snapshot() override {
    return [state = std::to_string(count_) + " " + last_](SnapshotWriter& out) {
      return out.WriteRecord(state);
    };
  }
  absl::Status Restore(SnapshotReader& in) override {
    std::string record;
    absl::StatusOr<bool> more = in.ReadRecord(&record);
    if (!more.ok()) return more.status();
    const size_t space = record.find(' ');
    count_ = std::stoi(record.substr(0, space));
    last_ = record.substr(space + 1);
    return absl::OkStatus();
  }

 private:
  int count_ = 0;
  std::string last_;
};

class Ensemble {
 public:
  explicit Ensemble(int founders) {
    for (int id = 1; id <= founders; ++id) members_.push_back({.id = ServerId(id)});
    for (const Member& member : members_) Start(member.id);
  }

  // With its own entry, if it has one: it is to join.
  Replica& Start(ServerId sid, std::optional<Member> own = std::nullopt) {
    std::vector<Member> members = members_;
    if (own) members.push_back(*own);
    auto& disk = disks_[sid];
    if (disk == nullptr) disk = std::make_shared<testing::MemoryFileSystem>();
    ReplicaOptions options{.id = sid,
                           .members = members,
                           .data_dir = "data",
                           .state_machine = std::make_unique<Last>(),
                           .transport = network_.NewTransport()};
    options.env.file_system = disk;
    auto started = Replica::Start(std::move(options));
    REQUIRE(started.status().ToString() == "OK");
    replicas_[sid] = *std::move(started);
    return *replicas_[sid];
  }
  void Stop(ServerId sid) { replicas_.erase(sid); }
  void LoseDisk(ServerId sid) {
    Stop(sid);
    disks_.erase(sid);
  }
  Replica& at(ServerId sid) { return *replicas_.at(sid); }
  ServerId leader() {
    Replica& any = *replicas_.begin()->second;
    REQUIRE(any.WaitForLeader(absl::Minutes(1)).ok());
    return *any.Status().leader;
  }
  Membership membership() { return at(leader()).Status().membership; }
  void Write(const std::string& command) {
    INFO(command);
    for (int tries = 0; tries < 100; ++tries) {
      const auto reply = replicas_.begin()->second->Propose(command);
      if (reply.ok()) return;
      INFO(reply.status().ToString());
      REQUIRE(GetErrorInfo(reply.status()).outcome == Outcome::kNotCommitted);
      (void)replicas_.begin()->second->WaitForLeader(absl::Minutes(1));
    }
    FAIL("never taken");
  }
  void Change(Membership next) {
    const auto now = Reconfigure(*replicas_.begin()->second, std::move(next));
    REQUIRE(now.status().ToString() == "OK");
  }

 private:
  testing::MemoryNetwork network_;
  std::vector<Member> members_;
  std::map<ServerId, std::shared_ptr<testing::MemoryFileSystem>> disks_;
  std::map<ServerId, std::unique_ptr<Replica>> replicas_;
};

// A server whose role changes is without a leader for a moment.
std::string ReadAt(Replica& replica) {
  for (int tries = 0;; ++tries) {
    const auto reply = replica.Read("");
    if (reply.ok()) return reply->value;
    const bool passes = absl::IsUnavailable(reply.status()) && tries < 100;
    if (!passes || !replica.WaitForLeader(absl::Minutes(1)).ok()) return reply.status().ToString();
  }
}

TEST_CASE("members: a server joins, learns, and is added while writes go on") {
  Ensemble ensemble(3);
  ensemble.Write("before");
  Replica& joiner = ensemble.Start(kNew, Member{.id = kNew});
  REQUIRE(joiner.WaitForLeader(absl::Minutes(1)).ok());
  CHECK(joiner.Status().standing == Standing::kJoining);
  CHECK(joiner.Status().state == PeerState::kFollowing);
  CHECK_FALSE(joiner.Status().ready.ok());
  CHECK(ReadAt(joiner) == "1 before");
  REQUIRE(joiner.Propose("through it").ok());

  ensemble.Change(With(ensemble.membership(), {.id = kNew}));
  CHECK(joiner.WaitUntilReady(absl::Minutes(1)).ToString() == "OK");
  CHECK(joiner.Status().standing == Standing::kMember);
  CHECK(ensemble.membership().members.size() == 4);
  ensemble.Write("after");
  CHECK(ReadAt(joiner) == "3 after");
}

TEST_CASE("members: the leader is removed and may be stopped at once") {
  Ensemble ensemble(4);
  ensemble.Write("before");
  const ServerId leader = ensemble.leader();
  ensemble.Change(Without(ensemble.membership(), leader));
  ensemble.Stop(leader);
  ensemble.Write("after");
  CHECK(ensemble.leader() != leader);
  CHECK(ReadAt(ensemble.at(ensemble.leader())) == "2 after");
}

TEST_CASE("members: a lost disk is replaced by one call") {
  Ensemble ensemble(3);
  ensemble.Write("before");
  const ServerId lost{3};
  ensemble.LoseDisk(lost);
  Replica& back = ensemble.Start(lost);
  REQUIRE(back.WaitForLeader(absl::Minutes(1)).ok());
  CHECK(back.Status().standing == Standing::kJoining);
  CHECK(back.Status().health.code() == absl::StatusCode::kFailedPrecondition);
  Membership next = ensemble.membership();
  FindMember(&next, lost)->disk = kPresentDisk;
  ensemble.Change(next);
  CHECK(back.WaitUntilReady(absl::Minutes(1)).ToString() == "OK");
  CHECK(back.Status().standing == Standing::kMember);
  CHECK(back.Status().health.ok());
  ensemble.Stop(ServerId{2});
  ensemble.Write("after");
  CHECK(ReadAt(back) == "2 after");
}

TEST_CASE("members: an observer becomes a voter, and an observer again") {
  Ensemble ensemble(3);
  const Member observer{.id = kNew, .type = MemberType::kObserver};
  Replica& fourth = ensemble.Start(kNew, observer);
  REQUIRE(fourth.WaitForLeader(absl::Minutes(1)).ok());
  CHECK(fourth.Status().state == PeerState::kObserving);
  absl::Notification told;
  const Subscription subscription = fourth.Subscribe([&](const Event& event) {
    const bool listed = FindMember(event.status.membership, kNew) != nullptr;
    if (event.kind != Event::Kind::kMembershipChanged || !listed) return;
    if (!told.HasBeenNotified()) told.Notify();
  });
  ensemble.Change(With(ensemble.membership(), observer));
  told.WaitForNotification();
  REQUIRE(fourth.WaitUntilReady(absl::Minutes(1)).ok());
  CHECK(fourth.Status().state == PeerState::kObserving);
  const absl::StatusOr<Reply> reply = fourth.Propose("through an observer");
  REQUIRE(reply.ok());
  const ReadOptions own{.consistency = Consistency::kSequential, .at_least = reply->zxid};
  CHECK(fourth.Read("", own)->value == "1 through an observer");
  ensemble.Change(With(ensemble.membership(), {.id = kNew}));
  REQUIRE(fourth.WaitUntilReady(absl::Minutes(1)).ok());
  CHECK(fourth.Status().state != PeerState::kObserving);
  ensemble.Change(With(ensemble.membership(), observer));
  REQUIRE(fourth.WaitUntilReady(absl::Minutes(1)).ok());
  ensemble.Write("after");
  CHECK(ReadAt(fourth) == "2 after");
}

TEST_CASE("members: all are replaced in one step, and the old ones stopped at once") {
  Ensemble ensemble(3);
  ensemble.Write("before");
  Membership next = ensemble.membership();
  for (uint64_t id : {4, 5, 6}) {
    ensemble.Start(ServerId{id}, Member{.id = ServerId{id}});
    next = Without(With(next, {.id = ServerId{id}}), ServerId{id - 3});
  }
  ensemble.Change(next);
  for (uint64_t id : {1, 2, 3}) ensemble.Stop(ServerId{id});
  ensemble.Write("after");
  CHECK(ReadAt(ensemble.at(ServerId{5})) == "2 after");
}

TEST_CASE("members: changes that cannot be are refused, and say why") {
  Ensemble ensemble(3);
  ensemble.Write("before");
  Replica& any = ensemble.at(ServerId{1});
  const auto refusal = [&](Membership next, absl::Duration timeout) {
    return Reconfigure(any, std::move(next), {.timeout = timeout}).status();
  };
  const Membership now = ensemble.membership();
  CHECK(refusal(now, absl::Minutes(1)).ok());  // nothing to change
  Membership other = With(now, {.id = kNew});
  other.version = {9, 9};
  CHECK(refusal(other, absl::Minutes(1)).code() == absl::StatusCode::kAborted);
  CHECK(refusal({.version = now.version}, absl::Minutes(1)).code() ==
        absl::StatusCode::kInvalidArgument);
  const absl::Status late = refusal(With(now, {.id = kNew}), absl::Seconds(1));
  CHECK(late.code() == absl::StatusCode::kDeadlineExceeded);
  CHECK(GetErrorInfo(late).outcome == Outcome::kNotCommitted);
  CHECK(GetErrorInfo(late).servers == std::vector<ServerId>{kNew});
}

}  // namespace
}  // namespace zkq
