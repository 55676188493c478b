// Admission alone: what a leader takes, numbers and lets wait.
#include "lib/core/admission.h"

#include <string>

#include "test/harness/catch.h"

namespace zkq::core {
namespace {

constexpr LinkId kLink{ServerId{1}, 10, 1};
constexpr LinkId kOtherLink{ServerId{2}, 20, 1};

Call CallOf(uint64_t tag, size_t bytes = 0) { return {tag, Payload(std::string(bytes, 'x'))}; }

// Room for `calls` empty calls. `invariants` null: none is to be broken.
Admission RoomFor(size_t calls, Invariants* invariants = nullptr) {
  return Admission({.command_bytes_max = 100, .outstanding_bytes_max = calls * kCallBytes},
                   invariants);
}

std::vector<uint64_t> Admitted(const Admission::Verdict& verdict) {
  return TagsOf(verdict.admitted.calls);
}

TEST_CASE("calls are admitted while there is room, and each is judged by itself") {
  Admission admission = RoomFor(3);
  const auto verdict = admission.Judge(
      {.calls = {CallOf(1), CallOf(2, 101), CallOf(3, 100), CallOf(4, 100), CallOf(5)}});
  REQUIRE(Admitted(verdict) == std::vector<uint64_t>{1, 3});
  REQUIRE(verdict.refused.at(RejectReason::kTooLarge) == std::vector<uint64_t>{2});
  REQUIRE(verdict.refused.at(RejectReason::kOverload) == std::vector<uint64_t>{4, 5});
}

TEST_CASE("an empty call takes room until it is committed") {
  Admission admission = RoomFor(2);
  admission.BeginEpoch(4);
  REQUIRE(Admitted(admission.Judge({.calls = {CallOf(1), CallOf(2), CallOf(3)}})).size() == 2);
  REQUIRE(admission.Number(CallOf(1)) == Zxid{4, 1});
  REQUIRE(admission.Number(CallOf(2)) == Zxid{4, 2});
  REQUIRE_FALSE(admission.drained());
  admission.Committed({4, 1});
  REQUIRE(Admitted(admission.Judge({.calls = {CallOf(4), CallOf(5)}})).size() == 1);
  admission.Committed({4, 2});
  REQUIRE(admission.drained());
}

TEST_CASE("what waits in a pause keeps its order and its room") {
  Admission admission = RoomFor(2);
  admission.PauseFor(Admission::Pause::kRenewal);
  for (uint64_t tag : {1, 2}) {
    admission.Wait(admission.Judge({.asker = kLink, .calls = {CallOf(tag)}}).admitted);
  }
  REQUIRE(Admitted(admission.Judge({.calls = {CallOf(3)}})).empty());
  REQUIRE(admission.drained());  // nothing is proposed
  const auto waited = admission.Resume();
  REQUIRE(waited.size() == 2);
  REQUIRE(waited[0].calls[0].tag == 1);
  REQUIRE(waited[0].asker == kLink);
  REQUIRE_FALSE(admission.paused_for());
  REQUIRE(Admitted(admission.Judge({.calls = {CallOf(3)}})).empty());
}

TEST_CASE("what waits for a session that has ended is dropped, and leaves its room") {
  Admission admission = RoomFor(2);
  admission.PauseFor(Admission::Pause::kRenewal);
  admission.Wait(admission.Judge({.asker = kLink, .calls = {CallOf(1)}}).admitted);
  admission.Wait(admission.Judge({.asker = kOtherLink, .calls = {CallOf(2)}}).admitted);
  admission.Drop(kLink);
  REQUIRE(Admitted(admission.Judge({.calls = {CallOf(3)}})).size() == 1);
  const auto waited = admission.Resume();
  REQUIRE(waited.size() == 1);
  REQUIRE(waited[0].asker == kOtherLink);
}

TEST_CASE("an epoch begins with counter 1") {
  Admission admission = RoomFor(2);
  admission.BeginEpoch(4);
  (void)admission.Judge({.calls = {CallOf(1)}});
  REQUIRE(admission.Number(CallOf(1)) == Zxid{4, 1});
  REQUIRE(admission.counter() == 1);
  admission.Committed({4, 1});
  admission.BeginEpoch(5);
  REQUIRE(admission.counter() == 0);
  (void)admission.Judge({.calls = {CallOf(2)}});
  REQUIRE(admission.Number(CallOf(2)) == Zxid{5, 1});
}

TEST_CASE("admission that gives back what it never counted is broken") {
  Invariants invariants;
  Admission admission = RoomFor(2, &invariants);
  admission.BeginEpoch(4);
  (void)admission.Number(CallOf(1));  // was never judged
  REQUIRE(invariants.ok());
  admission.Committed({4, 1});
  REQUIRE_FALSE(invariants.ok());
}

TEST_CASE("an epoch that begins over outstanding calls, or again, is broken admission") {
  for (const Epoch next : {4, 5}) {
    Invariants invariants;
    Admission admission = RoomFor(2, &invariants);
    admission.BeginEpoch(4);
    if (next == 5) (void)admission.Number(CallOf(1));
    REQUIRE(invariants.ok());
    admission.BeginEpoch(next);
    REQUIRE_FALSE(invariants.ok());
  }
}

TEST_CASE("a number that is given before an epoch begins is broken admission") {
  Invariants invariants;
  Admission admission = RoomFor(2, &invariants);
  REQUIRE(admission.Number(CallOf(1)) == Zxid{});
  REQUIRE_FALSE(invariants.ok());
}

}  // namespace
}  // namespace zkq::core
