// The parts of the checker that stand alone: calls, lanes, statuses, liveness.
#include <functional>

#include "lib/testing/checks/applying_checker.h"
#include "lib/testing/checks/call_ledger.h"
#include "lib/testing/checks/election_checker.h"
#include "lib/testing/checks/histories.h"
#include "lib/testing/checks/lane_order.h"
#include "lib/testing/checks/led_checker.h"
#include "lib/testing/checks/liveness.h"
#include "lib/testing/checks/read_confirmations.h"
#include "lib/testing/checks/status_steps.h"
#include "test/harness/catch.h"
#include "test/testing/founders.h"
#include "test/testing/invariant_story.h"
#include "zkq/status.h"

namespace zkq::testing {
namespace {

std::string Property(const std::optional<Violation>& violation) {
  return violation ? violation->property : "";
}

// --- calls --------------------------------------------------------------------------------

struct Calls : CallLedger {
  std::string Apply(Zxid zxid, std::string_view command, int at = 1, std::string_view reply = "") {
    return Property(OnApplied(ServerId(at), {.zxid = zxid, .command = command}, reply));
  }
  std::string Done(uint64_t call, Zxid zxid) { return Property(OnDone(call, Reply{zxid, ""})); }
  std::string Failed(uint64_t call, Outcome outcome) {
    return Property(
        OnDone(call, MakeError(absl::StatusCode::kUnavailable, "no", {.outcome = outcome})));
  }
};

TEST_CASE("a call that is told what was applied is honest") {
  Calls calls;
  calls.OnProposed(1, "a");
  REQUIRE(calls.Apply({1, 1}, "a") == "");
  REQUIRE(calls.Apply({1, 1}, "a", 2) == "");
  REQUIRE(calls.Done(1, {1, 1}) == "");
  REQUIRE(Property(calls.OnEnd()) == "");
}

TEST_CASE("one transaction is the same everywhere") {
  Calls calls;
  calls.Apply({1, 1}, "a");
  REQUIRE(calls.Apply({1, 1}, "b", 2) == "INV-11 total order");
  const Transaction late{.zxid = {1, 1}, .leader_time = absl::InfiniteFuture(), .command = "a"};
  REQUIRE(Property(calls.OnApplied(ServerId{2}, late, "")) == "INV-11 total order");
}

TEST_CASE("a state machine answers one transaction everywhere alike") {
  Calls calls;
  calls.Apply({1, 1}, "a", 1, "x");
  REQUIRE(calls.Apply({1, 1}, "a", 2, "x") == "");
  REQUIRE(calls.Apply({1, 1}, "a", 3, "y") == "Apply is deterministic");
}

TEST_CASE("a call is completed once") {
  Calls calls;
  calls.OnProposed(1, "a");
  REQUIRE(calls.Failed(1, Outcome::kUnknown) == "");
  REQUIRE(calls.Failed(1, Outcome::kUnknown) == "each call once");
}

TEST_CASE("a call is completed in the end") {
  Calls calls;
  calls.OnProposed(1, "a");
  REQUIRE(Property(calls.OnEnd()) == "each call once");
}

TEST_CASE("a write is told its own zxid") {
  Calls calls;
  calls.OnProposed(1, "a");
  calls.Apply({1, 1}, "b");
  SECTION("not another's") { REQUIRE(calls.Done(1, {1, 1}) == "outcome"); }
  SECTION("not one that nobody has applied") { REQUIRE(calls.Done(1, {1, 2}) == "outcome"); }
}

TEST_CASE("a write is told what its Apply has returned") {
  Calls calls;
  calls.OnProposed(1, "a");
  calls.OnProposed(2, "b");
  calls.Apply({1, 1}, "a", 1, "x");
  calls.Apply({1, 2}, "b", 1, "y");
  REQUIRE(Property(calls.OnDone(1, Reply{{1, 1}, "x"})) == "");
  REQUIRE(Property(calls.OnDone(2, Reply{{1, 2}, "x"})) == "outcome");
}

TEST_CASE("a call told not committed never is") {
  Calls calls;
  calls.OnProposed(1, "a");
  SECTION("later") {
    REQUIRE(calls.Failed(1, Outcome::kNotCommitted) == "");
    REQUIRE(calls.Apply({1, 1}, "a") == "outcome");
  }
  SECTION("or before") {
    REQUIRE(calls.Apply({1, 1}, "a") == "");
    REQUIRE(calls.Failed(1, Outcome::kNotCommitted) == "outcome");
  }
}

TEST_CASE("a call told unknown may be committed or not") {
  Calls calls;
  calls.OnProposed(1, "a");
  REQUIRE(calls.Failed(1, Outcome::kUnknown) == "");
  REQUIRE(calls.Apply({1, 1}, "a") == "");
}

TEST_CASE("a command is applied as often as it was proposed, and not more") {
  Calls calls;
  calls.OnProposed(1, "a");
  calls.OnProposed(2, "a");
  REQUIRE(calls.Failed(1, Outcome::kNotCommitted) == "");
  REQUIRE(calls.Apply({1, 1}, "a") == "");
  REQUIRE(calls.Apply({1, 2}, "a") == "outcome");

  Calls once;
  once.OnProposed(1, "a");
  REQUIRE(once.Apply({1, 1}, "a") == "");
  REQUIRE(once.Apply({1, 2}, "a") == "applied once");
}

TEST_CASE("INV-26: a read reflects what was complete before it was asked") {
  Calls calls;
  calls.OnProposed(1, "a");
  calls.Apply({1, 1}, "a");
  REQUIRE(calls.OnReadAsked(2) == Zxid{});
  REQUIRE(calls.Done(1, {1, 1}) == "");
  REQUIRE(calls.OnReadAsked(3) == Zxid{1, 1});
  REQUIRE(calls.Done(2, {}) == "");
  REQUIRE(calls.Done(3, {}) == "INV-26 linearizable reads");
}

TEST_CASE("INV-26: a read reflects what an earlier read has reflected") {
  Calls calls;
  calls.OnReadAsked(1);
  REQUIRE(calls.Done(1, {1, 5}) == "");
  calls.OnReadAsked(2);
  REQUIRE(calls.Done(2, {1, 4}) == "INV-26 linearizable reads");
}

// Server 1 leads, and 2 and 3 follow it. Itself it does not count.
struct Confirmed : ReadConfirmations {
  void Say(int from, uint64_t seq) { OnSent(RouteOf(from), session, Pong{.seq = seq}); }
  void Hear(int from, uint64_t seq) {
    OnDelivered(RouteOf(from), session, Pong{.seq = seq}, {ServerId(from), {}});
  }
  size_t Count(uint64_t call) const {
    const auto all = Of(call);
    return all.empty() ? 0 : all.front().by.size();
  }
  static Route RouteOf(int from) {
    return {.from = ServerId(from), .to = ServerId{1}, .from_boot = 1, .to_boot = 1, .link = 1};
  }
  Session session{.number = 1, .epoch = 1};
};

TEST_CASE("INV-26: what was said before a read was asked does not confirm it") {
  Confirmed reads;
  reads.Say(2, 1);
  reads.OnAsked(1);
  REQUIRE(reads.Count(1) == 0);
  reads.Hear(2, 1);
  REQUIRE(reads.Count(1) == 0);
  reads.Say(2, 2);
  REQUIRE(reads.Count(1) == 0);  // nor what has not arrived
  reads.Hear(2, 2);
  REQUIRE(reads.Count(1) == 1);
  reads.OnAsked(2);
  REQUIRE(reads.Count(2) == 0);
  reads.Say(3, 3);
  reads.Hear(3, 3);
  REQUIRE(reads.Count(1) == 2);
  REQUIRE(reads.Count(2) == 1);
}

TEST_CASE("INV-26: two lives of a leader are not confirmed together") {
  Confirmed reads;
  reads.OnAsked(1);
  reads.Say(2, 1);
  reads.Hear(2, 1);
  auto later = Confirmed::RouteOf(3);
  later.to_boot = 2;
  reads.OnSent(later, reads.session, Pong{.seq = 1});
  reads.OnDelivered(later, reads.session, Pong{.seq = 1}, {ServerId{3}, {}});
  const auto confirmed = reads.Of(1);
  REQUIRE(confirmed.size() == 2);
  REQUIRE(confirmed[0].boot == 1);
  REQUIRE(confirmed[0].by == std::set<MemberId>{{ServerId{2}, {}}});
  REQUIRE(confirmed[1].boot == 2);
  REQUIRE(confirmed[1].by == std::set<MemberId>{{ServerId{3}, {}}});
}

TEST_CASE("INV-26: a read that no quorum has confirmed is not answered") {
  Story story;
  story.Lead(1, {2, 3}, 1);
  story.checker.OnReadAsked(1, ServerId{1});
  story.checker.OnDone(1, Reply{{}, ""});
  REQUIRE(story.Violated() == "INV-26 linearizable reads");
}

// --- INV-23: lanes ---------------------------------------------------------------------------

struct Lanes : LaneOrder {
  Route route{.from = ServerId{1}, .to = ServerId{2}, .from_boot = 1, .to_boot = 1, .link = 1};
  std::string Send(const Message& message) { return Property(OnSent(route, message)); }
  std::string Arrive(const Message& message) { return Property(OnDelivered(route, message)); }
};

const Message kInfo{{1, 0}, LeaderInfo{1}};
const Message kOne{{1, 1}, Commit{{1, 1}}};
const Message kTwo{{1, 1}, Commit{{1, 2}}};

TEST_CASE("INV-23: a lane delivers in order, and may lose its end") {
  Lanes lanes;
  for (const Message& message : {kInfo, kOne, kTwo}) REQUIRE(lanes.Send(message) == "");
  REQUIRE(lanes.Arrive(kInfo) == "");
  REQUIRE(lanes.Arrive(kOne) == "");
  lanes.OnLinkDown(lanes.route);
  lanes.route.link = 2;
  REQUIRE(lanes.Send({{2, 0}, LeaderInfo{1}}) == "");
  REQUIRE(lanes.Arrive({{2, 0}, LeaderInfo{1}}) == "");
}

TEST_CASE("INV-23: nothing is overtaken, left out, repeated or made up within a lane") {
  Lanes lanes;
  for (const Message& message : {kInfo, kOne, kTwo}) REQUIRE(lanes.Send(message) == "");
  REQUIRE(lanes.Arrive(kInfo) == "");
  SECTION("overtaken, or left out") { REQUIRE(lanes.Arrive(kTwo) == "INV-23 session FIFO"); }
  SECTION("repeated") { REQUIRE(lanes.Arrive(kInfo) == "INV-23 session FIFO"); }
  SECTION("made up") { REQUIRE(lanes.Arrive({{1, 1}, Commit{{1, 9}}}) == "INV-23 session FIFO"); }
  SECTION("of a link that is down") {
    lanes.OnLinkDown(lanes.route);
    REQUIRE(lanes.Arrive(kOne) == "INV-23 session FIFO");
  }
  SECTION("of a life that is over") {
    lanes.OnCrashed(ServerId{2});
    REQUIRE(lanes.Arrive(kOne) == "INV-23 session FIFO");
  }
}

TEST_CASE("INV-23: one lane may overtake another") {
  Lanes lanes;
  const Message ping{{1, 1}, Ping{.seq = 1}};
  for (const Message& message : {kInfo, kOne, ping}) REQUIRE(lanes.Send(message) == "");
  for (const Message& message : {kInfo, ping, kOne}) REQUIRE(lanes.Arrive(message) == "");
}

TEST_CASE("INV-23: a session stays on its link") {
  Lanes lanes;
  REQUIRE(lanes.Send(kInfo) == "");
  lanes.route.link = 2;
  SECTION("its end may be told on another") { REQUIRE(lanes.Send({{1, 1}, SessionEnd{}}) == ""); }
  SECTION("nothing else of it is") { REQUIRE(lanes.Send(kOne) == "INV-23 session FIFO"); }
}

TEST_CASE("INV-23: the session of number 0 is the one that LeaderInfo has opened") {
  Lanes lanes;
  const Message to_all{{0, 1}, Commit{{1, 1}}};
  SECTION("none") { REQUIRE(lanes.Send(to_all) == "INV-23 session FIFO"); }
  REQUIRE(lanes.Send(kInfo) == "");
  SECTION("this one") { REQUIRE(lanes.Send(to_all) == ""); }
  SECTION("not one on a later link") {
    lanes.route.link = 2;
    REQUIRE(lanes.Send(to_all) == "INV-23 session FIFO");
  }
  SECTION("not one before it") {
    REQUIRE(lanes.Send({{1, 1}, LeaderInfo{2}}) == "");
    REQUIRE(lanes.Send(to_all) == "INV-23 session FIFO");
  }
}

// --- histories ----------------------------------------------------------------------------------

TEST_CASE("two histories share what is before the point where they part") {
  Histories histories;
  for (const Txn& txn :
       {MakeTxn({1, 1}, {}), MakeTxn({1, 2}, {1, 1}), MakeTxn({1, 3}, {1, 2}),
        MakeTxn({3, 1}, {1, 2}), MakeTxn({3, 2}, {3, 1}), MakeTxn({4, 1}, {1, 3})}) {
    REQUIRE_FALSE(histories.Add(txn).has_value());
  }
  REQUIRE(histories.Shared({3, 2}, {4, 1}) == Zxid{1, 2});
  REQUIRE(histories.Shared({3, 2}, {1, 1}) == Zxid{1, 1});
  REQUIRE(histories.Contains({1, 2}, {3, 2}));
  REQUIRE_FALSE(histories.Contains({1, 3}, {3, 2}));
  REQUIRE_FALSE(histories.Contains({3, 1}, {4, 1}));
  REQUIRE(histories.Contains({}, {4, 1}));
  REQUIRE(histories.Below(4, {4, 1}) == Zxid{1, 3});
}

TEST_CASE("leader time never falls") {
  Histories histories;
  Txn first = MakeTxn({1, 1}, {}), second = MakeTxn({1, 2}, {1, 1});
  second.leader_time = first.leader_time - 1;
  REQUIRE(histories.Add(first) == std::nullopt);
  REQUIRE(histories.Add(second)->starts_with("leader time never falls"));
}

// --- elections -----------------------------------------------------------------------------------

// Server 1 hears others and says something itself, a millisecond later each time.
struct Votes {
  SimScheduler scheduler{1};
  ElectionChecker checker{&scheduler};

  static Notification Looking(int leader, Epoch epoch, uint64_t round) {
    return {.vote = {.epoch = epoch, .leader = ServerId(leader)},
            .round = round,
            .state = PeerState::kLooking,
            .look_seq = 1,
            .quorum_connected = true};
  }
  static Notification Settled(PeerState state, int leader, uint64_t round, Epoch epoch = 0) {
    return {.vote = {.epoch = epoch, .leader = ServerId(leader)},
            .round = round,
            .state = state,
            .look_seq = 1};
  }
  void Hear(int from, const Notification& notification) {
    scheduler.RunFor(absl::Milliseconds(1));
    checker.OnDelivered({.from = ServerId(from), .to = ServerId{1}},
                        {.notification = &notification});
  }
  std::string Say(const Notification& notification) {
    scheduler.RunFor(absl::Milliseconds(1));
    checker.OnSent({.from = ServerId{1}, .to = ServerId{2}}, {.notification = &notification});
    return Property(checker.violation());
  }
};

TEST_CASE("a peer that decides an election takes the best it has heard of") {
  Votes votes;
  votes.Say(Votes::Looking(1, 1, 5));
  votes.Hear(2, Votes::Looking(2, 2, 5));
  SECTION("the best") { REQUIRE(votes.Say(Votes::Settled(PeerState::kFollowing, 2, 5, 2)) == ""); }
  SECTION("not itself") {
    REQUIRE(votes.Say(Votes::Settled(PeerState::kLeading, 1, 5)) == "the best vote wins");
  }
  SECTION("nor whoever is worse") {
    votes.Hear(3, Votes::Looking(3, 0, 5));
    REQUIRE(votes.Say(Votes::Settled(PeerState::kFollowing, 3, 5)) == "the best vote wins");
  }
  SECTION("unless that one is gone") {
    votes.checker.OnLinkDown({.from = ServerId{2}, .to = ServerId{1}});
    REQUIRE(votes.Say(Votes::Settled(PeerState::kLeading, 1, 5)) == "");
  }
  SECTION("or of another round") {
    votes.Hear(2, Votes::Looking(2, 2, 4));
    REQUIRE(votes.Say(Votes::Settled(PeerState::kLeading, 1, 5)) == "");
  }
}

TEST_CASE("nobody joins whom only followers vouch for") {
  Votes votes;
  votes.Say(Votes::Looking(1, 1, 5));
  votes.Hear(2, Votes::Settled(PeerState::kFollowing, 3, 4));
  SECTION("who says so itself") {
    votes.Hear(3, Votes::Settled(PeerState::kLeading, 3, 4));
    REQUIRE(votes.Say(Votes::Settled(PeerState::kFollowing, 3, 4)) == "");
  }
  SECTION("or is voted for by one who looks") {
    votes.Hear(2, Votes::Looking(3, 2, 4));
    REQUIRE(votes.Say(Votes::Settled(PeerState::kFollowing, 3, 4)) == "");
  }
  SECTION("not who has said so before it was settled last") {
    votes.Hear(3, Votes::Settled(PeerState::kLeading, 3, 4));
    votes.Say(Votes::Settled(PeerState::kFollowing, 3, 4));
    Notification looks = Votes::Looking(1, 1, 6);
    looks.look_seq = 2;
    votes.Say(looks);
    Notification again = Votes::Settled(PeerState::kFollowing, 3, 4);
    again.look_seq = 2;
    REQUIRE(votes.Say(again) == "a leader says so itself");
  }
  SECTION("not on their word alone") {
    REQUIRE(votes.Say(Votes::Settled(PeerState::kFollowing, 3, 4)) == "a leader says so itself");
  }
}

// --- statuses ------------------------------------------------------------------------------------

ReplicaStatus Serving(int id, int leader, Epoch epoch, Zxid applied = {}) {
  return {.id = ServerId(id),
          .state = id == leader ? PeerState::kLeading : PeerState::kFollowing,
          .phase = ZabPhase::kBroadcast,
          .leader = ServerId(leader),
          .epoch = epoch,
          .last_logged = applied,
          .last_committed = applied,
          .last_applied = applied};
}

TEST_CASE("a transaction that is committed and here is applied before long") {
  ApplyingChecker checker;
  ReplicaStatus status = Serving(2, 1, 3, {3, 5});
  status.last_applied = {3, 1};
  absl::Duration kept, now;
  const auto look = [&] {
    now += absl::Seconds(1);
    return Property(checker.OnLook(ServerId{2}, status, kept, now));
  };
  for (int i = 0; i < 6; ++i) REQUIRE(look() == "");
  SECTION("by whoever is healthy") { REQUIRE(look() == "applying goes on"); }
  SECTION("unless it is done") {
    status.last_applied = status.last_committed;
    REQUIRE(look() == "");
  }
  SECTION("or goes on") {
    status.last_applied = {3, 2};
    REQUIRE(look() == "");
  }
  SECTION("or is brought up") {
    status.phase = ZabPhase::kSynchronization;
    REQUIRE(look() == "");
  }
  SECTION("or has what is committed only in part") {
    status.last_logged = status.last_applied;
    REQUIRE(look() == "");
  }
  SECTION("or is kept from it by a fault") {
    kept = now;
    REQUIRE(look() == "");
  }
  SECTION("or begins anew") {
    checker.OnDown(ServerId{2});
    REQUIRE(look() == "");
  }
}

TEST_CASE("a status agrees with itself") {
  ReplicaStatus status = Serving(2, 1, 3, {3, 1});
  REQUIRE(Property(CheckStatus(status)) == "");
  REQUIRE(Property(CheckStatus({.id = ServerId{2}})) == "");
  SECTION("INV-18: applied is committed") {
    status.last_applied = {3, 2};
    REQUIRE(Property(CheckStatus(status)) == "INV-18 apply what is committed");
  }
  SECTION("a leader is its own") {
    status.state = PeerState::kLeading;
    REQUIRE(Property(CheckStatus(status)) == "role");
  }
  SECTION("a follower is not") {
    status.leader = ServerId{2};
    REQUIRE(Property(CheckStatus(status)) == "role");
  }
  SECTION("who looks has none") {
    status.state = PeerState::kLooking;
    REQUIRE(Property(CheckStatus(status)) == "role");
  }
  SECTION("broadcast has one") {
    status.leader.reset();
    REQUIRE(Property(CheckStatus(status)) == "role");
  }
}

TEST_CASE("a status follows from the one before") {
  const ReplicaStatus before = Serving(2, 1, 3, {3, 5});
  ReplicaStatus after = before;
  REQUIRE(Property(CheckStep(before, after)) == "");
  SECTION("INV-1: an established epoch does not fall") {
    after.epoch = 2;
    REQUIRE(Property(CheckStep(before, after)) == "INV-1 epoch monotony");
  }
  SECTION("one that was not established may") {
    ReplicaStatus tried = before;
    tried.epoch = 4;
    tried.leader.reset();
    tried.phase = ZabPhase::kDiscovery;
    REQUIRE(Property(CheckStep(tried, after)) == "");
  }
  SECTION("INV-2: the leader of an epoch stays") {
    after.leader = ServerId{3};
    REQUIRE(Property(CheckStep(before, after)) == "INV-2 leadership");
  }
  SECTION("INV-1: committed does not fall") {
    after.last_committed = after.last_applied = {3, 4};
    REQUIRE(Property(CheckStep(before, after)) == "INV-1 commit monotony");
  }
  SECTION("INV-11: applied does not fall") {
    after.last_applied = {3, 4};
    REQUIRE(Property(CheckStep(before, after)) == "INV-11 total order");
  }
  SECTION("who has halted does not go on") {
    ReplicaStatus halted = before;
    halted.halted = true;
    REQUIRE(Property(CheckStep(halted, after)) == "role");
  }
}

// --- liveness
// -------------------------------------------------------------------------------------

Statuses Led(Epoch epoch) {
  Statuses statuses;
  for (const int id : {1, 2, 3}) statuses[ServerId(id)] = Serving(id, 1, epoch, {epoch, 1});
  return statuses;
}
const std::set<ServerId> kAll{ServerId{1}, ServerId{2}, ServerId{3}};

TEST_CASE("LIV-1: somebody leads") {
  REQUIRE(Property(CheckLed(Led(1))) == "");
  Statuses statuses = Led(1);
  statuses.erase(ServerId{1});
  REQUIRE(Property(CheckLed(statuses)) == "LIV-1 progress");
  REQUIRE(Property(CheckSynced(statuses, kAll)) == "LIV-1 progress");
}

TEST_CASE("the leader of the highest epoch leads") {
  Statuses statuses = Led(1);
  statuses[ServerId{2}] = Serving(2, 2, 2);
  REQUIRE(LeaderOf(statuses) == ServerId{2});
}

TEST_CASE("LIV-2: everybody serves, and has applied what is committed") {
  Statuses statuses = Led(2);
  REQUIRE(Property(CheckSynced(statuses, kAll)) == "");
  SECTION("who is down does not") { statuses.erase(ServerId{3}); }
  SECTION("who is behind does not") { statuses[ServerId{3}].last_applied = {1, 1}; }
  SECTION("who is not ready does not") {
    statuses[ServerId{3}].ready = absl::UnavailableError("nothing is confirmed");
  }
  SECTION("who looks does not") { statuses[ServerId{3}] = {.id = ServerId{3}}; }
  SECTION("who follows another does not") { statuses[ServerId{3}].leader = ServerId{2}; }
  REQUIRE(Property(CheckSynced(statuses, kAll)) == "LIV-2 re-admission");
  REQUIRE(Property(CheckSynced(statuses, {ServerId{1}, ServerId{2}})) == "");
}

TEST_CASE("LIV-4: without a fault the leader stays, and so does its epoch") {
  REQUIRE(Property(CheckStable(Led(2), Led(2), kAll)) == "");
  REQUIRE(Property(CheckStable(Led(2), Led(3), kAll)) == "LIV-4 stability");
  REQUIRE(Property(CheckStable(Led(2), Led(3), kAll, /*renews=*/true)) == "");
  Statuses left = Led(2);
  left[ServerId{3}].phase = ZabPhase::kDiscovery;
  REQUIRE(Property(CheckStable(Led(2), left, kAll)) == "LIV-4 stability");
  REQUIRE(Property(CheckStable(left, Led(2), kAll)) == "");
  REQUIRE(Property(CheckStable(Led(2), left, kAll, /*renews=*/true)) == "LIV-4 stability");
  Statuses renewing = left;
  renewing[ServerId{1}].phase = ZabPhase::kDiscovery;
  REQUIRE(Property(CheckStable(Led(2), renewing, kAll, /*renews=*/true)) == "");
  REQUIRE(Property(CheckStable(Led(2), left, {ServerId{1}, ServerId{2}})) == "");
  left.erase(ServerId{3});
  REQUIRE(Property(CheckStable(Led(2), left, kAll)) == "LIV-4 stability");
  Statuses other = Led(2);
  other[ServerId{1}] = {.id = ServerId{1}};
  REQUIRE(Property(CheckStable(Led(2), other, kAll)) == "LIV-4 stability");
  REQUIRE(Property(CheckStable(Led(2), other, kAll, /*renews=*/true)) == "LIV-4 stability");
  other.begin()->second.membership.version = {3, 8};  // which may have left the leader out
  REQUIRE(Property(CheckStable(Led(2), other, kAll)) == "");
}

// --- LIV-1 and LIV-4, while faults last -----------------------------------------------------

void AddVoters(LedChecker::View* view, int servers) {
  for (int id = 1; id <= servers; ++id) {
    view->voters[ServerId(id)] = {.life = 1,
                                  .disk = FirstDiskOf(ServerId(id)),
                                  .configs = {.committed = FoundersOf(servers)}};
  }
}

// Three voters, linked in a row: 1 and 2, 2 and 3.
LedChecker::View Row() {
  LedChecker::View view{.tick = absl::Milliseconds(100)};
  AddVoters(&view, 3);
  view.links = {{ServerId{1}, ServerId{2}}, {ServerId{2}, ServerId{3}}};
  return view;
}

TEST_CASE("LIV-1: while a voter could be followed by a quorum, somebody leads within 50 ticks") {
  LedChecker checker;
  LedChecker::View view = Row();
  REQUIRE_FALSE(checker.OnLook(view, absl::Seconds(1)));   // all have just started
  REQUIRE_FALSE(checker.OnLook(view, absl::Seconds(10)));  // so it has 100
  view.changes = 1;
  REQUIRE_FALSE(checker.OnLook(view, absl::Seconds(20)));
  REQUIRE_FALSE(checker.OnLook(view, absl::Seconds(24)));
  REQUIRE(checker.OnLook(view, absl::Seconds(25)));
}

TEST_CASE("LIV-1: nobody has to lead whom no quorum can follow") {
  LedChecker checker;
  LedChecker::View view{.tick = absl::Milliseconds(100)};  // a star around 1
  AddVoters(&view, 5);
  for (const int id : {2, 3, 4, 5}) view.links.emplace(ServerId{1}, ServerId(id));
  bool led = false;
  SECTION("all works") { led = true; }
  SECTION("too few links") {
    for (const int id : {2, 3, 4}) view.links.erase({ServerId{1}, ServerId(id)});
  }
  SECTION("the voter in the middle lacks what three others have") {
    for (const int id : {2, 3, 4}) view.voters[ServerId(id)].history = {1, {1, 1}};
  }
  SECTION("the voter in the middle does not work") { view.voters.erase(ServerId{1}); }
  REQUIRE_FALSE(checker.OnLook(view, absl::Seconds(1)));
  REQUIRE(checker.OnLook(view, absl::Seconds(100)).has_value() == led);
}

TEST_CASE("LIV-4: the leader stays, until something changes") {
  LedChecker checker;
  LedChecker::View view = Row();
  view.leader = ServerId{2};
  for (int i = 1; i < 20; ++i) REQUIRE_FALSE(checker.OnLook(view, absl::Seconds(i)));
  view.leader = ServerId{1};
  bool changed = true;
  SECTION("nothing has changed") { changed = false; }
  SECTION("a connection broke") { view.changes = 1; }
  SECTION("a server has started anew") { view.voters[ServerId{2}].life = 2; }
  SECTION("a clock has leapt") { view.voters[ServerId{2}].clock_set = absl::Seconds(2); }
  SECTION("a disk is slower") { view.voters[ServerId{2}].sync = absl::Seconds(2); }
  REQUIRE(checker.OnLook(view, absl::Seconds(20)).has_value() == !changed);
}

}  // namespace
}  // namespace zkq::testing
