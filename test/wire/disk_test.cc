#include "lib/wire/disk.h"

#include "test/harness/catch.h"
#include "test/wire/torment.h"

namespace zkq {
namespace {

HardState SampleState() {
  HardState state;
  state.ensemble = {1, 2};
  state.sid = ServerId{1};
  state.disk = {3, 4};
  state.former_disk = {5, 6};
  state.listed = true;
  state.boot = 1'700'000'000'000'000;
  state.accepted = {7, ServerId{2}, 5};
  state.current = 6;
  state.config = {{6, 9},
                  {{ServerId{1}, "a:1", MemberType::kParticipant, 1, 0, 7, {3, 4}},
                   {ServerId{2}, "b:2", MemberType::kObserver, 0, 3, 0, {}}}};
  return state;
}

TEST_CASE("a hard state comes back whole") {
  REQUIRE(DecodeHardState(EncodeHardState(SampleState())) == SampleState());
  REQUIRE(DecodeHardState(EncodeHardState(HardState{})) == HardState{});
  REQUIRE(DecodeHardState("") == HardState{});
}

TEST_CASE(
    "a hard state that is cut or has a bit flipped decodes to something valid or to nothing") {
  Torment(EncodeHardState(SampleState()), [](const std::string& bytes) {
    const std::optional<HardState> state = DecodeHardState(bytes);
    if (!state) return;
    REQUIRE(DecodeHardState(EncodeHardState(*state)) == state);
  });
}

}  // namespace
}  // namespace zkq
