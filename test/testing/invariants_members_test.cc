// What InvariantChecker asks of configurations and of those whom they list (INV-1, 17, 20 to
// 22, 25, LIV-5), each with a story that breaks it.
#include <string>
#include <vector>

#include "lib/wire/disk.h"
#include "test/testing/invariant_story.h"
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

TEST_CASE("LIV-5: a change is answered once the entry that settles it is committed") {
  Five story;
  const Txn to = story.To({1, 4, 5});
  story.Broadcast(1, {2, 4, 5}, to);
  Membership now = story.Of({1, 4, 5});
  now.version = to.zxid;
  SECTION("before") {
    story.checker.OnReconfigured(ServerId{1}, now, now);
    REQUIRE(story.Violated() == "LIV-5 settled");
  }
  SECTION("then") {
    story.Broadcast(1, {4}, story.Settles(to.zxid));
    story.checker.OnReconfigured(ServerId{1}, now, now);
    REQUIRE(story.Violated() == "");
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

TEST_CASE("a change that is answered was made") {
  Five story;
  const Txn to = story.To({1, 4, 5});
  story.Broadcast(1, {2, 4, 5}, to);
  story.Broadcast(1, {4}, story.Settles(to.zxid));
  Membership now = story.Of({1, 4, 5});
  now.version = to.zxid;
  SECTION("or was so before") {
    story.checker.OnReconfigured(ServerId{1}, story.Of({5, 4, 3, 2, 1}), now);
    REQUIRE(story.Violated() == "");
  }
  SECTION("not another one") {
    story.checker.OnReconfigured(ServerId{1}, story.Of({1, 4}), now);
    REQUIRE(story.Violated() == "a change that is answered was made");
  }
}

}  // namespace
}  // namespace zkq::testing
