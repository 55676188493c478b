// What servers may do across their lives: start with what their disk has, not halt
// without a cause, take no part on a disk that is not theirs.
#include "lib/wire/disk.h"
#include "test/harness/catch.h"
#include "test/testing/invariant_story.h"

namespace zkq::testing {
namespace {

using storage::RecordType;

struct AllFollow : Story {
  AllFollow() {
    Lead(1, {2, 3}, 1);
    first = Next(1, 1);
    Broadcast(1, {2, 3}, first);
    REQUIRE(Violated() == "");
  }
  Txn first;
};

// --- recovery ---------------------------------------------------------------------------

TEST_CASE("recovery: a start finds the hard state that its disk has") {
  AllFollow story;
  story.Crash(2);
  SECTION("not less") { story.at(2).state.accepted = {}; }
  SECTION("not more") { story.at(2).state.accepted.epoch = 9; }
  story.Start(2);
  REQUIRE(story.Violated() == "recovery");
}

TEST_CASE("recovery: a boot id is not used again") {
  AllFollow story;
  story.Crash(2);
  --story.at(2).state.boot;
  story.Start(2);
  REQUIRE(story.Violated() == "recovery");
}

TEST_CASE("recovery: a start finds the history that its disk has") {
  AllFollow story;
  story.Crash(2);
  story.Start(2);
  ReplicaStatus status = story.StatusOf(2);
  SECTION("all of it") {
    story.checker.OnStatus(ServerId{2}, status);
    REQUIRE(story.Violated() == "");
  }
  SECTION("and not less") {
    status.last_logged = {};
    story.checker.OnStatus(ServerId{2}, status);
    REQUIRE(story.Violated() == "recovery");
  }
}

TEST_CASE("recovery: what a power cut has lost is not there again") {
  AllFollow story;
  story.at(2).state.accepted = {2, ServerId{3}, 1};
  story.WriteState(2);  // and no fsync
  story.Crash(2);
  story.Start(2);
  REQUIRE(story.Violated() == "recovery");
}

TEST_CASE("recovery: what a killed process has written is there") {
  AllFollow story;
  story.at(2).state.accepted = {2, ServerId{3}, 1};
  story.WriteState(2);
  story.Crash(2, /*power=*/false);
  story.Start(2);
  REQUIRE(story.Violated() == "");
}

TEST_CASE("recovery: a torn batch is not there, nor is any after it") {
  AllFollow story;
  const Zxid before = story.at(1).last();
  story.WriteTxn(1, story.Next(1, 1));
  const uint64_t torn = story.at(1).offset - 1;
  story.WriteTxn(1, story.Next(1, 1));
  MemoryFileSystem& disk = story.at(1).disk;
  const std::string path = disk.Files().front();
  std::string contents = *disk.Contents(path);
  contents[torn] ^= 1;
  disk.SetContents(path, contents);
  story.at(1).log.resize(1);
  story.Crash(1, /*power=*/false);
  story.Start(1);
  ReplicaStatus status = story.StatusOf(1);
  status.last_logged = before;
  story.checker.OnStatus(ServerId{1}, status);
  REQUIRE(story.Violated() == "");
}

TEST_CASE("recovery: a segment begins with what those before it have come to") {
  AllFollow story;
  SegmentStart start{.state = "", .base = {}, .last = story.first.zxid};
  story.WriteRecord(2, RecordType::kStart, EncodeSegmentStart(start));
  REQUIRE(story.Violated() == "recovery");
}

TEST_CASE("INV-4: a segment whose name is not durable holds nothing that is") {
  AllFollow story;
  auto segment = story.at(2).disk.Open("data/log-0000000000000002", FileSystem::Mode::kCreate);
  REQUIRE(segment.ok());
  story.at(2).file = *std::move(segment);
  story.at(2).offset = storage::kSectorBytes;
  const Txn second = story.Next(1, 1);
  story.Say(1, 2, {0, 1}, Proposal{{second}});
  story.Log(2, second);
  SECTION("until its directory is synced") {
    REQUIRE(story.at(2).disk.SyncDirectory("data").ok());
    story.Say(2, 1, story.SessionOf(2, 1), Ack{second.zxid});
    REQUIRE(story.Violated() == "");
  }
  SECTION("so it is not acked") {
    story.Say(2, 1, story.SessionOf(2, 1), Ack{second.zxid});
    REQUIRE(story.Violated() == "INV-4 durable before send");
  }
}

// --- starting and halting -----------------------------------------------------------------

TEST_CASE("LIV-3: a server starts whatever a crash has left") {
  AllFollow story;
  story.Crash(2);
  story.checker.OnStarting(ServerId{2});
  SECTION("unless something was done to it") {
    SECTION("a fault") { story.checker.OnExcused(ServerId{2}, "a write fails"); }
    SECTION("damage") { story.checker.OnDamaged(ServerId{2}); }
    story.checker.OnStarted(ServerId{2}, absl::DataLossError("no"));
    REQUIRE(story.Violated() == "");
  }
  SECTION("without more ado") {
    story.checker.OnStarted(ServerId{2}, absl::DataLossError("no"));
    REQUIRE(story.Violated() == "LIV-3 no restart trap");
  }
}

TEST_CASE("nobody halts without a cause") {
  AllFollow story;
  ReplicaStatus status = story.StatusOf(2);
  status.halted = true;
  status.health = absl::InternalError("write failed");
  SECTION("with one it may") {
    story.checker.OnExcused(ServerId{2}, "a write fails");
    story.checker.OnStatus(ServerId{2}, status);
    REQUIRE(story.Violated() == "");
  }
  SECTION("until its next good start") {
    story.checker.OnExcused(ServerId{2}, "a write fails");
    story.Crash(2);
    story.Start(2);
    story.checker.OnStatus(ServerId{2}, status);
    REQUIRE(story.Violated() == "no halt without cause");
  }
  SECTION("without one it may not") {
    story.checker.OnStatus(ServerId{2}, status);
    REQUIRE(story.Violated() == "no halt without cause");
  }
}

// --- roles ---------------------------------------------------------------------------------

TEST_CASE("nobody follows whom nobody has told to be up to date") {
  AllFollow story;
  ReplicaStatus status = story.StatusOf(2);
  status.state = PeerState::kFollowing;
  status.phase = ZabPhase::kBroadcast;
  status.leader = ServerId{1};
  story.checker.OnStatus(ServerId{2}, status);
  REQUIRE(story.Violated() == "");
  story.Crash(2);
  story.Start(2);
  story.checker.OnStatus(ServerId{2}, status);
  REQUIRE(story.Violated() == "synchronised before established");
}

TEST_CASE("an earlier leader's word that comes late takes nothing back") {
  AllFollow story;
  const Session old = story.SessionOf(2, 1);
  story.Say(1, 2, old, UpToDate{story.first.zxid});
  story.Lead(3, {2}, 2);
  story.Hear(1, 2, old, UpToDate{story.first.zxid});
  ReplicaStatus status = story.StatusOf(2);
  status.state = PeerState::kFollowing;
  status.phase = ZabPhase::kBroadcast;
  status.leader = ServerId{3};
  story.checker.OnStatus(ServerId{2}, status);
  INFO(story.What());
  REQUIRE(story.Violated() == "");
}

TEST_CASE("INV-2: nobody leads an epoch that no quorum has taken") {
  Story story;
  story.Discover(1, {2}, 1);
  story.Take(1, 1);
  ReplicaStatus status = story.StatusOf(1);
  status.state = PeerState::kLeading;
  status.phase = ZabPhase::kBroadcast;
  status.leader = ServerId{1};
  story.checker.OnStatus(ServerId{1}, status);
  REQUIRE(story.Violated() == "INV-2 leadership");
}

// --- wiped and damaged disks -------------------------------------------------------------------

// Server 2 has lost its disk and starts on an empty one.
struct Wiped : AllFollow {
  Wiped() {
    Crash(2);
    at(2).disk.Wipe();
    checker.OnWiped(ServerId{2});
    at(2).state = {.sid = ServerId{2}, .disk = {2, 2}, .boot = 100};
    at(2).log.clear();
    at(2).offset = storage::kSectorBytes;
    Start(2);
    REQUIRE(Violated() == "");
  }
};

TEST_CASE("amnesia: a wiped server may ask, and be told everything") {
  Wiped story;
  story.Announce(2, 1, {.amnesic = true});
  ReplicaStatus status = story.StatusOf(2);
  status.standing = Standing::kJoining;
  status.health = absl::FailedPreconditionError("amnesic");
  story.checker.OnStatus(ServerId{2}, status);
  story.checker.OnEnd();
  REQUIRE(story.Violated() == "");
}

TEST_CASE("amnesia: a wiped server does not vote") {
  Wiped story;
  story.Announce(2, 1, {.vote = {0, {}, ServerId{2}}});
  REQUIRE(story.Violated() == "amnesia");
}

TEST_CASE("amnesia: a wiped server does not found itself") {
  Wiped story;
  story.at(2).state.ensemble = {8, 8};
  story.at(2).state.config.members = {{.id = ServerId{2}, .disk = {2, 2}}};
  story.WriteState(2);
  REQUIRE(story.Violated() == "amnesia");
}

TEST_CASE("amnesia: a wiped server joins the ensemble, and promises like any learner") {
  Wiped story;
  story.at(2).state.ensemble = {7, 7};
  story.at(2).state.config = story.at(1).state.config;
  story.WriteState(2);
  story.Attach(2, 1);
  story.Promise(2, 1, 1);
  story.Say(2, 1, story.SessionOf(2, 1), AckEpoch{.current = 0});
  REQUIRE(story.Violated() == "");
}

TEST_CASE("amnesia: a wiped server does not lead") {
  Wiped story;
  ReplicaStatus status = story.StatusOf(2);
  status.state = PeerState::kLeading;
  status.phase = ZabPhase::kBroadcast;
  status.leader = ServerId{2};
  story.checker.OnStatus(ServerId{2}, status);
  REQUIRE(story.Violated() == "amnesia");
}

TEST_CASE("a server whose disk is damaged is not judged by it any more") {
  AllFollow story;
  story.checker.OnDamaged(ServerId{2});
  story.Truncate(2, {});
  story.Say(2, 1, story.SessionOf(2, 1), Ack{{1, 0}});
  REQUIRE(story.Violated() == "");
}

TEST_CASE("before the ensemble is founded an empty disk is as good as any") {
  Story story(3, /*founded=*/false, /*listed=*/false);
  story.Crash(2);
  story.at(2).disk.Wipe();
  story.checker.OnWiped(ServerId{2});
  story.at(2).state.disk = {2, 2};
  story.at(2).offset = storage::kSectorBytes;
  story.Start(2);
  Membership founders;
  for (const int id : {1, 2, 3}) {
    founders.members.push_back({.id = ServerId(id), .disk = story.at(id).state.disk});
  }
  for (const int id : {1, 2, 3}) {
    story.at(id).state.ensemble = {7, 7};
    story.at(id).state.config = founders;
    story.WriteState(id);
    story.Sync(id);
  }
  story.Announce(2, 1, {.vote = {0, {}, ServerId{2}}, .config = Zxid{}});
  REQUIRE(story.Violated() == "");
}

TEST_CASE("the first violation is kept") {
  AllFollow story;
  story.Truncate(2, {});
  const std::string first = story.What();
  story.Say(2, 1, story.SessionOf(2, 1), Ack{{1, 7}});
  REQUIRE(story.Violated() == "INV-19 no committed truncation");
  REQUIRE(story.What() == first);
}

// --- damage -----------------------------------------------------------------------------

// Server 2 of three has 1:1 and 1:2, is down, and its disk is not what it was.
struct Damaged : Story {
  Damaged() {
    Lead(1, {2}, 1);
    for (int i = 0; i < 2; ++i) Broadcast(1, {2}, Next(1, 1));
    Crash(2);
    checker.OnDamaged(ServerId{2});
    Start(2);
  }
  std::string StartsWith(Zxid last) {
    checker.OnStatus(ServerId{2}, {.id = ServerId{2}, .epoch = 1, .last_logged = last});
    return Violated();
  }
};

TEST_CASE("damage: a server may start with all that it had") {
  Damaged story;
  REQUIRE(story.StartsWith({1, 2}) == "");
  REQUIRE(story.StartsWith({1, 1}) == "");  // a leader has cut it since
}

TEST_CASE("damage: a server does not start with less and call it all") {
  Damaged story;
  REQUIRE(story.StartsWith({1, 1}) == "damage is noticed");
}

}  // namespace
}  // namespace zkq::testing
