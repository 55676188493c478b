// Changes of the configuration, driven to where a mistake would hurt. Random walks of the
// protocol's model find some mistakes once in thousands of walks; here each is one way straight to
// it, on real peers. What is said of each case is the mistake that it is for. What must never
// happen (two leaders, a lost or divergent history …) the Ensemble checks by itself.
#include <algorithm>

#include "test/core/ensemble.h"
#include "test/harness/catch.h"

namespace zkq::core {
namespace {

using std::chrono::seconds;
using Kept = Ensemble::Kept;
using Commands = std::vector<std::string>;

constexpr ServerId kA{1}, kB{2}, kC{3}, kD{4}, kE{5};

bool Has(const Commands& commands, const std::string& command) {
  return std::find(commands.begin(), commands.end(), command) != commands.end();
}

class World : public Ensemble {
 public:
  explicit World(int founders) : Ensemble({.servers = founders}) {
    set_tracing(true);
    UntilServing(ids());
  }

  void Until(const std::function<bool()>& done, Time limit = seconds(20)) {
    const bool reached = RunUntil(done, limit);
    INFO(Summary());
    REQUIRE(violation() == "");
    REQUIRE(reached);
  }
  void UntilServing(const std::vector<ServerId>& sids) {
    Until([&] {
      return Leader() != kNoServer &&
             std::all_of(sids.begin(), sids.end(), [this](ServerId sid) { return Serving(sid); });
    });
  }
  // It leads: those that have the same history elect the largest id, if it is there first.
  void Elect(ServerId leader, const std::vector<ServerId>& others) {
    for (int i = 0; i < 20 && Leader() != leader; ++i) {
      for (ServerId sid : ids()) Crash(sid, Kept::kAll);
      Start(leader);
      for (ServerId sid : others) Start(sid);
      Until([this] { return Leader() != kNoServer; });
    }
    REQUIRE(Leader() == leader);
    for (ServerId sid : ids()) Start(sid);
    UntilServing(ids());
  }
  void Write(ServerId sid, const std::string& command) {
    const uint64_t call = Propose(sid, command);
    Until([&] { return Outcome(call) == "applied"; });
  }
  void UntilApplied(const std::vector<ServerId>& sids, const std::string& command) {
    Until([&] {
      return std::all_of(sids.begin(), sids.end(),
                         [&](ServerId sid) { return Has(Applied(sid), command); });
    });
  }
  // Of what the leader has committed: these of its members, and those servers besides.
  Membership With(const std::vector<ServerId>& sids) {
    Membership next = ConfigsOf(Leader()).committed;
    std::erase_if(next.members, [&](const Member& member) {
      return std::find(sids.begin(), sids.end(), member.id) == sids.end();
    });
    for (ServerId sid : sids) {
      const bool listed = FindMember(next, sid) != nullptr;
      if (!listed) next = zkq::With(next, {.id = sid, .address = "s" + ToString(sid)});
    }
    return next;
  }
  void Reconfigure(ServerId sid, const Membership& next) {
    const uint64_t call = Change(sid, next);
    Until([&] { return Outcome(call) == "reconfigured"; });
  }
  // It is durable at the leader alone, which goes down with it.
  void LogAlone(ServerId leader, const std::string& command) {
    for (ServerId sid : ids()) {
      if (sid != leader) Crash(sid, Kept::kAll);
    }
    Propose(leader, command);
    Until([&] { return Has(Logged(leader), command); });
    Crash(leader, Kept::kAll);
  }
};

bool Proposes(const Effect& effect, TxnKind kind) {
  const auto* send = std::get_if<Send>(&effect);
  const auto* proposal = send == nullptr ? nullptr : std::get_if<Proposal>(&send->message.body);
  return proposal != nullptr && std::any_of(proposal->txns.begin(), proposal->txns.end(),
                                            [kind](const Txn& txn) { return txn.kind == kind; });
}

// A change to {3,4,5} is on the disk of server 3 alone, which was the leader; 4 and 5 are gone.
// It takes a quorum of them to lead with it, so nobody ever can.
void LogAChangeThatCannotBe(World* world) {
  world->Elect(kC, {kA});
  world->Join(kD, MemberType::kParticipant);
  world->Join(kE, MemberType::kParticipant);
  world->UntilServing(world->ids());
  world->crash_before = [](ServerId sid, const Effect& effect) {
    return sid == kC && Proposes(effect, TxnKind::kReconfig);
  };
  world->crash_keeps = Kept::kAll;
  world->Change(kC, world->With({kC, kD, kE}));
  world->Until([&] { return !world->up(kC); });
  world->crash_before = nullptr;
  for (ServerId sid : world->ids()) world->Crash(sid, Kept::kAll);
  REQUIRE(world->LoggedConfigs(kC).size() == 1);
  REQUIRE(world->LoggedConfigs(kB).empty());
}

TEST_CASE("who is left out by a change that was answered may be stopped at once") {
  // The mistake: a change is answered when its leader knows it committed. Then 1 and 2, a quorum
  // of {1,2,5}, would wait for a quorum of {1,2,3,4,5} for ever.
  World world(5);
  world.Elect(kE, {kA, kB});
  const Membership next = world.With({kA, kB, kE});
  const uint64_t call = world.Change(kE, next);
  world.Until([&] { return world.Outcome(call) == "reconfigured"; });
  for (ServerId sid : {kC, kD, kE}) world.Crash(sid);
  world.UntilServing({kA, kB});
  world.Write(kA, "goes on");
}

TEST_CASE("a change whose leader dies once it is committed is settled by the next") {
  // The mistake: a leader settles what is committed in its own term alone. Then nobody ever may be
  // stopped, and no change be made any more.
  World world(5);
  world.Elect(kE, {kA, kB});
  world.crash_before = [](ServerId, const Effect& effect) {
    return Proposes(effect, TxnKind::kNoop);
  };
  world.Change(kE, world.With({kA, kB, kE}));
  world.Until([&] { return !world.up(kE); });
  world.crash_before = nullptr;
  REQUIRE(world.changes() == 1);
  REQUIRE(world.settled() == Zxid{});
  world.Until([&] { return world.settled() == world.newest().version; });
  world.Reconfigure(kA, world.With({kA, kB}));
}

TEST_CASE("a disk without weight does not lead by the weight of the one before it") {
  // The mistake: a server stands if its seat has weight in one of its configurations, on whichever
  // disk. Here the lost disk of server 3 has some in the old one, its present disk none in the new.
  World world(3);
  world.Elect(kB, {kA});
  world.Crash(kC);
  world.Replace(kC);
  world.Start(kC);
  world.UntilServing(world.ids());
  Membership next = world.With({kA, kC});
  FindMember(&next, kC)->disk = kPresentDisk;
  FindMember(&next, kC)->weight = 0;
  world.crash_before = [](ServerId sid, const Effect& effect) {
    const auto* store = std::get_if<StoreState>(&effect);
    return sid == kB && store != nullptr && store->state.config.version != Zxid{};
  };
  world.crash_keeps = Kept::kAll;
  world.Change(kB, next);
  world.Until([&] { return !world.up(kB); });
  world.crash_before = nullptr;
  REQUIRE(world.LoggedConfigs(kC).size() == 1);
  bool stands = false;
  world.seen = [&](ServerId sid, const Effect& effect) {
    const auto* role = std::get_if<RoleChanged>(&effect);
    stands = stands || (sid == kC && role != nullptr && role->role.state == PeerState::kLeading);
  };
  world.Start(kB);
  world.Until([&] { return world.changes() == 1 && world.settled() != Zxid{}; });
  REQUIRE_FALSE(stands);
}

TEST_CASE("a candidate that cannot lead with what is pending at it does not keep others from it") {
  // The mistake: nobody says in elections whether it is linked with a quorum of each of its
  // configurations. Then 1 and 2 vote for 3, which has most, and can lead only with 4 or 5.
  World world(3);
  LogAChangeThatCannotBe(&world);
  for (ServerId sid : {kA, kB, kC}) world.Start(sid);
  world.UntilServing({kA, kB, kC});
  REQUIRE(world.Leader() == kB);
  world.Write(kC, "goes on");
}

TEST_CASE("a change that is cut off the log counts no more") {
  // The mistake: what is pending stands in a place of its own, which cutting the log leaves alone.
  // Then 3 cannot lead without 4 and 5, though nobody else has all that is committed.
  World world(3);
  LogAChangeThatCannotBe(&world);
  for (ServerId sid : {kA, kB, kC}) world.Start(sid);
  world.UntilServing({kA, kB, kC});
  world.Crash(kA);
  world.Write(kB, "one lacks it");
  world.UntilApplied({kC}, "one lacks it");
  world.Crash(kB);
  world.Start(kA);
  world.UntilServing({kA, kC});
  REQUIRE(world.Leader() == kC);
  REQUIRE(Has(world.Applied(kA), "one lacks it"));
}

TEST_CASE("a configuration that is adopted says nothing of the log") {
  // The mistake: all of a log that is older than an adopted configuration counts as committed.
  // Then 3 applies what it alone has logged.
  World world(3);
  world.Elect(kC, {kA});
  world.LogAlone(kC, "orphan");
  world.Start(kA);
  world.Start(kB);
  world.UntilServing({kA, kB});
  Membership next = world.With({kA, kB, kC});
  next.members.front().weight = 2;
  world.Reconfigure(kA, next);
  const Zxid version = world.newest().version;
  REQUIRE(version > Zxid{});

  // It adopts while it looks, and is not attached to anybody yet.
  world.drop_if = [](ServerId from, ServerId, const Message& message) {
    return from == kC && std::holds_alternative<FollowerInfo>(message.body);
  };
  world.Start(kC);
  world.Until([&] { return world.DiskState(kC).config.version == version; });
  REQUIRE(Has(world.Logged(kC), "orphan"));
  world.Crash(kC, Kept::kAll);  // and what it has adopted is on its disk at the next start
  world.Start(kC);
  world.RunFor(seconds(1));
  world.drop_if = nullptr;
  world.UntilServing(world.ids());
  REQUIRE_FALSE(Has(world.Logged(kC), "orphan"));
  world.Write(kC, "goes on");
  world.UntilApplied(world.ids(), "goes on");
}

TEST_CASE("who has not got the leader's plan yet is told of no configuration in force") {
  // The mistake: a leader that hands over tells everybody, and everybody obeys. Then 5, whose
  // history is another one than the leader's, takes what it alone has logged for committed.
  World world(5);
  world.Elect(kE, {kA, kB});
  world.LogAlone(kE, "orphan");
  for (ServerId sid : {kA, kB, kC, kD}) world.Start(sid);
  world.UntilServing({kA, kB, kC, kD});
  const ServerId leader = world.Leader();
  world.StallDisk(kE, true);  // so it never gets past its promise
  world.Start(kE);
  world.Until([&] { return world.View(kE).role.state == PeerState::kFollowing; });
  std::vector<ServerId> next = world.ids();
  std::erase(next, leader);
  const uint64_t call = world.Change(leader, world.With(next));
  world.Until([&] { return world.Outcome(call) == "reconfigured"; });
  REQUIRE(world.Leader() != leader);
  world.StallDisk(kE, false);
  world.UntilServing(world.ids());
  REQUIRE_FALSE(Has(world.Logged(kE), "orphan"));
  world.Write(kE, "goes on");
  world.UntilApplied(world.ids(), "goes on");
}

TEST_CASE("a leader that is left out hands over, and commits nothing after that") {
  // The mistake: it goes on.
  World world(3);
  world.Elect(kC, {kA});
  const Epoch epoch = world.View(kC).role.epoch;
  const uint64_t call = world.Change(kC, world.With({kA, kB}));
  const uint64_t after = world.Propose(kC, "after it");
  world.Until([&] { return world.Outcome(call) == "reconfigured"; });
  const ServerId leader = world.Leader();
  REQUIRE((leader == kA || leader == kB));
  REQUIRE(world.View(leader).role.epoch > epoch);
  // It learns on, and its users are served.
  world.Until([&] { return world.Serving(kC) && world.Outcome(after) == "applied"; });
  REQUIRE(world.View(kC).role.standing == Standing::kRemoved);
  world.Write(kC, "goes on");
  // Nobody needs it.
  world.Crash(kC);
  world.Write(kA, "and on");
}

}  // namespace
}  // namespace zkq::core
