// LearnerProgress and its Feed alone: one learner, as its leader sees it.
#include "lib/core/learner_progress.h"

#include <string>

#include "lib/core/learners.h"
#include "test/core/text.h"
#include "test/harness/catch.h"

namespace zkq::core {
namespace {

using LearnerStage = LearnerProgress::Stage;
using std::chrono::milliseconds;

constexpr LinkId kLearner{ServerId{1}, 10, 1};
constexpr Epoch kEpoch = 2;

// The leader's side: server 3 of three, with 1:1 to 1:4 on its disk, leads epoch 2.
struct Leader {
  explicit Leader(size_t credit_bytes = 1 << 20, size_t window_txns = 100)
      : self({.self = ServerId{3},
              .members = VotersUpTo(3).members,
              .window_txns_max = window_txns,
              .credit_bytes = credit_bytes},
             {.epochs = Epochs({}, {{1, 4}}), .window = txns.Named("1:1..1:4")}) {
    self.effects = &effects;
  }

  LearnerProgress Attached() {
    return LearnerProgress(&self, kLearner, {.number = 7, .epoch = 0}, {.look_seq = 5});
  }
  LearnerProgress Promised(Zxid last = {1, 4}) {
    LearnerProgress learner = Attached();
    learner.SendLeaderInfo({.epoch = kEpoch, .decided = false});
    REQUIRE(learner.Take(AckEpoch{.current = 1, .last = last, .base = {}, .table = {last}}));
    return learner;
  }
  LearnerProgress Synced() {
    LearnerProgress learner = Promised();
    REQUIRE(learner.Synchronize(learner.Plan()));
    REQUIRE(learner.Accept({{kEpoch, 0}}));
    effects.clear();
    return learner;
  }
  void Propose(const std::string& names) { self.Append(txns.Named(names)); }
  // For so long its disk is at work: a sync takes half a second, and another follows. Whether
  // `learner` is given up meanwhile.
  bool GivesUp(LearnerProgress* learner, milliseconds after) {
    for (const Time end = self.now + after; self.now < end;) {
      const WriteId write = self.StoreState();
      self.now += milliseconds(500);
      self.NoteSynced({write, milliseconds(500)});
      self.StoreState();
      REQUIRE(self.Syncing());
      if (learner->StandsStill()) return true;
    }
    return false;
  }

  std::string Told() {
    std::vector<std::string> told;
    for (const Effect& effect : std::exchange(effects, {})) {
      if (const auto* send = std::get_if<Send>(&effect)) told.push_back(ToString(send->message));
    }
    return Joined(told, "; ");
  }

  Transactions txns;
  Effects effects;
  Self self;
};

TEST_CASE("a learner tells its history after LeaderInfo, and once") {
  Leader leader;
  LearnerProgress learner = leader.Attached();
  REQUIRE_FALSE(learner.Take(AckEpoch{}));
  learner.SendLeaderInfo({.epoch = kEpoch, .decided = false});
  REQUIRE(learner.session() == Session{7, kEpoch});
  REQUIRE(learner.Take(AckEpoch{}));
  REQUIRE_FALSE(learner.Take(AckEpoch{}));
}

TEST_CASE("a learner is fed what it lacks, then sent NewLeader") {
  Leader leader;
  LearnerProgress learner = leader.Promised({1, 2});
  leader.Told();
  REQUIRE(learner.Synchronize(learner.Plan()));
  REQUIRE(leader.Told() == "diff last 1:4; proposal 1:3..1:4; new-leader last 1:4 commit 0:0");
  REQUIRE(learner.stage() == LearnerStage::kAccepting);
  REQUIRE(learner.CaughtUpWith({1, 4}));
}

TEST_CASE("a learner out of credit is fed on as things become durable there") {
  Leader leader(1);
  LearnerProgress learner = leader.Synced();
  leader.Propose("2:1<1:4");
  learner.Pump();
  leader.Propose("2:2");
  learner.Pump();
  REQUIRE(leader.Told() == "proposal 2:1");
  REQUIRE_FALSE(learner.CaughtUpWith({2, 2}));
  REQUIRE(learner.Acknowledge({{2, 1}}));
  learner.Pump();
  REQUIRE(leader.Told() == "proposal 2:2");
}

TEST_CASE("the log stays from a learner's cursor on, once a plan is chosen") {
  Leader leader;
  LearnerProgress learner = leader.Promised();
  REQUIRE_FALSE(learner.PinnedAfter());
  REQUIRE(learner.Synchronize(learner.Plan()));
  REQUIRE(learner.PinnedAfter() == Zxid{1, 4});
}

TEST_CASE("an Ack of NewLeader is taken while it is owed, of this epoch alone") {
  Leader leader;
  LearnerProgress learner = leader.Promised();
  REQUIRE_FALSE(learner.Accept({{kEpoch, 0}}));
  REQUIRE(learner.Synchronize(learner.Plan()));
  REQUIRE_FALSE(learner.Accept({{kEpoch - 1, 0}}));
  REQUIRE(learner.Accept({{kEpoch, 0}}));
  REQUIRE(learner.match() == Zxid{1, 4});
  REQUIRE_FALSE(learner.Accept({{kEpoch, 0}}));
}

TEST_CASE("an Ack of what was never sent, or that falls, is not taken") {
  Leader leader;
  LearnerProgress learner = leader.Synced();
  leader.Propose("2:1<1:4..2:2");
  learner.Pump();
  REQUIRE(learner.Acknowledge({{2, 2}}));
  REQUIRE(learner.Acknowledge({{2, 2}}));
  REQUIRE_FALSE(learner.Acknowledge({{2, 3}}));
  REQUIRE_FALSE(learner.Acknowledge({{2, 1}}));
  REQUIRE(learner.match() == Zxid{2, 2});
}

TEST_CASE("a commit is told once, and as far as the learner was sent") {
  Leader leader(1);
  LearnerProgress learner = leader.Synced();
  learner.SendUpToDate();
  leader.Propose("2:1<1:4");
  learner.Pump();
  leader.Propose("2:2");
  leader.self.Commit({2, 2});
  REQUIRE_FALSE(learner.TakesCommit({2, 2}));
  leader.Told();
  learner.SendCommit();
  learner.SendCommit();
  REQUIRE(leader.Told() == "commit 2:1");
  REQUIRE(learner.Acknowledge({{2, 1}}));
  learner.Pump();
  REQUIRE_FALSE(learner.TakesCommit({2, 2}));  // its proposal has told it
  REQUIRE(learner.Acknowledge({{2, 2}}));
  leader.Propose("2:3");
  learner.Pump();
  REQUIRE(learner.TakesCommit({2, 3}));
  REQUIRE_FALSE(learner.TakesCommit({2, 3}));
}

TEST_CASE("a learner that comes up has both limits, and after progress the init limit") {
  Leader leader;
  LearnerProgress learner = leader.Promised({1, 1});
  REQUIRE(learner.Synchronize(learner.Plan()));
  leader.self.now = milliseconds(2999);
  learner.NoteFrame();
  REQUIRE_FALSE(learner.StandsStill());
  REQUIRE_FALSE(learner.Take(Pong{.seq = 1, .durable = {}}, 1));
  REQUIRE(learner.Take(Pong{.seq = 1, .durable = {1, 2}}, 1));
  leader.self.now = milliseconds(4998);
  REQUIRE_FALSE(learner.StandsStill());
  leader.self.now = milliseconds(4999);
  REQUIRE(learner.StandsStill());
}

TEST_CASE("a synced learner that is silent for the sync limit stands still") {
  Leader leader;
  LearnerProgress learner = leader.Synced();
  leader.self.now = milliseconds(600);
  learner.NoteFrame();
  leader.self.now = milliseconds(1599);
  REQUIRE_FALSE(learner.StandsStill());
  leader.self.now = milliseconds(1600);
  REQUIRE(learner.StandsStill());
}

TEST_CASE("a learner may owe an Ack for as long as its disk needs, by its last syncs") {
  Leader leader;
  LearnerProgress learner = leader.Synced();
  leader.self.now = milliseconds(5000);
  learner.NoteFrame();
  learner.Take(Pong{.seq = 1, .sync = milliseconds(600)}, 1);
  REQUIRE_FALSE(learner.StandsStill());
  leader.Propose("2:1<1:4");
  learner.Pump();
  leader.self.now = milliseconds(8599);
  learner.NoteFrame();
  REQUIRE_FALSE(learner.StandsStill());
  leader.self.now = milliseconds(8600);
  learner.NoteFrame();
  REQUIRE(learner.StandsStill());
}

TEST_CASE("a learner that takes in what is large owes its Ack from the last part on") {
  Leader leader;
  LearnerProgress learner = leader.Synced();
  leader.self.now = milliseconds(5000);
  learner.NoteFrame();
  REQUIRE_FALSE(learner.StandsStill());
  leader.Propose("2:1<1:4");
  learner.Pump();
  leader.self.now = milliseconds(5900);
  learner.NoteFrame();
  learner.Take(Pong{.seq = 1, .taken = 1000}, 1);
  leader.self.now = milliseconds(6800);
  learner.NoteFrame();
  learner.Take(Pong{.seq = 1, .taken = 1000}, 1);  // no more has come
  REQUIRE_FALSE(learner.StandsStill());
  leader.self.now = milliseconds(6900);
  REQUIRE(learner.StandsStill());
}

TEST_CASE("parts of a message put off what is owed, as far as they may stand before it") {
  Leader leader;
  LearnerProgress learner = leader.Synced();
  leader.self.now = milliseconds(5000);
  learner.NoteFrame();
  REQUIRE_FALSE(learner.StandsStill());
  leader.Propose("2:1<1:4");
  learner.Pump();
  for (const int at : {5900, 6800, 7700, 8600}) {
    leader.self.now = milliseconds(at);
    learner.NotePart(1 << 20);
    REQUIRE_FALSE(learner.StandsStill());
  }
  leader.self.now = milliseconds(9500);
  learner.NotePart(1);
  REQUIRE_FALSE(learner.StandsStill());
  leader.self.now = milliseconds(9600);
  REQUIRE(learner.StandsStill());
}

TEST_CASE("a learner that comes up makes progress while its disk is at work") {
  Leader leader;
  LearnerProgress learner = leader.Promised({1, 1});
  leader.self.now = milliseconds(2999);
  REQUIRE(learner.Take(Pong{.seq = 1, .syncing = true}, 1));
  leader.self.now = milliseconds(4998);
  REQUIRE_FALSE(learner.StandsStill());
}

TEST_CASE("a learner that is fed makes progress while parts of what is large come, and no longer") {
  Leader leader;
  LearnerProgress learner = leader.Promised({1, 1});
  REQUIRE_FALSE(learner.Take(Pong{.seq = 1, .taken = 1000}, 1));  // of what, nobody has sent yet
  REQUIRE(learner.Synchronize(learner.Plan()));
  leader.self.now = milliseconds(2999);
  REQUIRE(learner.Take(Pong{.seq = 2, .taken = 2000}, 2));
  leader.self.now = milliseconds(4998);
  REQUIRE_FALSE(learner.StandsStill());
  REQUIRE_FALSE(learner.Take(Pong{.seq = 3, .taken = 2000}, 3));
  leader.self.now = milliseconds(4999);
  REQUIRE(learner.StandsStill());
}

TEST_CASE("a learner that waits for this leader's disk is waited for as long as that is at work") {
  Leader leader(/*credit_bytes=*/1, /*window_txns=*/1);
  LearnerProgress promising = leader.Attached();
  REQUIRE_FALSE(leader.GivesUp(&promising, milliseconds(9000)));
  LearnerProgress feeding = leader.Promised({1, 1});
  REQUIRE(feeding.Synchronize(feeding.Plan()));
  REQUIRE(feeding.stage() == LearnerStage::kFeeding);  // the log is read for it
  REQUIRE_FALSE(leader.GivesUp(&feeding, milliseconds(9000)));
  REQUIRE(feeding.TakePage(leader.txns.Named("1:2<1:1")));  // out of credit
  REQUIRE(leader.GivesUp(&feeding, milliseconds(2000)));
}

TEST_CASE("a learner that is waited for alone is given up, though this leader's disk is at work") {
  Leader leader;
  LearnerProgress learner = leader.Promised();
  REQUIRE(learner.Synchronize(learner.Plan()));
  REQUIRE(learner.stage() == LearnerStage::kAccepting);
  REQUIRE_FALSE(leader.GivesUp(&learner, milliseconds(2500)));
  REQUIRE(leader.GivesUp(&learner, milliseconds(500)));
}

// A voter with a slow disk may keep all that have promised already waiting.
TEST_CASE("a learner that has promised is given up for its silence alone") {
  Leader leader;
  LearnerProgress learner = leader.Promised();
  leader.self.writes.synced = leader.self.writes.last;
  for (int i = 1; i <= 10; ++i) {
    leader.self.now = milliseconds(1900 * i);
    REQUIRE_FALSE(learner.StandsStill());
    learner.NoteFrame();
  }
  leader.self.now += milliseconds(1999);
  REQUIRE_FALSE(learner.StandsStill());
  leader.self.now += milliseconds(1);
  REQUIRE(learner.StandsStill());
}

TEST_CASE("a synced learner that owes an Ack for the sync limit stands still, though it is heard") {
  Leader leader;
  LearnerProgress learner = leader.Synced();
  leader.self.now = milliseconds(5000);
  learner.NoteFrame();
  REQUIRE_FALSE(learner.StandsStill());
  leader.Propose("2:1<1:4");
  learner.Pump();
  leader.self.now = milliseconds(5999);
  learner.NoteFrame();
  REQUIRE_FALSE(learner.StandsStill());
  leader.self.now = milliseconds(6000);
  learner.NoteFrame();
  REQUIRE(learner.StandsStill());
}

TEST_CASE("a pong answers no ping that was never sent") {
  Leader leader;
  LearnerProgress learner = leader.Synced();
  learner.Take(Pong{.seq = 9, .durable = {}}, 4);
  REQUIRE(learner.ponged() == 4);
  learner.Take(Pong{.seq = 3, .durable = {}}, 4);
  REQUIRE(learner.ponged() == 4);
}

TEST_CASE("a learner that was up to date has been served, over a renewal too") {
  Leader leader;
  LearnerProgress learner = leader.Synced();
  REQUIRE_FALSE(learner.served());
  learner.SendUpToDate();
  REQUIRE(learner.served());
  learner.Renew();
  REQUIRE(learner.served());
  REQUIRE(learner.stage() == LearnerStage::kWaiting);
}

TEST_CASE("a new plan forgets the credit that an earlier one has used") {
  Invariants invariants;
  Feed feed(&invariants);
  feed.Begin({}, {1, 2});
  feed.Advance(Transactions().Named("1:1..1:2"));
  REQUIRE(feed.sent() == Zxid{1, 2});
  REQUIRE_FALSE(feed.HasCredit(1));
  feed.Begin({1, 1}, {1, 2});
  REQUIRE(feed.HasCredit(1));
  REQUIRE(feed.sent() == Zxid{1, 1});
}

TEST_CASE("a feed that leaves out a transaction is broken") {
  Leader leader;
  LearnerProgress learner = leader.Synced();
  leader.Propose("2:1<1:4");
  leader.Propose("2:2");
  learner.Fed(leader.txns.Named("2:2"), {});
  REQUIRE_FALSE(leader.self.invariants().ok());
}

TEST_CASE("a feed that goes back is broken") {
  Invariants invariants;
  Feed feed(&invariants);
  feed.Begin({1, 2}, {1, 2});
  feed.Advance(Transactions().Named("1:1"));
  REQUIRE_FALSE(invariants.ok());
}

TEST_CASE("a leader that cuts what it has sent is broken") {
  Leader leader;
  LearnerProgress learner = leader.Synced();
  leader.Propose("2:1<1:4");
  learner.Pump();
  REQUIRE(leader.self.invariants().ok());
  leader.self.Truncate({1, 4});
  learner.Pump();
  REQUIRE_FALSE(leader.self.invariants().ok());
}

TEST_CASE("a second session on one link, beside the first, is broken") {
  Leader leader;
  Learners learners(&leader.self);
  learners.Add(kLearner, {.number = 7}, {});
  REQUIRE(leader.self.invariants().ok());
  learners.Add(kLearner, {.number = 8}, {});
  REQUIRE_FALSE(leader.self.invariants().ok());
}

TEST_CASE("a proposal of nothing is broken") {
  Leader leader;
  Learners learners(&leader.self);
  learners.Propose(kEpoch, {1, 4}, {});
  REQUIRE_FALSE(leader.self.invariants().ok());
}

}  // namespace
}  // namespace zkq::core
