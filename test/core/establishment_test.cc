// Establishment alone: what one attempt of a leader counts, and when it ends.
#include "lib/core/establishment.h"

#include "test/core/text.h"
#include "test/harness/catch.h"

namespace zkq::core {
namespace {

using Stage = Establishment::Stage;
using std::chrono::milliseconds;

constexpr MemberId kLeader{ServerId{5}, {}};
constexpr MemberId kStranger{ServerId{9}, {}};
constexpr Time kInitLimit = milliseconds(2000);
constexpr Time kPatience = milliseconds(500);

// An attempt of server 5 of five, whose lowest epoch is 3.
struct Attempt {
  explicit Attempt(LastWords words = {})
      : quorum({.committed = VotersUpTo(5), .pending = {}}),
        establishment({.self = kLeader,
                       .lowest = 3,
                       .init_limit = kInitLimit,
                       .last_words = std::move(words)},
                      &quorum, Time{}) {}

  // Comes to a stage by the word of servers 1 and 2.
  void ReachElecting() {
    for (uint64_t sid : {1, 2}) establishment.Connect({ServerId{sid}, {}}, 2, Time{});
    REQUIRE(establishment.CanFixEpoch());
    establishment.FixEpoch(7);
    REQUIRE(establishment.PromiseIsDurable(7));
  }
  void ReachSynchronizing() {
    ReachElecting();
    for (uint64_t sid : {1, 2}) establishment.Promise({ServerId{sid}, {}}, Time{});
    REQUIRE(establishment.CanTakeEpoch());
    establishment.TakeEpoch(8);
    REQUIRE(establishment.EpochIsDurable(8));
  }

  Quorum quorum;
  Establishment establishment;
};

TEST_CASE("an epoch is fixed above the promises of a quorum, the leader's among them") {
  Attempt a;
  Establishment& e = a.establishment;
  REQUIRE(e.epoch() == 0);
  e.Connect({ServerId{1}, {}}, 1, Time{});
  REQUIRE(e.lowest() == 3);
  e.Connect({ServerId{1}, {}}, 1, Time{});
  REQUIRE_FALSE(e.CanFixEpoch());
  e.Connect({ServerId{2}, {}}, 6, Time{});
  REQUIRE(e.CanFixEpoch());
  e.FixEpoch(1);
  REQUIRE(e.epoch() == 7);
}

TEST_CASE("an epoch that is fixed is moved by no later promise") {
  Attempt a;
  a.ReachElecting();
  a.establishment.Connect({ServerId{3}, {}}, 9, Time{});
  REQUIRE(a.establishment.epoch() == 3);
}

TEST_CASE("a server that is no voter neither counts, steers nor is progress") {
  Attempt a;
  Establishment& e = a.establishment;
  e.Connect({ServerId{1}, {}}, 2, Time{});
  e.Connect(kStranger, 9, milliseconds(1999));
  REQUIRE(e.lowest() == 3);
  REQUIRE_FALSE(e.CanFixEpoch());
  REQUIRE(e.Expired(kInitLimit));
}

TEST_CASE("a stage that waits for the disk ends with the write it waits for") {
  Attempt a;
  Establishment& e = a.establishment;
  for (uint64_t sid : {1, 2}) e.Connect({ServerId{sid}, {}}, 2, Time{});
  e.FixEpoch(7);
  REQUIRE_FALSE(e.PromiseIsDurable(6));
  REQUIRE(e.stage() == Stage::kPromising);
  REQUIRE(e.PromiseIsDurable(7));
  REQUIRE_FALSE(e.PromiseIsDurable(7));
  REQUIRE(e.stage() == Stage::kElecting);
}

TEST_CASE("an epoch is taken when a quorum has promised it, and established when one has it") {
  Attempt a;
  a.ReachElecting();
  Establishment& e = a.establishment;
  e.Promise({ServerId{1}, {}}, Time{});
  REQUIRE_FALSE(e.CanTakeEpoch());
  e.Promise({ServerId{2}, {}}, Time{});
  REQUIRE(e.CanTakeEpoch());
  e.TakeEpoch(8);
  e.Accept({ServerId{1}, {}}, Time{});
  e.Accept({ServerId{2}, {}}, Time{});
  REQUIRE_FALSE(e.TryEstablish());  // the leader's own epoch is not durable
  REQUIRE(e.EpochIsDurable(8));
  REQUIRE(e.TryEstablish());
  REQUIRE(e.established());
}

TEST_CASE("the votes of an attempt do not count for the next") {
  Attempt a;
  a.ReachSynchronizing();
  Establishment& e = a.establishment;
  for (uint64_t sid : {1, 2}) e.Accept({ServerId{sid}, {}}, Time{});
  REQUIRE(e.TryEstablish());
  e = Establishment({.self = kLeader, .lowest = 4, .init_limit = kInitLimit}, &a.quorum, Time{});
  e.FixEpoch(9);
  REQUIRE(e.PromiseIsDurable(9));
  REQUIRE_FALSE(e.CanTakeEpoch());
}

TEST_CASE("a learner that leaves counts no longer in a set that is open") {
  Attempt a;
  Establishment& e = a.establishment;
  e.Connect({ServerId{1}, {}}, 2, Time{});
  e.Leave({ServerId{1}, {}});
  e.Connect({ServerId{2}, {}}, 2, Time{});
  REQUIRE_FALSE(e.CanFixEpoch());
  e.Connect({ServerId{3}, {}}, 2, Time{});
  e.FixEpoch(7);
  REQUIRE(e.PromiseIsDurable(7));
  e.Promise({ServerId{2}, {}}, Time{});
  e.Leave({ServerId{2}, {}});
  e.Promise({ServerId{3}, {}}, Time{});
  REQUIRE_FALSE(e.CanTakeEpoch());
}

TEST_CASE("an attempt without progress expires, and each voter is progress once a stage") {
  Attempt a;
  Establishment& e = a.establishment;
  e.Connect({ServerId{1}, {}}, 2, milliseconds(1000));
  e.Leave({ServerId{1}, {}});
  e.Connect({ServerId{1}, {}}, 2, milliseconds(2500));
  REQUIRE_FALSE(e.Expired(milliseconds(2999)));
  REQUIRE(e.Expired(milliseconds(3000)));
  e.NoteProgress(milliseconds(3000));
  REQUIRE_FALSE(e.Expired(milliseconds(4999)));
}

TEST_CASE("an attempt is hopeless when the voters that can choose it are no quorum") {
  Attempt a;
  Establishment& e = a.establishment;
  e.CountOut({ServerId{1}, {}});
  e.CountOut(kStranger);
  e.CountOut({ServerId{2}, {}});
  REQUIRE_FALSE(e.Hopeless());
  e.CountOut({ServerId{3}, {}});
  REQUIRE(e.Hopeless());
}

// What a peer announces.
LastWord Looks(uint64_t boot, uint64_t seq, uint64_t for_sid) {
  return {{boot, seq}, PeerState::kLooking, ServerId{for_sid}};
}
LastWord Follows(uint64_t boot, uint64_t seq, uint64_t sid) {
  return {{boot, seq}, PeerState::kFollowing, ServerId{sid}};
}

std::set<MemberId> Servers(std::initializer_list<uint64_t> sids) {
  std::set<MemberId> servers;
  for (uint64_t sid : sids) servers.insert({ServerId{sid}, {}});
  return servers;
}

TEST_CASE("an attempt is deserted when its voters look again, and patience is over") {
  const LastWord first = Looks(10, 4, 5);
  Attempt a({{{ServerId{1}, {}}, first}});
  Establishment& e = a.establishment;
  const std::set<MemberId> linked = Servers({1, 2, 3});
  e.Note({ServerId{1}, {}}, first);  // the look that led here
  e.Note({ServerId{2}, {}}, Looks(20, 1, 2));
  e.NoteSupport(linked, Time{1});
  e.Note({ServerId{1}, {}}, Looks(11, 1, 1));
  e.NoteSupport(linked, kPatience);
  REQUIRE_FALSE(e.Deserted(kPatience, kPatience));
  REQUIRE(e.Deserted(kPatience + Time{1}, kPatience));
  e.Connect({ServerId{1}, {}}, 2, kPatience);  // it has come back
  e.NoteSupport(linked, kPatience);
  REQUIRE_FALSE(e.Deserted(kPatience + Time{1}, kPatience));
}

TEST_CASE("an attempt is lost when a quorum has settled on somebody else") {
  Attempt a({{{ServerId{1}, {}}, Follows(10, 4, 3)}});  // before it began
  Establishment& e = a.establishment;
  e.Note({ServerId{2}, {}}, Follows(20, 2, 3));
  e.Note({ServerId{3}, {}}, Follows(30, 1, 5));
  e.Note({ServerId{4}, {}}, Follows(40, 4, 5));
  REQUIRE_FALSE(e.Lost());
  e.Note({ServerId{2}, {}}, Looks(20, 3, 5));
  e.Note({ServerId{3}, {}}, Follows(30, 1, 3));
  REQUIRE_FALSE(e.Lost());  // one looks again, and may come
  e.Note({ServerId{4}, {}}, Follows(40, 4, 3));
  REQUIRE(e.Lost());
  e.Connect({ServerId{4}, {}}, 2, Time{});
  REQUIRE_FALSE(e.Lost());
}

TEST_CASE("an announcement that has been overtaken says nothing against an attempt") {
  Attempt a({{{ServerId{1}, {}}, Looks(10, 4, 5)}, {{ServerId{2}, {}}, Looks(20, 4, 5)}});
  Establishment& e = a.establishment;
  e.Note({ServerId{1}, {}}, Follows(10, 3, 3));
  e.Note({ServerId{2}, {}}, Looks(19, 9, 2));
  e.NoteSupport(Servers({1, 2}), Time{1});
  REQUIRE_FALSE(e.Deserted(kPatience, kPatience));
}

TEST_CASE("voters that have settled on somebody else support no attempt") {
  Attempt a({{{ServerId{2}, {}}, Looks(20, 4, 5)}});
  Establishment& e = a.establishment;
  e.NoteSupport(Servers({2, 3}), Time{1});
  e.Note({ServerId{2}, {}}, Follows(20, 4, 3));
  e.NoteSupport(Servers({2, 3}), kPatience);
  REQUIRE(e.Deserted(kPatience + Time{1}, kPatience));
}

TEST_CASE("voters that are not linked, or counted out, support no attempt") {
  Attempt a;
  Establishment& e = a.establishment;
  e.NoteSupport(Servers({1, 2}), Time{1});
  e.NoteSupport(Servers({1}), Time{2});
  REQUIRE(e.Deserted(kPatience + Time{1}, kPatience));
  e.NoteSupport(Servers({1, 2}), Time{3});
  e.CountOut({ServerId{2}, {}});
  e.NoteSupport(Servers({1, 2, 9}), kPatience);
  REQUIRE(e.Deserted(kPatience + Time{3}, kPatience));
}

}  // namespace
}  // namespace zkq::core
