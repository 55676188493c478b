#include "zkq/status.h"

#include <string>

#include "test/harness/catch.h"

namespace zkq {
namespace {

using Code = absl::StatusCode;

TEST_CASE("an ErrorInfo is printed like words, and read back") {
  const auto print = [](const ErrorInfo& info) {
    const absl::Status status = MakeError(Code::kUnavailable, "why", info);
    const ErrorInfo read = GetErrorInfo(status);
    REQUIRE(read.outcome == info.outcome);
    REQUIRE(read.leader == info.leader);
    REQUIRE(read.retry_after == info.retry_after);
    REQUIRE(read.servers == info.servers);
    return status.ToString();
  };
  REQUIRE(print({}) == "UNAVAILABLE: why [zkq='not committed']");
  REQUIRE(print({.outcome = Outcome::kUnknown}) == "UNAVAILABLE: why [zkq='unknown']");
  REQUIRE(print({.servers = {ServerId{4}}}) == "UNAVAILABLE: why [zkq='not committed; servers 4']");
  REQUIRE(print({.outcome = Outcome::kUnknown,
                 .leader = ServerId{3},
                 .retry_after = absl::Milliseconds(200),
                 .servers = {ServerId{4}, ServerId{5}}}) ==
          "UNAVAILABLE: why [zkq='unknown; leader 3; retry after 200ms; servers 4, 5']");
  REQUIRE(print({.leader = ServerId{~uint64_t{0}}, .retry_after = absl::InfiniteDuration()}) ==
          "UNAVAILABLE: why [zkq='not committed; leader 18446744073709551615; retry after inf']");
}

TEST_CASE("a status that zkq did not make, or that lost its words, has an unknown outcome") {
  REQUIRE(GetErrorInfo(absl::NotFoundError("theirs")).outcome == Outcome::kUnknown);
  const absl::Status made = MakeError(Code::kAborted, "ours");
  REQUIRE(GetErrorInfo(absl::Status(made.code(), made.message())).outcome == Outcome::kUnknown);
  for (const char* text : {"", "committed", "not committed; leader x", "not committed; servers 4,",
                           "not committed; retry after soon"}) {
    absl::Status damaged = absl::AbortedError("ours");
    damaged.SetPayload("zkq", absl::Cord(text));
    INFO(text);
    REQUIRE(GetErrorInfo(damaged).outcome == Outcome::kUnknown);
  }
}

TEST_CASE("an ErrorInfo of a later version is read without the words it adds") {
  absl::Status newer = absl::AbortedError("ours");
  newer.SetPayload("zkq", absl::Cord("not committed; moon full; leader 2"));
  REQUIRE(GetErrorInfo(newer).outcome == Outcome::kNotCommitted);
  REQUIRE(GetErrorInfo(newer).leader == ServerId{2});
}

TEST_CASE("an OK status has nothing attached") {
  REQUIRE(MakeError(Code::kOk, "", {.outcome = Outcome::kUnknown}) == absl::OkStatus());
  REQUIRE(GetErrorInfo(absl::OkStatus()).outcome == Outcome::kNotCommitted);
}

TEST_CASE("an annotated status begins with the context, and keeps all that is attached") {
  absl::Status status =
      MakeError(Code::kAborted, "why", {.outcome = Outcome::kUnknown, .leader = ServerId{3}});
  status.SetPayload("their.url", absl::Cord("theirs"));
  const absl::Status annotated = Annotate(Annotate(status, "inner"), "outer");
  REQUIRE(annotated.code() == Code::kAborted);
  REQUIRE(annotated.message() == "outer: inner: why");
  REQUIRE(GetErrorInfo(annotated).outcome == Outcome::kUnknown);
  REQUIRE(GetErrorInfo(annotated).leader == ServerId{3});
  REQUIRE(annotated.GetPayload("their.url") == absl::Cord("theirs"));
  REQUIRE(Annotate(absl::OkStatus(), "never") == absl::OkStatus());
  REQUIRE(GetErrorInfo(Annotate(absl::NotFoundError("theirs"), "read")).outcome ==
          Outcome::kUnknown);
}

}  // namespace
}  // namespace zkq
