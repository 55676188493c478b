// What is committed and what is applied: a story for each property that breaks it and
// nothing else.
#include "lib/testing/checks/invariants.h"

#include "test/harness/catch.h"
#include "test/testing/invariant_story.h"

namespace zkq::testing {
namespace {

// --- INV-10, 14 to 17 and 19: what is committed
// ---------------------------------------------------

TEST_CASE("INV-10: two histories are not both committed") {
  Led story;
  const Txn second = story.Next(1, 1);
  story.Lead(2, {3}, 2);
  const Txn other = story.Next(2, 2);
  story.Broadcast(2, {3}, other);
  REQUIRE(story.Violated() == "");
  story.Propose(1, {}, second);
  ReplicaStatus status = story.StatusOf(1);
  status.last_applied = status.last_committed = second.zxid;
  story.checker.OnStatus(ServerId{1}, status);
  REQUIRE(story.Violated() == "INV-10 agreement");
}

TEST_CASE("INV-14: a leader proposes after everything that is committed") {
  Led story;
  story.Lead(2, {3}, 2);
  story.Say(2, 3, {0, 2}, Proposal{{MakeTxn({2, 1}, {})}});
  REQUIRE(story.Violated() == "INV-14 primary integrity");
}

TEST_CASE("INV-15: what is committed is durable at a quorum") {
  Led story;
  const Txn second = story.Next(1, 1);
  story.Say(1, 2, story.all, Proposal{{second}});
  story.Log(1, second);
  ReplicaStatus status = story.StatusOf(1);
  status.last_applied = status.last_committed = second.zxid;
  story.checker.OnStatus(ServerId{1}, status);
  REQUIRE(story.Violated() == "INV-15 committed durability");
  REQUIRE(story.What() == "1:2, said by server 1, is durable at no quorum, only at: 1");
}

TEST_CASE("INV-15: what is committed is still there in the end") {
  Led story;
  story.checker.OnDamaged(ServerId{3});  // nobody can ask it to hold anything
  story.checker.OnWiped(ServerId{2});
  story.checker.OnEnd();
  REQUIRE(story.Violated() == "");
}

TEST_CASE("INV-15: what is committed may not be gone in the end") {
  // Nobody is founded, so an empty disk is nobody's fault.
  Story story(3, /*founded=*/false);
  story.Lead(1, {2}, 1);
  story.Broadcast(1, {2}, story.Next(1, 1));
  story.checker.OnWiped(ServerId{2});
  REQUIRE(story.Violated() == "");
  story.checker.OnEnd();
  REQUIRE(story.Violated() == "INV-15 committed durability");
}

TEST_CASE("INV-16: nobody leads who is behind those that promised it") {
  Led story;
  story.Discover(3, {2}, 2);
  story.Take(3, 2);
  REQUIRE(story.Violated() == "INV-16 leader completeness");
}

TEST_CASE("INV-16: what an established epoch does not have was not committed before") {
  Led story;
  const Txn second = story.Next(1, 1);
  story.Propose(1, {}, second);
  story.Lead(2, {3}, 2);
  REQUIRE(story.Violated() == "");
  ReplicaStatus status = story.StatusOf(1);
  status.last_applied = status.last_committed = second.zxid;
  story.checker.OnStatus(ServerId{1}, status);
  REQUIRE(story.Violated() == "INV-16 leader completeness");
}

TEST_CASE("INV-17: nothing is called committed without the acks of a quorum") {
  Led story;
  const Txn second = story.Next(1, 1);
  story.Say(1, 2, story.all, Proposal{{second}});
  SECTION("the leader's own disk is not enough") { story.Log(1, second); }
  SECTION("nor an ack that is on its way") {
    story.Log(1, second);
    story.Log(2, second);
    story.Say(2, 1, story.SessionOf(2, 1), Ack{second.zxid});
  }
  SECTION("nor a follower's, when the leader has not synced") {
    story.WriteTxn(1, second);
    story.Log(2, second);
    story.Tell(2, 1, story.SessionOf(2, 1), Ack{second.zxid});
  }
  story.Say(1, 2, story.all, Commit{second.zxid});
  REQUIRE(story.Violated() == "INV-17 commit rule");
}

TEST_CASE("INV-17: nobody is up to date before a quorum has acked the epoch") {
  Story story;
  story.Discover(1, {2}, 1);
  story.Take(1, 1);
  story.Say(1, 2, story.SessionOf(2, 1), NewLeader{});
  story.Take(2, 1);
  story.Say(1, 2, story.SessionOf(2, 1), UpToDate{});
  REQUIRE(story.Violated() == "INV-17 commit rule");
}

TEST_CASE("INV-17: a follower knows committed what it was told") {
  Led story;
  story.Propose(1, {2}, story.Next(1, 1));
  ReplicaStatus status = story.StatusOf(2);
  status.last_committed = {1, 2};
  story.checker.OnStatus(ServerId{2}, status);
  REQUIRE(story.Violated() == "INV-17 commit rule");
}

TEST_CASE("INV-19: what is committed is not cut") {
  Led story;
  story.Truncate(2, {});
  REQUIRE(story.Violated() == "INV-19 no committed truncation");
}

TEST_CASE("INV-19: what a leader has counted is not cut, whether or not it lived to say so") {
  Led story;
  story.Propose(1, {2}, story.Next(1, 1));
  story.Crash(1);
  story.Truncate(2, story.first.zxid);
  REQUIRE(story.Violated() == "INV-19 no committed truncation");
}

TEST_CASE("INV-19: the history that an established epoch began with is not cut") {
  Story story;
  story.Lead(1, {2}, 1);
  story.Propose(1, {}, story.Next(1, 1));  // acknowledged by nobody
  story.Lead(1, {2, 3}, 2);
  REQUIRE(story.Violated() == "");
  story.Truncate(2, {});
  REQUIRE(story.Violated() == "INV-19 no committed truncation");
}

TEST_CASE("INV-19: a snapshot does not take back what is committed") {
  Led story;
  const Txn second = story.Next(1, 1);
  story.Broadcast(1, {2}, second);
  story.Rebase(2, story.first.zxid);
  REQUIRE(story.Violated() == "INV-19 no committed truncation");
}

// --- INV-11 to 13 and 18: what is applied -------------------------------------------------------

TEST_CASE("INV-12: nothing is left out of an epoch") {
  Led story;
  const Txn second = story.Next(1, 1);
  story.Broadcast(1, {2}, second);
  const Txn third = story.Next(1, 1);
  story.Broadcast(1, {2}, third);
  story.Apply(2, story.first);
  story.Apply(2, third);
  REQUIRE(story.Violated() == "INV-12 local primary order");
}

TEST_CASE("INV-12: nothing is applied twice") {
  Led story;
  story.Apply(2, story.first);
  story.Apply(2, story.first);
  REQUIRE(story.Violated() == "INV-12 local primary order");
}

TEST_CASE("INV-12: what is applied after a snapshot follows its state") {
  Led story;
  story.checker.OnRestored(ServerId{2}, story.first.zxid);
  story.Apply(2, story.first);
  REQUIRE(story.Violated() == "INV-12 local primary order");
}

TEST_CASE("INV-11: a replica has not applied more than its state machine") {
  Led story;
  ReplicaStatus status = story.StatusOf(2);
  status.last_applied = status.last_committed = story.first.zxid;
  SECTION("as far as that") {
    story.checker.OnRestored(ServerId{2}, story.first.zxid);
    story.checker.OnStatus(ServerId{2}, status);
    REQUIRE(story.Violated() == "");
  }
  SECTION("further") {
    story.checker.OnRestored(ServerId{2}, {});
    story.checker.OnStatus(ServerId{2}, status);
    REQUIRE(story.Violated() == "INV-11 total order");
  }
}

// Server 2 leads epoch 2 after Led and has committed 2:1.
struct LedAgain : Led {
  LedAgain() {
    Lead(2, {3}, 2);
    second = Next(2, 2);
    Broadcast(2, {3}, second);
    REQUIRE(Violated() == "");
  }
  Txn second;
};

TEST_CASE("INV-13: an earlier epoch is not applied after a later one") {
  LedAgain story;
  story.Apply(2, story.first);
  story.Apply(2, story.second);
  story.Apply(2, story.first);
  REQUIRE(story.Violated() == "INV-13 global primary order");
}

TEST_CASE("INV-11: all of one epoch is applied before the next") {
  LedAgain story;
  ReplicaStatus status = story.StatusOf(3);
  story.checker.OnStatus(ServerId{3}, status);  // it has applied nothing
  story.Apply(3, story.second);
  REQUIRE(story.Violated() == "INV-11 total order");
}

TEST_CASE("INV-18: nothing is applied that is not durable here") {
  Led story;
  const Txn second = story.Next(1, 1);
  story.Say(1, 2, story.all, Proposal{{second}});
  story.WriteTxn(2, second);
  story.Apply(2, second);
  REQUIRE(story.Violated() == "INV-18 apply what is durable");
}

TEST_CASE("INV-18: nothing is applied that is not known to be committed here") {
  Led story;
  const Txn second = story.Next(1, 1);
  story.Propose(1, {2}, second);
  SECTION("the leader may") {
    story.Apply(1, second);
    REQUIRE(story.Violated() == "");
  }
  SECTION("a follower may not yet") {
    story.Apply(2, second);
    REQUIRE(story.Violated() == "INV-18 apply what is committed");
  }
  SECTION("nor may it after a restart, unless its log says so") {
    story.Crash(2);
    story.Start(2);
    story.Apply(2, story.first);
    REQUIRE(story.Violated() == "INV-18 apply what is committed");
  }
}

TEST_CASE("INV-18: what the log says is committed may be applied at once") {
  Led story;
  story.Write(2, {}, {1, 1});
  story.Sync(2);
  story.Crash(2);
  story.Start(2);
  story.Apply(2, story.first);
  REQUIRE(story.Violated() == "");
}

TEST_CASE("INV-17: a snapshot that is installed tells that it is committed") {
  Led story;
  story.Rebase(3, story.first.zxid);
  ReplicaStatus status = story.StatusOf(3);
  status.last_committed = story.first.zxid;
  story.checker.OnStatus(ServerId{3}, status);
  REQUIRE(story.Violated() == "");
}

TEST_CASE("INV-18: a state that is restored is of what is committed") {
  Led story;
  story.Log(1, story.Next(1, 1));
  story.checker.OnRestored(ServerId{1}, {1, 2});
  REQUIRE(story.Violated() == "INV-18 snapshots are committed");
}

TEST_CASE("INV-18: a snapshot is of what is committed") {
  Led story;
  story.Log(1, story.Next(1, 1));
  story.Rebase(3, {1, 2});
  REQUIRE(story.Violated() == "INV-18 snapshots are committed");
}

TEST_CASE("INV-17: a snapshot tells a server with an older state machine what is committed") {
  Led story;
  story.Crash(2);
  story.Start(2);
  ReplicaStatus status = story.StatusOf(2);
  status.last_committed = status.last_snapshot = story.first.zxid;
  story.checker.OnStatus(ServerId{2}, status);
  story.Apply(2, story.first);
  REQUIRE(story.Violated() == "");
}

TEST_CASE("INV-18: a snapshot that a server has at its start is of what is committed") {
  Led story;
  story.Log(1, story.Next(1, 1));
  story.Crash(1);
  story.Start(1);
  ReplicaStatus status = story.StatusOf(1);
  status.last_snapshot = {1, 2};
  story.checker.OnStatus(ServerId{1}, status);
  REQUIRE(story.Violated() == "INV-18 snapshots are committed");
}

}  // namespace
}  // namespace zkq::testing
