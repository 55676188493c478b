// SilenceChecker: when a link is lost to silence and nothing was silent (PROTOCOL §5.5).
#include "lib/testing/checks/silence_checker.h"

#include "test/harness/catch.h"

namespace zkq::testing {
namespace {

constexpr absl::Duration kLimit = absl::Seconds(1);
const absl::Duration kLong = 2 * kLimit + absl::Milliseconds(1);

// One server that has lost so many links, and around which all is as usual since then.
SilenceChecker::Stands One(uint64_t lost,
                           std::optional<absl::Duration> usual_since = absl::ZeroDuration()) {
  return {{ServerId(1), {.lost = lost, .usual_since = usual_since}}};
}

TEST_CASE("silence checker: no link is lost to silence where nothing is silent") {
  SilenceChecker silence;
  CHECK(!silence.OnLook(One(3), kLimit, 0, absl::ZeroDuration()));  // lost before it was looked at
  CHECK(!silence.OnLook(One(3), kLimit, 0, kLong));
  const auto violation = silence.OnLook(One(4), kLimit, 0, kLong);
  REQUIRE(violation);
  CHECK(violation->property == "a link that talks stays");
}

TEST_CASE("silence checker: what was silent is noticed for two limits after its end") {
  SilenceChecker silence;
  CHECK(!silence.OnLook(One(0), kLimit, 0, absl::ZeroDuration()));
  CHECK(!silence.OnLook(One(1, std::nullopt), kLimit, 0, kLong));  // silent now
  CHECK(!silence.OnLook(One(2), kLimit, 0, kLong + 2 * kLimit));
  CHECK(silence.OnLook(One(3), kLimit, 0, 2 * kLong));
}

TEST_CASE("silence checker: a change that is over by the next look counts, and so does a leap") {
  SilenceChecker changed, leapt;
  CHECK(!changed.OnLook(One(0), kLimit, 0, absl::ZeroDuration()));
  CHECK(!changed.OnLook(One(1), kLimit, 1, kLong));
  CHECK(!leapt.OnLook(One(0), kLimit, 0, absl::ZeroDuration()));
  CHECK(!leapt.OnLook(One(1, kLong), kLimit, 0, kLong));
}

TEST_CASE("silence checker: a process that has started anew begins at nothing") {
  SilenceChecker silence;
  CHECK(!silence.OnLook(One(0), kLimit, 0, absl::ZeroDuration()));
  CHECK(!silence.OnLook({}, kLimit, 0, kLong));
  CHECK(!silence.OnLook(One(5), kLimit, 0, kLong));
}

}  // namespace
}  // namespace zkq::testing
