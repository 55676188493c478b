// Each property that InvariantChecker holds a run against has a story that breaks it
// and nothing else; and the story of a correct ensemble breaks none. Here: epochs,
// promises, what is durable, histories and their synchronisation.
#include "lib/testing/checks/invariants.h"

#include "test/harness/catch.h"
#include "test/testing/invariant_story.h"
#include "zkq/status.h"

namespace zkq::testing {
namespace {

TEST_CASE("the story of a correct ensemble violates nothing") {
  Story story;
  story.checker.OnProposed(1, ServerId{1}, "one");
  story.Lead(1, {2, 3}, 1);
  const Txn one = story.Next(1, 1, "one");
  story.Broadcast(1, {2, 3}, one);
  for (const int id : {1, 2, 3}) story.Apply(id, one);
  story.checker.OnDone(1, Reply{one.zxid, ""});
  // Proposed, and at no quorum: 2 leads next and cuts it.
  const Txn lost = story.Next(1, 1);
  story.Log(1, lost);
  story.Crash(1);
  story.Lead(2, {3}, 2);
  const Txn two = story.Next(2, 2, "two");
  story.checker.OnProposed(2, ServerId{3}, "two");
  story.Broadcast(2, {3}, two);
  story.Apply(3, two);
  story.checker.OnDone(2, Reply{two.zxid, ""});
  story.Start(1);
  story.Attach(1, 2);
  story.Tell(2, 1, story.SessionOf(1), LeaderInfo{2, true});
  story.Promise(1, 2, 2);
  story.Tell(1, 2, story.SessionOf(1, 2), AckEpoch{.current = 1, .last = lost.zxid});
  story.Tell(2, 1, story.SessionOf(1, 2), Trunc{.after = one.zxid, .last = two.zxid});
  story.Truncate(1, one.zxid);
  story.Synchronize(2, 1, 2);
  story.Tell(2, 1, story.SessionOf(1, 2), UpToDate{two.zxid});
  story.Apply(1, two);
  story.checker.OnReadAsked(3, ServerId{1});
  story.Tell(3, 2, story.SessionOf(3, 2), Pong{.seq = 1});
  story.checker.OnDone(3, Reply{two.zxid, ""});
  story.checker.OnEnd();
  INFO(story.What());
  REQUIRE(story.Violated() == "");
}

// --- INV-1: epochs only grow ------------------------------------------------------------

TEST_CASE("INV-1: a promise is not taken back") {
  Led story;
  story.at(2).state.accepted.epoch = 0;
  story.at(2).state.current = 0;
  story.WriteState(2);
  REQUIRE(story.Violated() == "INV-1 epoch monotony");
}

TEST_CASE("INV-1: the current epoch is promised") {
  Led story;
  story.at(2).state.current = 2;
  story.WriteState(2);
  REQUIRE(story.Violated() == "INV-1 epoch monotony");
}

// --- INV-2: one leader an epoch ----------------------------------------------------------

TEST_CASE("INV-2: an epoch is taken by one leader only") {
  Led story;
  story.Promise(3, 1, 3);
  story.Take(3, 1);
  REQUIRE(story.Violated() == "INV-2 leadership");
}

TEST_CASE("INV-2: an epoch is taken only with the promises of a quorum") {
  Story story;
  story.Promise(1, 1, 1);
  story.Take(1, 1);
  REQUIRE(story.Violated() == "INV-2 leadership");
}

TEST_CASE("INV-2: nobody says it leads what another leads") {
  Led story;
  ReplicaStatus status = story.StatusOf(3);
  status.state = PeerState::kLeading;
  status.phase = ZabPhase::kBroadcast;
  status.leader = ServerId{3};
  status.epoch = 1;
  story.checker.OnStatus(ServerId{3}, status);
  REQUIRE(story.Violated() == "INV-2 leadership");
}

// --- INV-3: promises ---------------------------------------------------------------------

TEST_CASE("INV-3: one epoch is not promised to two leaders") {
  Story story;
  story.Attach(3, 1);
  story.Promise(3, 1, 1);
  story.Say(3, 1, story.SessionOf(3, 1), AckEpoch{.current = 0});
  story.Attach(3, 2);
  story.Promise(3, 1, 2);
  story.Say(3, 2, story.SessionOf(3, 1), AckEpoch{.current = 0});
  REQUIRE(story.Violated() == "INV-3 promise");
}

TEST_CASE("INV-3: a promise may move to whom a quorum has promised") {
  Story story;
  story.Attach(3, 1);
  story.Promise(3, 1, 1);
  story.Say(3, 1, story.SessionOf(3, 1), AckEpoch{.current = 0});
  story.Promise(2, 1, 2);
  story.Attach(1, 2);
  story.Promise(1, 1, 2);
  story.Tell(1, 2, story.SessionOf(1, 1), AckEpoch{.current = 0});
  story.Attach(3, 2);
  story.Promise(3, 1, 2);
  story.Say(3, 2, story.SessionOf(3, 1), AckEpoch{.current = 0});
  REQUIRE(story.Violated() == "");
}

TEST_CASE("INV-3: nobody promises an epoch below the one it has promised") {
  Story story;
  story.Attach(3, 1);
  story.Promise(3, 2, 2);
  story.Say(3, 1, story.SessionOf(3, 1), AckEpoch{.current = 0});
  REQUIRE(story.Violated() == "INV-3 promise");
}

TEST_CASE("INV-3: nobody acks in an epoch below the one it has promised") {
  Led story;
  story.Promise(2, 2, 3);
  story.Say(2, 1, story.SessionOf(2, 1), Ack{story.first.zxid});
  REQUIRE(story.Violated() == "INV-3 promise");
}

// --- INV-4: durable before it is said ----------------------------------------------------

TEST_CASE("INV-4: what is acked is durable") {
  Led story;
  const Txn txn = story.Next(1, 1);
  story.Tell(1, 2, story.all, Proposal{{txn}});
  story.WriteTxn(2, txn);
  story.Say(2, 1, story.SessionOf(2, 1), Ack{txn.zxid});
  REQUIRE(story.Violated() == "INV-4 durable before send");
  REQUIRE(story.What() == "server 2 acks 1:2, durable are 1:1");
}

TEST_CASE("INV-4: an epoch that is acked is durable") {
  Story story;
  story.Discover(1, {2}, 1);
  story.Take(1, 1);
  story.Say(1, 2, story.SessionOf(2, 1), NewLeader{});
  story.at(2).state.current = 1;
  story.WriteState(2);
  story.Say(2, 1, story.SessionOf(2, 1), Ack{{1, 0}});
  REQUIRE(story.Violated() == "INV-4 durable before send");
}

TEST_CASE("INV-4: a promise is durable before it is given") {
  Story story;
  story.Attach(2, 1);
  story.at(2).state.accepted = {1, ServerId{1}, 1};
  story.WriteState(2);
  story.Say(2, 1, story.SessionOf(2, 1), AckEpoch{.current = 0});
  REQUIRE(story.Violated() == "INV-4 durable before send");
}

TEST_CASE("INV-4: a history is durable before a promise names it") {
  Led story;
  story.Attach(2, 1);
  story.Say(2, 1, story.SessionOf(2, 1), AckEpoch{.current = 1, .last = {1, 2}});
  REQUIRE(story.Violated() == "INV-4 durable before send");
}

TEST_CASE("INV-4: a leader has promised an epoch itself before it asks for it") {
  Story story;
  story.Attach(2, 1);
  story.at(1).state.accepted = {1, ServerId{1}, story.at(1).state.boot};
  story.WriteState(1);
  story.Say(1, 2, story.SessionOf(2), LeaderInfo{1});
  REQUIRE(story.Violated() == "INV-4 durable before send");
}

TEST_CASE("INV-4: a leader has its epoch before it asks others to accept it") {
  Story story;
  story.Discover(1, {2}, 1);
  story.at(1).state.current = 1;
  story.WriteState(1);
  story.Say(1, 2, story.SessionOf(2, 1), NewLeader{});
  REQUIRE(story.Violated() == "INV-4 durable before send");
}

TEST_CASE("INV-4: a boot id is durable before it is used") {
  Story story;
  ++story.at(2).state.boot;
  story.Say(2, 1, {1, 0}, FollowerInfo{});
  REQUIRE(story.Violated() == "INV-4 durable before send");
}

TEST_CASE("INV-4: what a status calls logged is durable") {
  Led story;
  ReplicaStatus status = story.StatusOf(2);
  status.last_logged = {1, 2};
  story.checker.OnStatus(ServerId{2}, status);
  REQUIRE(story.Violated() == "INV-4 durable before send");
}

TEST_CASE("a vote tells what is durable, and all of it") {
  Led story;
  Notification vote{.vote = {1, {1, 1}, ServerId{2}}};
  story.Announce(2, 1, vote);
  REQUIRE(story.Violated() == "");
  SECTION("not what is only written") {
    story.Say(1, 2, story.all, Proposal{{story.Next(1, 1)}});
    story.WriteTxn(2, story.Next(1, 1));
    vote.vote.zxid = {1, 2};
  }
  SECTION("not less than there is") { vote.vote.zxid = {}; }
  SECTION("not an epoch that was not taken") { vote.vote.epoch = 2; }
  story.Announce(2, 1, vote);
  REQUIRE(story.Violated() == "vote of what is durable");
}

// --- INV-5 to INV-8: histories -------------------------------------------------------------

TEST_CASE("INV-5: only the leader of an epoch makes its transactions") {
  Led story;
  story.WriteTxn(2, story.Next(2, 1));
  REQUIRE(story.Violated() == "INV-5 integrity");
}

TEST_CASE("INV-5: a leader proposes nothing before it is established") {
  Story story;
  story.Discover(1, {2}, 1);
  story.Take(1, 1);
  story.WriteTxn(1, story.Next(1, 1));
  REQUIRE(story.Violated() == "INV-5 integrity");
}

TEST_CASE("INV-5: what nobody made is not applied") {
  Led story;
  story.Apply(2, MakeTxn({1, 9}, {1, 8}));
  REQUIRE(story.Violated() == "INV-5 integrity");
}

TEST_CASE("INV-6: a zxid names one transaction") {
  Led story;
  story.Say(1, 2, story.all, Proposal{{MakeTxn({1, 1}, {}, "something else")}});
  REQUIRE(story.Violated() == "INV-6 zxid uniqueness");
}

TEST_CASE("INV-7: a transaction follows the same one everywhere") {
  Led story;
  const Txn second = story.Next(1, 1);
  story.Say(1, 2, story.all, Proposal{{second}});
  story.Say(1, 2, story.all, Proposal{{MakeTxn(second.zxid, {})}});
  REQUIRE(story.Violated() == "INV-7 log matching");
}

TEST_CASE("INV-8: a history has no holes") {
  Led story;
  story.Log(1, story.Next(1, 1));
  const Txn third = story.Next(1, 1);
  story.Say(1, 2, story.all, Proposal{{third}});
  story.WriteTxn(2, third);
  REQUIRE(story.Violated() == "INV-8 contiguity");
}

// --- INV-9 and INV-24: synchronisation -------------------------------------------------------

TEST_CASE("INV-9: a server that takes an epoch holds its initial history") {
  Led story;
  story.Attach(3, 1);
  story.Lead(2, {1}, 2);
  story.Promise(3, 2, 2);
  story.Take(3, 2);
  REQUIRE(story.Violated() == "INV-9 initial history");
}

TEST_CASE("INV-9: nobody takes an epoch before its leader") {
  Story story;
  story.Discover(1, {2}, 1);
  story.Take(2, 1);
  REQUIRE(story.Violated() == "INV-9 initial history");
}

TEST_CASE("INV-24: a synchronised history goes as far as its leader's did") {
  Led story;
  story.Attach(3, 1);
  story.Promise(3, 1, 1);
  story.Log(3, story.first);
  story.Tell(1, 3, story.SessionOf(3), LeaderInfo{1, true});
  const Txn second = story.Next(1, 1);
  story.Broadcast(1, {2}, second);
  story.Tell(1, 3, story.SessionOf(3, 1), NewLeader{.last = second.zxid});
  story.Take(3, 1);
  REQUIRE(story.Violated() == "");
  story.Say(3, 1, story.SessionOf(3, 1), Ack{{1, 0}});
  REQUIRE(story.Violated() == "INV-24 sync check");
}

TEST_CASE("INV-24: what a leader does not have is cut before its epoch is acked") {
  Led story;
  const Txn extra = story.Next(1, 1);
  story.Log(1, extra);
  story.Lead(2, {3}, 2);
  story.Attach(1, 2);
  story.Promise(1, 2, 2);
  story.Tell(2, 1, story.SessionOf(1, 2), NewLeader{.last = story.first.zxid});
  story.Take(1, 2);
  REQUIRE(story.Violated() == "");
  story.Say(1, 2, story.SessionOf(1, 2), Ack{{2, 0}});
  REQUIRE(story.Violated() == "INV-24 sync check");
}

}  // namespace
}  // namespace zkq::testing
