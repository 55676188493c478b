// What becomes of the changes of the configuration that a replica's user asks for.
#include "lib/core/own_changes.h"

#include "lib/wire/disk.h"
#include "test/harness/catch.h"
#include "zkq/wire.h"

namespace zkq::core {
namespace {

using std::chrono::seconds;
using Fate = OwnChanges::Fate;
using TagList = std::vector<uint64_t>;

constexpr Origin kSelf = {.sid = ServerId{1}, .boot = 7};

Txn Entry(Zxid zxid, uint64_t call, uint64_t boot = kSelf.boot) {
  return EncodeTxn(zxid, {}, TxnKind::kReconfig, {kSelf.sid, boot, call}, 0,
                   EncodeMembership({.members = {{.id = ServerId{1}}}}));
}

// One change, with tag 5, which went to a leader in session 1.
OwnChanges Sent() {
  OwnChanges changes(kSelf);
  changes.Add({.tag = 5, .deadline = seconds(9)});
  REQUIRE(changes.Take(1).size() == 1);
  return changes;
}

OwnChanges Logged(Zxid zxid) {
  OwnChanges changes = Sent();
  const Txn entry = Entry(zxid, 5);
  changes.Appended(std::span(&entry, 1));
  return changes;
}

TEST_CASE("own changes: one goes once in a session, and again in the next if it is nowhere") {
  OwnChanges changes = Sent();
  CHECK(changes.Take(1).empty());
  changes.Decide(1);
  CHECK(changes.Take(1).empty());
  changes.Decide(2);
  CHECK(changes.Take(2).size() == 1);
}

TEST_CASE("own changes: one that is in the history does not go again, until it is cut") {
  OwnChanges changes = Logged({2, 3});
  changes.Decide(2);
  CHECK(changes.Take(2).empty());
  changes.Truncated({2, 3});
  changes.Decide(3);
  CHECK(changes.Take(3).empty());
  changes.Truncated({2, 2});
  changes.Decide(4);
  CHECK(changes.Take(4).size() == 1);
}

TEST_CASE("own changes: an entry of another process life is not this one's") {
  OwnChanges changes = Sent();
  const Txn entry = Entry({2, 3}, 5, kSelf.boot - 1);
  changes.Appended(std::span(&entry, 1));
  changes.Decide(2);
  CHECK(changes.Take(2).size() == 1);
}

TEST_CASE("own changes: one is done when its configuration is settled, or a later one is") {
  OwnChanges changes = Logged({2, 3});
  CHECK(changes.TakeDone({2, 9}, {2, 2}, {2, 3}).empty());
  CHECK(changes.TakeDone({2, 9}, {2, 3}, {}) == TagList{5});
  CHECK(changes.TakeDone({2, 9}, {2, 3}, {}).empty());
  changes = Logged({2, 3});
  CHECK(changes.TakeDone({2, 9}, {2, 8}, {}) == TagList{5});
}

TEST_CASE("own changes: nobody is told a configuration that is not settled yet") {
  OwnChanges changes = Logged({2, 3});
  CHECK(changes.TakeDone({2, 9}, {2, 3}, {2, 8}).empty());
  CHECK(changes.TakeDone({2, 12}, {2, 8}, {}) == TagList{5});
  changes = Sent();
  CHECK(changes.Answered(5, {2, 4}));
  CHECK(changes.TakeDone({2, 9}, {}, {2, 8}).empty());
  CHECK(changes.TakeDone({2, 12}, {2, 8}, {}) == TagList{5});
}

TEST_CASE("own changes: where nothing was to be changed, what the answer rests on is waited for") {
  OwnChanges changes = Sent();
  CHECK(changes.Answered(5, {2, 4}));
  CHECK(!changes.Answered(6, {2, 4}));
  changes.Decide(2);
  CHECK(changes.Take(2).empty());
  CHECK(changes.TakeDone({2, 3}, {}, {2, 2}).empty());
  CHECK(changes.TakeDone({2, 4}, {}, {2, 2}) == TagList{5});
}

TEST_CASE("own changes: one whose time is over never goes") {
  OwnChanges changes(kSelf);
  changes.Add({.tag = 5, .deadline = seconds(9)});
  changes.Expire(seconds(8));
  CHECK(changes.Take(1).size() == 1);
  changes.Expire(seconds(9));
  changes.Decide(2);
  CHECK(changes.Take(2).empty());
}

TEST_CASE("own changes: a snapshot may hold what was sent, so nobody can tell of it") {
  OwnChanges changes = Sent();
  CHECK(changes.Installed({2, 1}) == TagList{5});
  changes.Add({.tag = 6, .deadline = seconds(9)});
  CHECK(changes.Installed({2, 1}).empty());  // it was never sent
  CHECK(changes.Take(2).size() == 1);
}

TEST_CASE("own changes: one that a snapshot has is committed, whatever is said of it later") {
  OwnChanges changes = Logged({2, 3});
  CHECK(changes.Installed({2, 3}).empty());
  CHECK(changes.Take(2).size() == 1);  // whether it is settled the leader knows
  SECTION("there is nothing to change") {
    CHECK(changes.Answered(5, {2, 4}));
    CHECK(changes.TakeDone({2, 4}, {}, {2, 3}) == TagList{5});
  }
  SECTION("another configuration is settled: so this one was") {
    CHECK(changes.Refused(5, RejectReason::kOtherVersion, {2, 8}) == Fate::kDone);
    CHECK(changes.TakeDone({2, 7}, {}, {2, 3}).empty());
    CHECK(changes.TakeDone({2, 8}, {}, {2, 8}) == TagList{5});
  }
  SECTION("anything else does not mean that it is not committed") {
    CHECK(changes.Refused(5, RejectReason::kNotCaughtUp, {2, 3}) == Fate::kUnknown);
    CHECK(changes.Refused(5, RejectReason::kNotCaughtUp, {2, 3}) == Fate::kNotOurs);
  }
  SECTION("nor does another snapshot") {
    CHECK(changes.Answered(5, {2, 4}));
    CHECK(changes.Installed({2, 8}).empty());
    CHECK(changes.TakeDone({2, 9}, {}, {2, 8}).empty());
    CHECK(changes.Take(3).size() == 1);
  }
}

TEST_CASE(
    "own changes: where a snapshot has a later configuration nobody can tell what was before") {
  OwnChanges changes = Logged({2, 3});
  CHECK(changes.Installed({3, 8}) == TagList{5});
  CHECK(changes.TakeDone({3, 8}, {}, {}).empty());
}

TEST_CASE(
    "own changes: one that a snapshot does not have goes again, and is not taken for another") {
  OwnChanges changes = Logged({2, 3});
  CHECK(changes.Installed({2, 1}).empty());
  CHECK(changes.TakeDone({4, 1}, {3, 1}, {}).empty());
  changes.Decide(2);
  CHECK(changes.Take(2).size() == 1);
}

TEST_CASE("own changes: a refusal is of one that is known") {
  OwnChanges changes = Sent();
  CHECK(changes.Refused(6, RejectReason::kNoQuorum, {}) == Fate::kNotOurs);
  CHECK(changes.Refused(5, RejectReason::kOtherVersion, {}) == Fate::kRefused);
  CHECK(changes.Refused(5, RejectReason::kOtherVersion, {}) == Fate::kNotOurs);
}

}  // namespace
}  // namespace zkq::core
