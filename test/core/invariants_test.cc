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
          .accepted = 3,
          .current = 3,
          .last_write = 7,
          .synced = 6,
          .sessions = 4,
          .epoch = 3,
          .state = PeerState::kFollowing,
          .phase = ZabPhase::kBroadcast,
          .serving = true,
          .linked = true};
}
Marks Leader() {
  Marks marks = Follower();
  marks.state = PeerState::kLeading;
  marks.linked = false;
  return marks;
}
Marks Looker() {
  Marks marks = Follower();
  marks.state = PeerState::kLooking;
  marks.phase = ZabPhase::kElection;
  marks.serving = marks.linked = false;
  return marks;
}

using Change = void (*)(Marks*);

struct Broken {
  const char* rule;
  Change change;
};
const Broken kStates[] = {
    {"the history begins before it ends", [](Marks* m) { m->begin = {4, 1}; }},
    {"INV-5: no transaction has counter 0", [](Marks* m) { m->last = {4, 0}; }},
    {"what is durable is in the history", [](Marks* m) { m->durable = {3, 10}; }},
    {"INV-18: what is committed is in the history", [](Marks* m) { m->commit = {3, 10}; }},
    {"INV-18: what is delivered is committed", [](Marks* m) { m->delivered = {3, 8}; }},
    {"INV-18: what is delivered is durable here", [](Marks* m) { m->durable = {3, 5}; }},
    {"INV-18: what is applied is in the history", [](Marks* m) { m->applied = {3, 10}; }},
    {"a snapshot is of the history", [](Marks* m) { m->snapshot = {3, 10}; }},
    {"what is synced was written", [](Marks* m) { m->synced = 8; }},
    {"INV-21: a pending configuration is newer than the committed one",
     [](Marks* m) { m->pending = m->config; }},
    {"INV-21: a pending configuration is in the history", [](Marks* m) { m->pending = {3, 10}; }},
    {"INV-1: the current epoch is promised", [](Marks* m) { m->current = 4; }},
    {"who is in the election looks", [](Marks* m) { m->phase = ZabPhase::kElection; }},
    {"INV-3: the epoch of a term is promised", [](Marks* m) { m->epoch = 4; }},
    {"INV-9: an established epoch is the current one", [](Marks* m) { m->current = 2; }},
    {"who is synchronised is linked to the leader", [](Marks* m) { m->linked = false; }},
    {"who broadcasts is established", [](Marks* m) { m->serving = false; }},
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
     [](Marks* m) { m->config = {1, 1}; }},
    {"INV-1: the commit watermark never falls", Follower, [](Marks* m) { m->commit = {3, 6}; }},
    {"what is delivered stays delivered", Follower, [](Marks* m) { m->delivered = {3, 5}; }},
    {"what is applied stays applied", Follower, [](Marks* m) { m->applied = {3, 4}; }},
    {"a history never grows at its beginning", Follower, [](Marks* m) { m->begin = {1, 0}; }},
    {"the newest snapshot stays", Follower, [](Marks* m) { m->snapshot = {2, 1}; }},
    {"what is synced stays synced", Follower, [](Marks* m) { m->synced = 5; }},
    {"writes are numbered upwards", Follower, [](Marks* m) { m->last_write = 6; }},
    {"sessions are numbered upwards", Follower, [](Marks* m) { m->sessions = 3; }},
    {"INV-19: nothing committed is cut", Follower, [](Marks* m) { m->last = {3, 6}; }},
    {"INV-3: an epoch is taken as it was promised", Follower,
     [](Marks* m) { m->current = 4, m->accepted = 5; }},
    {"who looks has a history that stands still", Looker, [](Marks* m) { m->last = {3, 10}; }},
    {"who looks hears of no commit", Looker, [](Marks* m) { m->commit = {3, 8}; }},
    {"a leader cuts nothing of its history", Leader, [](Marks* m) { m->last = {3, 8}; }},
};

std::string Named(const char* rule) { return rule == nullptr ? "none" : rule; }

TEST_CASE("a sound peer breaks no rule, standing or taking a step") {
  for (const auto sound : {Follower, Leader, Looker}) {
    CHECK(Named(CheckState(sound())) == "none");
    CHECK(Named(CheckStep(sound(), sound())) == "none");
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

TEST_CASE("while a snapshot is installed, what was delivered before need not be durable") {
  Marks installing = Follower();
  installing.begin = installing.last = installing.snapshot = {4, 4};
  installing.durable = {};
  CHECK(Named(CheckState(installing)) == "none");
  // Its session may end meanwhile; what is installed is committed all the same.
  installing.state = PeerState::kLooking;
  installing.phase = ZabPhase::kElection;
  installing.serving = installing.linked = false;
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
