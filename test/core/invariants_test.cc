// Each rule of lib/core/invariants is broken once, by name, in marks that are otherwise
// those of a sound peer.
#include "lib/core/invariants.h"

#include <fstream>
#include <set>
#include <sstream>

#include "test/harness/catch.h"

namespace zkq::core {
namespace {

Marks Follower() {
  return {.begin = {1, 1},
          .last = {3, 9},
          .durable = {3, 8},
          .commit = {3, 7},
          .delivered = {3, 6},
          .applied = {3, 5},
          .snapshot = {2, 2},
          .config = {2, 1},
          .acked = {3, 8},
          .accepted = 3,
          .current = 3,
          .last_write = 7,
          .synced = 6,
          .ensemble = 5,
          .promised_to = 9,
          .epoch = 3,
          .established = 3,
          .state = PeerState::kFollowing,
          .phase = ZabPhase::kBroadcast,
          .serving = true,
          .attached = true,
          .linked = true,
          .counted = true,
          .promised = true,
          .promise_told = true,
          .promise_durable = true,
          .epoch_told = true,
          .epoch_durable = true};
}
Marks Leader() {
  Marks marks = Follower();
  marks.state = PeerState::kLeading;
  marks.acked = {};
  marks.attached = marks.linked = false;
  marks.listed = true;
  return marks;
}
// Leads, and has not proposed yet: 3:9 is of an earlier leader.
Marks Synchronizing() {
  Marks marks = Leader();
  marks.accepted = marks.current = marks.epoch = 4;
  marks.phase = ZabPhase::kSynchronization;
  marks.serving = false;
  return marks;
}
Marks Looker() {
  Marks marks = Follower();
  marks.state = PeerState::kLooking;
  marks.phase = ZabPhase::kElection;
  marks.acked = {};
  marks.serving = marks.attached = marks.linked = marks.counted = marks.promised = false;
  marks.promise_told = marks.epoch_told = false;
  return marks;
}
// Its epoch is promised, and none of it established.
Marks Promised() {
  Marks marks = Looker();
  marks.accepted = 4;
  return marks;
}

using Change = void (*)(Marks*);

struct Broken {
  const char* rule;
  Change change;
};
const Broken kStates[] = {
    {"the history begins before it ends",
     [](Marks* m) {
       m->begin = {4, 1};
     }},
    {"INV-5: no transaction has counter 0",
     [](Marks* m) {
       m->last = {4, 0};
     }},
    {"what is durable is in the history",
     [](Marks* m) {
       m->durable = {3, 10};
     }},
    {"INV-18: what is committed is in the history",
     [](Marks* m) {
       m->commit = {3, 10};
     }},
    {"INV-18: what is delivered is committed",
     [](Marks* m) {
       m->delivered = {3, 8};
     }},
    {"INV-18: what is delivered is durable here",
     [](Marks* m) {
       m->durable = {3, 5};
     }},
    {"INV-18: what is applied was delivered",
     [](Marks* m) {
       m->applied = {3, 7};
     }},
    {"INV-18: a snapshot is of what is committed",
     [](Marks* m) {
       m->snapshot = {3, 8};
     }},
    {"what is synced was written", [](Marks* m) { m->synced = 8; }},
    {"INV-21: a pending configuration is newer than the committed one",
     [](Marks* m) { m->pending = m->config; }},
    {"INV-21: a pending configuration is in the history",
     [](Marks* m) {
       m->pending = {3, 10};
     }},
    {"INV-1: the current epoch is promised", [](Marks* m) { m->current = 4; }},
    {"INV-4: an epoch is durable before it is told", [](Marks* m) { m->epoch_durable = false; }},
    {"INV-4: a promise is durable before it is told", [](Marks* m) { m->promise_durable = false; }},
    {"INV-4: what is acknowledged is durable",
     [](Marks* m) {
       m->acked = {3, 9};
     }},
    {"INV-3: a term's promise is to its leader", [](Marks* m) { m->promised = false; }},
    {"who takes part is founded", [](Marks* m) { m->ensemble = 0; }},
    {"who is in the election looks", [](Marks* m) { m->phase = ZabPhase::kElection; }},
    {"INV-3: the epoch of a term is promised", [](Marks* m) { m->epoch = 4; }},
    {"INV-9: an established epoch is the current one", [](Marks* m) { m->current = 2; }},
    {"who broadcasts is established", [](Marks* m) { m->serving = false; }},
    {"INV-29: who leads is listed with its disk", [](Marks* m) { m->state = PeerState::kLeading; }},
    {"a session is the newest, and has its link", [](Marks* m) { m->linked = false; }},
    {"who is synchronised has a session", [](Marks* m) { m->attached = false; }},
};

struct BrokenStep {
  const char* rule;
  Marks (*from)();
  Change change;
};
const BrokenStep kSteps[] = {
    {"INV-1: a promise is kept", Follower, [](Marks* m) { m->accepted = 2; }},
    {"INV-1: the current epoch never falls", Follower, [](Marks* m) { m->current = 2; }},
    {"INV-1: the committed configuration never goes back", Follower,
     [](Marks* m) {
       m->config = {1, 1};
     }},
    {"INV-1: the commit watermark never falls", Follower,
     [](Marks* m) {
       m->commit = {3, 6};
     }},
    {"what is delivered stays delivered", Follower,
     [](Marks* m) {
       m->delivered = {3, 5};
     }},
    {"what is applied stays applied", Follower,
     [](Marks* m) {
       m->applied = {3, 4};
     }},
    {"a history never grows at its beginning", Follower,
     [](Marks* m) {
       m->begin = {1, 0};
     }},
    {"the newest snapshot stays", Follower,
     [](Marks* m) {
       m->snapshot = {2, 1};
     }},
    {"what is synced stays synced", Follower, [](Marks* m) { m->synced = 5; }},
    {"writes are numbered upwards", Follower, [](Marks* m) { m->last_write = 6; }},
    {"INV-2: established epochs rise", Looker, [](Marks* m) { m->established = 2; }},
    {"who is founded stays in its ensemble", Looker, [](Marks* m) { m->ensemble = 6; }},
    {"INV-3: one epoch is promised to one leader", Looker, [](Marks* m) { m->promised_to = 8; }},
    {"INV-19: nothing committed is cut", Follower,
     [](Marks* m) {
       m->last = {3, 6};
     }},
    {"INV-3: an epoch is taken as it was promised", Follower,
     [](Marks* m) { m->current = 4, m->accepted = 5; }},
    {"who looks has a history that stands still", Looker,
     [](Marks* m) {
       m->last = {3, 10};
     }},
    {"who looks hears of no commit", Looker,
     [](Marks* m) {
       m->commit = {3, 8};
     }},
    {"a leader cuts nothing of its history", Leader,
     [](Marks* m) {
       m->last = {3, 8};
     }},
    {"INV-5: a leader proposes in its established epoch", Synchronizing,
     [](Marks* m) {
       m->last = {4, 1};
     }},
    {"INV-14: all before a leader's first proposal is committed", Synchronizing,
     [](Marks* m) {
       m->last = {4, 1}, m->established = 4, m->serving = true;
     }},
    {"INV-17: a leader commits once it is established", Synchronizing,
     [](Marks* m) {
       m->commit = {3, 8};
     }},
};

std::string Named(const char* rule) { return rule == nullptr ? "none" : rule; }

TEST_CASE("a sound peer breaks no rule, standing or taking a step") {
  for (const auto sound : {Follower, Leader, Synchronizing, Looker, Promised}) {
    CHECK(Named(CheckState(sound())) == "none");
    CHECK(Named(CheckStep(sound(), sound())) == "none");
  }
}

TEST_CASE("a sound peer comes from the election and goes there") {
  for (const auto sound : {Follower, Leader}) {
    CHECK(Named(CheckStep(Looker(), sound())) == "none");
    CHECK(Named(CheckStep(sound(), Looker())) == "none");
  }
}

TEST_CASE("each rule about a state is broken by what it forbids") {
  for (const Broken& broken : kStates) {
    Marks marks = Follower();
    broken.change(&marks);
    CHECK(Named(CheckState(marks)) == broken.rule);
  }
}

TEST_CASE("each rule about a step is broken by what it forbids") {
  for (const BrokenStep& broken : kSteps) {
    Marks after = broken.from();
    broken.change(&after);
    CHECK(Named(CheckStep(broken.from(), after)) == broken.rule);
  }
}

TEST_CASE("an epoch that another leader has got may be promised to that one, and not counted") {
  Marks after = Promised();
  after.promised_to = 8;
  CHECK(Named(CheckStep(Promised(), after)) == "none");
  after.counted = true;
  CHECK(Named(CheckStep(Promised(), after)) == "INV-3: one epoch is promised to one leader");
}

TEST_CASE("while a snapshot is installed, what was delivered before need not be durable") {
  Marks installing = Follower();
  installing.begin = installing.last = installing.snapshot = {4, 4};
  installing.durable = installing.acked = {};
  installing.epoch_told = false;
  CHECK(Named(CheckState(installing)) == "none");
  // Its session may end meanwhile; what is installed is committed all the same.
  installing.state = PeerState::kLooking;
  installing.phase = ZabPhase::kElection;
  installing.serving = installing.attached = installing.linked = false;
  Marks installed = installing;
  installed.durable = installed.commit = installed.delivered = {4, 4};
  CHECK(Named(CheckStep(installing, installed)) == "none");
}

TEST_CASE("no rule of the source is without its case here") {
  std::set<std::string> cases;
  for (const Broken& broken : kStates) cases.insert(broken.rule);
  for (const BrokenStep& broken : kSteps) cases.insert(broken.rule);
  std::ifstream file(ZKQ_SOURCE_DIR "/lib/core/invariants.cc");
  std::stringstream text;
  text << file.rdbuf();
  const std::string source = text.str();
  size_t rules = 0;
  for (size_t at = source.find("return \""); at != std::string::npos;
       at = source.find("return \"", at + 1)) {
    const size_t from = at + 8;
    CHECK(cases.count(source.substr(from, source.find('"', from) - from)) == 1);
    ++rules;
  }
  CHECK(rules == cases.size());
}

}  // namespace
}  // namespace zkq::core
