// What InvariantChecker asks of configurations and of those whom they list (INV-1, 17, 20 to
// 22, 25, LIV-5), each with a story that breaks it.
#include <map>
#include <string>
#include <vector>

#include "lib/wire/disk.h"
#include "test/testing/invariant_story.h"
#include "zkq/status.h"
#include "zkq/wire.h"

namespace zkq::testing {
namespace {

// Five voters. Server 1 leads epoch 1, and 2 to 5 follow.
struct Five : Story {
  Five() : Story(5) {
    Lead(1, {2, 3, 4, 5}, 1);
    Broadcast(1, {2, 3, 4, 5}, Next(1, 1));
    REQUIRE(Violated() == "");
  }

  Membership Of(const std::vector<int>& servers) const {
    Membership membership;
    for (const int id : servers) {
      membership.members.push_back({.id = ServerId(id), .disk = at(id).state.disk});
    }
    return membership;
  }
  Txn Made(TxnKind kind, const std::string& command, int by = 1) const {
    const Zxid last = at(by).last();
    return EncodeTxn({last.epoch, last.counter + 1}, last, kind, Origin{}, 0, command);
  }
  Txn To(const std::vector<int>& servers) const {
    return Made(TxnKind::kReconfig, EncodeMembership(Of(servers)));
  }
  Txn Settles(Zxid version) const { return Made(TxnKind::kNoop, EncodeZxid(version)); }
  Session all() const { return {.number = 0, .epoch = 1}; }
};

TEST_CASE("INV-17: a configuration takes a quorum of the one before, and one of its own") {
  Five story;
  const Txn to = story.To({1, 4, 5});
  SECTION("both") {
    story.Broadcast(1, {2, 4}, to);
    REQUIRE(story.Violated() == "");
    story.Broadcast(1, {4}, story.Next(1, 1));  // from here on two of three are enough
    REQUIRE(story.Violated() == "");
  }
  SECTION("that of the one before alone") {
    story.Broadcast(1, {2, 3}, to);
    REQUIRE(story.Violated() == "INV-17 commit rule");
  }
  SECTION("its own alone") {
    story.Broadcast(1, {4}, to);
    REQUIRE(story.Violated() == "INV-17 commit rule");
  }
}

TEST_CASE("INV-17: what follows a configuration that is not committed takes both quorums, too") {
  Five story;
  story.Propose(1, {4}, story.To({1, 4, 5}));
  story.Broadcast(1, {4}, story.Next(1, 1));
  REQUIRE(story.Violated() == "INV-17 commit rule");
}

TEST_CASE("INV-17: who was left out does not count any more") {
  Five story;
  story.Broadcast(1, {2, 3, 4}, story.To({1, 4, 5}));
  story.Broadcast(1, {2, 3}, story.Next(1, 1));
  REQUIRE(story.Violated() == "INV-17 commit rule");
}

TEST_CASE("INV-17: another disk of a listed server does not count") {
  Five story;
  for (const int id : {2, 3}) {
    story.Crash(id);
    story.at(id).disk.Wipe();
    story.checker.OnWiped(ServerId(id));
    story.at(id).state = {.sid = ServerId(id), .disk = {2, static_cast<uint64_t>(id)}, .boot = 100};
    story.at(id).log.clear();
    story.at(id).offset = storage::kSectorBytes;
    story.Start(id);
    story.Attach(id, 1);
    story.Tell(1, id, story.SessionOf(id), LeaderInfo{1});
    story.Promise(id, 1, 1);
    story.Tell(id, 1, story.SessionOf(id, 1), AckEpoch{});
    story.Synchronize(1, id, 1);
  }
  story.Broadcast(1, {2, 3, 4}, story.Next(1, 1));
  REQUIRE(story.Violated() == "INV-17 commit rule");
}

TEST_CASE("INV-20: a configuration is proposed once the one before it is settled") {
  Five story;
  const Txn first = story.To({1, 2, 3, 4});
  SECTION("not committed") {
    story.Propose(1, {2, 3}, first);
    story.Propose(1, {2, 3}, story.To({1, 2, 3}));
    REQUIRE(story.Violated() == "INV-20 config");
  }
  SECTION("not settled") {
    story.Broadcast(1, {2, 3, 4}, first);
    story.Propose(1, {2, 3}, story.To({1, 2, 3}));
    REQUIRE(story.Violated() == "INV-20 config");
  }
  SECTION("settled") {
    story.Broadcast(1, {2, 3, 4}, first);
    story.Broadcast(1, {2, 3, 4}, story.Settles(first.zxid));
    story.Broadcast(1, {2, 3}, story.To({1, 2, 3}));
    REQUIRE(story.Violated() == "");
  }
}

TEST_CASE("INV-20: nobody calls a configuration settled that is not committed") {
  Five story;
  const Txn to = story.To({1, 4, 5});
  story.Propose(1, {4}, to);
  story.Propose(1, {4}, story.Settles(to.zxid));
  REQUIRE(story.Violated() == "INV-20 config");
}

TEST_CASE("INV-20: what is stored as the configuration is committed, as its entry says") {
  Five story;
  const Txn to = story.To({1, 4, 5});
  story.at(4).state.config = story.Of({1, 4, 5});
  story.at(4).state.config.version = to.zxid;
  SECTION("it is not committed") { story.Propose(1, {4}, to); }
  SECTION("it is, and says something else") {
    story.Broadcast(1, {2, 4, 5}, to);
    REQUIRE(story.Violated() == "");
    story.at(4).state.config.members.pop_back();
  }
  story.WriteState(4);
  REQUIRE(story.Violated() == "INV-20 config");
}

TEST_CASE("INV-1: the stored configuration never goes back") {
  Five story;
  const Txn to = story.To({1, 4, 5});
  story.Broadcast(1, {2, 4, 5}, to);
  const Membership first = story.at(4).state.config;
  story.at(4).state.config = story.Of({1, 4, 5});
  story.at(4).state.config.version = to.zxid;
  story.WriteState(4);
  REQUIRE(story.Violated() == "");
  story.at(4).state.config = first;
  story.WriteState(4);
  REQUIRE(story.Violated() == "INV-1 epoch monotony");
}

TEST_CASE("INV-21: a candidate calls pending what its log says, and nothing else") {
  Five story;
  const Txn to = story.To({1, 4, 5});
  story.Propose(1, {2}, to);
  Notification vote{.vote = {1, to.zxid, ServerId{2}}, .config = Zxid{}};
  bool right = false;
  SECTION("nothing") {}
  SECTION("that") {
    vote.pending = story.Of({1, 4, 5});
    vote.pending->version = to.zxid;
    right = true;
  }
  SECTION("what was cut") {
    vote.pending = story.Of({1, 4, 5});
    vote.pending->version = to.zxid;
    story.Truncate(2, to.prev);
    vote.vote.zxid = to.prev;
  }
  story.Announce(2, 1, vote);
  REQUIRE(story.Violated() == (right ? "" : "INV-21 config follows log"));
}

TEST_CASE("INV-22: a leader that the configuration leaves out commits nothing after it") {
  Five story;
  const Txn to = story.To({2, 3, 4});
  story.Broadcast(1, {2, 3, 4}, to);
  REQUIRE(story.Violated() == "");
  story.Broadcast(1, {2, 3, 4}, story.Next(1, 1));
  REQUIRE(story.Violated() == "INV-22 single commit authority");
}

TEST_CASE("INV-22: nor does one that has named another") {
  Five story;
  const Txn to = story.To({1, 2, 3, 4});
  story.Propose(1, {2, 3, 4}, to);
  for (const int id : {2, 3, 4}) {
    story.Tell(1, id, story.all(), CommitAndActivate{to.zxid, ServerId{2}});
  }
  REQUIRE(story.Violated() == "");
  story.Broadcast(1, {2, 3, 4}, story.Next(1, 1));
  REQUIRE(story.Violated() == "INV-22 single commit authority");
}

// Server 1 has the entry as the last of its history when it is elected once more.
struct Again : Five {
  void LeadAgain(const Membership& next) {
    const Txn to = Made(TxnKind::kReconfig, EncodeMembership(next));
    Propose(1, {2}, to);
    Lead(1, {2, 3, 4}, 2);
    REQUIRE(Violated() == "");
    Broadcast(1, {2, 3, 4}, this->Next(1, 2));
  }
};

TEST_CASE("INV-22: nor one that was elected while it was pending") {
  Again story;
  SECTION("it is left out") {
    story.LeadAgain(story.Of({2, 3, 4}));
    REQUIRE(story.Violated() == "INV-22 single commit authority");
  }
  SECTION("it is not") {
    story.LeadAgain(story.Of({1, 2, 3, 4}));
    REQUIRE(story.Violated() == "");
  }
}

TEST_CASE("INV-22: nor one that is to be found elsewhere") {
  Five story;
  const int moved = GENERATE(1, 2);
  Membership next = story.Of({1, 2, 3, 4, 5});
  FindMember(&next, ServerId(moved))->address = "h:1";
  story.Broadcast(1, {2, 3, 4}, story.Made(TxnKind::kReconfig, EncodeMembership(next)));
  REQUIRE(story.Violated() == "");
  story.Broadcast(1, {2, 3, 4}, story.Next(1, 1));
  REQUIRE(story.Violated() == (moved == 1 ? "INV-22 single commit authority" : ""));
}

TEST_CASE("INV-25: who learns as an observer does not confirm a read") {
  Five story;
  const bool observe = GENERATE(false, true);
  for (const int id : {2, 3}) {
    ++story.at(id).sessions;
    const auto kind = observe ? LearnerKind::kObserver : LearnerKind::kFollower;
    story.Tell(id, 1, story.SessionOf(id), FollowerInfo{.kind = kind});
  }
  story.checker.OnReadAsked(7, ServerId{1});
  for (const int id : {1, 2, 3}) {
    if (id != 1) story.Tell(id, 1, story.SessionOf(id, 1), Pong{.seq = 1});
  }
  story.checker.OnDone(7, Reply{});
  REQUIRE(story.Violated() == (observe ? "INV-26 linearizable reads" : ""));
}

TEST_CASE("INV-25: the promises of voters alone steer the epoch that a leader fixes") {
  Five story;
  const int asked = GENERATE(2, 6);  // 6 is in no configuration
  const auto kind = GENERATE(LearnerKind::kFollower, LearnerKind::kObserver);
  const Session session{.number = 99};
  SimNetworkObserver::Route route = story.RouteOf(2, 3);
  route.from = ServerId(asked);
  if (asked == 6) route.from_boot = 0;  // nobody knows its disk
  const Message message{session, FollowerInfo{.accepted = {7, ServerId{5}, 1}, .kind = kind}};
  story.checker.OnSent(route, {.message = &message});
  story.checker.OnDelivered(route, {.message = &message});
  story.Promise(3, 8, 3);
  const bool counts = asked == 2 && kind == LearnerKind::kFollower;
  REQUIRE(story.Violated() == (counts ? "" : "INV-25 observers inert"));
}

TEST_CASE("INV-29: a disk that knows that another one has replaced it does not vote") {
  Five story;
  Membership next = story.Of({1, 2, 3, 4, 5});
  FindMember(&next, ServerId{5})->disk = {9, 9};
  const Txn to = story.Made(TxnKind::kReconfig, EncodeMembership(next));
  story.Broadcast(1, {2, 3, 4, 5}, to);
  next.version = to.zxid;
  Notification vote{.vote = {1, to.zxid, ServerId{5}}, .config = Zxid{}};
  SECTION("it may vote before") {
    vote.pending = next;
    story.Announce(5, 1, vote);
    REQUIRE(story.Violated() == "");
  }
  SECTION("it knows") {
    story.at(5).state.config = next;
    story.WriteState(5);
    story.Sync(5);
    vote.config = to.zxid;
    const bool asked = GENERATE(false, true);
    if (asked) {  // by who does not know yet
      const Notification word{
          .vote = {1, to.zxid, ServerId{4}}, .config = Zxid{}, .pending = story.Of({4, 5})};
      story.checker.OnDelivered(story.RouteOf(4, 5), {.notification = &word});
    }
    story.Announce(5, 1, vote);
    REQUIRE(story.Violated() == (asked ? "" : "amnesia"));
  }
}

// Servers 4 and 5 have lost their disks before anything of what comes.
struct Lost : Five {
  Lost() {
    for (const int id : {4, 5}) {
      Crash(id);
      at(id).disk.Wipe();
      checker.OnWiped(ServerId(id));
    }
  }
};

TEST_CASE("INV-15: a lost disk does not hold what came later") {
  Lost story;
  const Txn next = story.Next(1, 1);
  const bool held = GENERATE(false, true);
  for (const int id : {1, 2}) story.Log(id, next);
  if (held) story.Log(3, next);
  ReplicaStatus status = story.StatusOf(1);
  status.last_applied = status.last_committed = next.zxid;
  story.checker.OnStatus(ServerId{1}, status);
  REQUIRE(story.Violated() == (held ? "" : "INV-15 committed durability"));
}

TEST_CASE("INV-5: a lost disk has taken no later epoch") {
  Lost story;
  const bool taken = GENERATE(false, true);
  story.Discover(2, {1, 3}, 2);
  story.Take(2, 2);
  if (taken) story.Synchronize(2, 1, 2);
  if (taken) story.Synchronize(2, 3, 2);
  story.Log(2, story.Next(2, 2));
  REQUIRE(story.Violated() == (taken ? "" : "INV-5 integrity"));
}

TEST_CASE("INV-25: who learns as an observer gives no promise that counts") {
  Five story;
  Session session = story.SessionOf(5);
  ++session.number;
  story.Tell(5, 1, session, FollowerInfo{.kind = LearnerKind::kObserver});
  session.epoch = 1;
  SECTION("none") {
    story.Say(5, 1, session, AckEpoch{});
    REQUIRE(story.Violated() == "");
  }
  SECTION("one") {
    story.Say(5, 1, session, AckEpoch{.current = 1});
    REQUIRE(story.Violated() == "INV-25 observers inert");
  }
}

TEST_CASE("INV-25: who learns as an observer gets only what is committed") {
  Five story;
  const auto kind = GENERATE(LearnerKind::kObserver, LearnerKind::kFollower);
  Session session = story.SessionOf(5);
  ++session.number;
  story.Tell(5, 1, session, FollowerInfo{.kind = kind});
  story.Tell(1, 5, session, LeaderInfo{.epoch = 1});
  const Txn next = story.Next(1, 1);
  story.Say(1, 5, session, Proposal{{next}, next.prev});
  REQUIRE(story.Violated() == (kind == LearnerKind::kObserver ? "INV-25 observers inert" : ""));
}

// Servers 2 to 5 follow, and somebody asks server 1 for a change; what it says is not a matter of
// messages.
struct Asked : Five {
  void Ask(uint64_t call, const Membership& next, int of = 1) {
    asked[call] = next;
    checker.OnReconfigureAsked(call, ServerId(of), next);
  }
  std::string Answer(uint64_t call, const absl::StatusOr<Membership>& result) {
    checker.OnReconfigured(call, ServerId{1}, asked[call], result);
    return Violated();
  }
  std::string Refuse(uint64_t call) {
    return Answer(call,
                  MakeError(absl::StatusCode::kAborted, "no", {.outcome = Outcome::kNotCommitted}));
  }
  // As call `number` of server 1's.
  Txn MadeFor(uint64_t number, const Membership& next) const {
    const Zxid last = at(1).last();
    return EncodeTxn({last.epoch, last.counter + 1}, last, TxnKind::kReconfig,
                     {ServerId{1}, at(1).state.boot, number}, 0, EncodeMembership(next));
  }
  Membership Settled(const Txn& entry) {
    Broadcast(1, {2, 4, 5}, entry);
    Broadcast(1, {2, 4, 5}, Settles(entry.zxid));
    Membership now = *DecodeMembership(entry.command.view());
    now.version = entry.zxid;
    return now;
  }
  std::map<uint64_t, Membership> asked;
};

TEST_CASE("LIV-5: a change is answered once the entry that settles it is committed") {
  Asked story;
  story.Ask(1, story.Of({1, 4, 5}));
  const Txn to = story.To({1, 4, 5});
  story.Broadcast(1, {2, 4, 5}, to);
  Membership now = story.Of({1, 4, 5});
  now.version = to.zxid;
  SECTION("before") { REQUIRE(story.Answer(1, now) == "LIV-5 settled"); }
  SECTION("then") {
    story.Broadcast(1, {4}, story.Settles(to.zxid));
    REQUIRE(story.Answer(1, now) == "");
  }
}

TEST_CASE(
    "INV-20, 21: a status shows a configuration that is committed, and that of what is applied") {
  Five story;
  const Txn to = story.To({1, 4, 5});
  ReplicaStatus status{.id = ServerId{4}, .membership = story.Of({1, 4, 5})};
  status.membership.version = to.zxid;
  SECTION("not one that is not committed") {
    story.Propose(1, {4}, to);
    story.checker.OnStatus(ServerId{4}, status);
    REQUIRE(story.Violated() == "INV-20 config");
  }
  SECTION("nor another one of that version") {
    story.Broadcast(1, {2, 4, 5}, to);
    status.membership.members.pop_back();
    story.checker.OnStatus(ServerId{4}, status);
    REQUIRE(story.Violated() == "INV-20 config");
  }
  SECTION("nor a list that nobody agreed on, as if it were the first") {
    status.membership = story.at(4).state.config;
    for (Member& member : status.membership.members) member.disk = {};
    story.checker.OnStatus(ServerId{4}, status);
    REQUIRE(story.Violated() == "INV-20 config");
  }
  SECTION("nor an older one") {
    story.Broadcast(1, {2, 4, 5}, to);
    story.checker.OnStatus(ServerId{4}, status);
    REQUIRE(story.Violated() == "");
    status.last_applied = to.zxid;
    status.membership = story.at(4).state.config;
    story.checker.OnStatus(ServerId{4}, status);
    REQUIRE(story.Violated() == "INV-21 config follows log");
  }
}

TEST_CASE("Q4: who has no weight does not take an epoch as its leader") {
  Five story;
  Membership next = story.Of({1, 2, 3, 4, 5});
  FindMember(&next, ServerId{4})->weight = 0;
  const Txn to = story.Made(TxnKind::kReconfig, EncodeMembership(next));
  story.Broadcast(1, {2, 3, 4, 5}, to);
  next.version = to.zxid;
  for (const int id : {4, 5}) {
    story.at(id).state.config = next;
    story.WriteState(id);
  }
  REQUIRE(story.Violated() == "");
  SECTION("who has some does") {
    story.Lead(5, {1, 2, 3}, 2);
    REQUIRE(story.Violated() == "");
  }
  SECTION("none") {
    story.Lead(4, {1, 2, 3}, 2);
    REQUIRE(story.Violated() == "Q4 candidates");
  }
}

constexpr char kMade[] = "a change that is answered was made";

TEST_CASE("a change that is answered was made") {
  Asked story;
  story.Ask(1, story.Of({5, 4, 3, 2, 1}));
  story.Ask(2, story.Of({1, 4}));
  story.Ask(3, story.Of({1, 4, 5}));
  const Membership now = story.Settled(story.To({1, 4, 5}));
  story.Ask(4, story.Of({5, 4, 3, 2, 1}));
  SECTION("then") { REQUIRE(story.Answer(3, now) == ""); }
  SECTION("or was so when it was asked for") { REQUIRE(story.Answer(1, now) == ""); }
  SECTION("not before that") { REQUIRE(story.Answer(4, now) == kMade); }
  SECTION("not another one") { REQUIRE(story.Answer(2, now) == kMade); }
  SECTION("and is what it is answered with") {
    Membership other = now;
    other.members.pop_back();
    REQUIRE(story.Answer(3, other) == "INV-20 config");
  }
}

TEST_CASE("a change that is answered has listed the disks that were asked for") {
  Asked story;
  Membership next = story.Of({1, 2, 3, 4, 5});
  DiskId& disk = FindMember(&next, ServerId{3})->disk;
  const DiskId listed = disk, present{9, 9};
  const auto disk_is_there = [&] {
    story.Crash(3);
    story.checker.OnDiskInserted(ServerId{3}, 1);
    story.at(3).disk.Wipe();
    story.at(3).state = {.sid = ServerId{3}, .disk = present, .boot = 100};
    story.at(3).log.clear();
    story.at(3).offset = storage::kSectorBytes;
    story.Start(3);
  };
  SECTION("the present one") {
    disk_is_there();
    disk = kPresentDisk;
    story.Ask(1, next);
    SECTION("is") {
      disk = present;
      const Membership now = story.Settled(story.MadeFor(4, next));
      REQUIRE(story.Answer(1, now) == "");
      disk = {};  // whichever is listed by now
      story.Ask(2, next);
      REQUIRE(story.Answer(2, now) == "");
    }
    SECTION("is not the one that was lost before") {
      REQUIRE(story.Answer(1, story.at(1).state.config) == kMade);
    }
  }
  SECTION("the present one may come while the change waits") {
    disk = kPresentDisk;
    story.Ask(1, next);
    disk_is_there();
    disk = present;
    REQUIRE(story.Answer(1, story.Settled(story.MadeFor(4, next))) == "");
  }
  SECTION("a certain one") {
    disk = present;
    story.Ask(1, next);
    REQUIRE(story.Answer(1, story.at(1).state.config) == kMade);
  }
  SECTION("none: who stays keeps its own") {
    disk = {};
    next.members.pop_back();
    story.Ask(1, next);
    SECTION("it does") {
      disk = listed;
      REQUIRE(story.Answer(1, story.Settled(story.MadeFor(4, next))) == "");
    }
    SECTION("it does not") {
      disk_is_there();
      disk = present;
      REQUIRE(story.Answer(1, story.Settled(story.MadeFor(4, next))) == kMade);
    }
  }
}

TEST_CASE("INV-31: a change that is told not to be committed is not") {
  Asked story;
  const Membership next = story.Of({1, 4, 5});
  story.Ask(1, next);
  SECTION("and was not made") { REQUIRE(story.Refuse(1) == ""); }
  SECTION("nor is it made later") {
    REQUIRE(story.Refuse(1) == "");
    story.Propose(1, {4}, story.MadeFor(4, next));
    REQUIRE(story.Violated() == "INV-31 calls");
  }
  SECTION("it is") {
    story.Settled(story.MadeFor(4, next));
    REQUIRE(story.Refuse(1) == "INV-31 calls");
  }
  SECTION("of two that ask for the same one may be") {
    story.Ask(2, next);
    story.Settled(story.MadeFor(4, next));
    REQUIRE(story.Refuse(1) == "");
    REQUIRE(story.Refuse(2) == "INV-31 calls");
  }
  SECTION("what other servers were asked for is another matter") {
    story.Ask(2, next, 2);
    story.Settled(story.MadeFor(4, next));
    REQUIRE(story.Refuse(2) == "");
  }
}

TEST_CASE("INV-31: a change is made once") {
  Asked story;
  story.Settled(story.MadeFor(4, story.Of({1, 2, 4, 5})));
  story.Propose(1, {2, 4, 5}, story.MadeFor(4, story.Of({1, 2, 4, 5})));
  REQUIRE(story.Violated() == "INV-31 calls");
}

TEST_CASE("LIV-6: a change is answered") {
  Asked story;
  story.Ask(1, story.Of({1, 4, 5}));
  SECTION("also by a refusal") {
    story.Refuse(1);
    story.checker.OnEnd();
    REQUIRE(story.Violated() == "");
  }
  SECTION("never") {
    story.checker.OnEnd();
    REQUIRE(story.Violated() == "LIV-6 calls");
  }
}

}  // namespace
}  // namespace zkq::testing
