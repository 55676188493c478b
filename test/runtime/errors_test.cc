#include "lib/runtime/errors.h"

#include "test/harness/catch.h"

namespace zkq::runtime {
namespace {

using Code = absl::StatusCode;

TEST_CASE("a refusal for want of a leader names none") {
  const ErrorInfo info = GetErrorInfo(Rejected(RejectReason::kNoLeader, ServerId{1}));
  REQUIRE(!info.leader);
  REQUIRE(info.retry_after > absl::ZeroDuration());
}

TEST_CASE("a timeout says of a write alone what may have become of it") {
  REQUIRE(TimedOut(Fate::kNothing, std::nullopt).message() == "timed out");
  REQUIRE(TimedOut(Fate::kNotSent, std::nullopt).message() == "timed out before the call was sent");
  REQUIRE(TimedOut(Fate::kSent, std::nullopt).message() ==
          "timed out; the call may yet be committed");
}

TEST_CASE("a call that is in no history and waits to go again is aborted, and not committed") {
  for (const absl::Status& told :
       {TimedOut(Fate::kAbsent, std::nullopt), EndedByShutdown(Fate::kAbsent)}) {
    REQUIRE(told.code() == Code::kAborted);
    REQUIRE(GetErrorInfo(told).outcome == Outcome::kNotCommitted);
  }
  REQUIRE(TimedOut(Fate::kAbsent, std::nullopt).message() ==
          "timed out before the call was proposed again; it is in no history");
  REQUIRE(EndedByHalt(Fate::kAbsent, Code::kInternal, "why").code() == Code::kInternal);
}

TEST_CASE("a halted replica's calls say what kind of end it was") {
  const auto code = [](const absl::Status& why) { return HaltCode(why); };
  REQUIRE(code(absl::DataLossError("the log has a hole")) == Code::kDataLoss);
  REQUIRE(code(absl::ResourceExhaustedError("no space")) == Code::kResourceExhausted);
  REQUIRE(code(absl::InternalError("write failed")) == Code::kInternal);
  REQUIRE(code(absl::PermissionDeniedError("read-only file system")) == Code::kInternal);
  REQUIRE(code(absl::AbortedError("Apply")) == Code::kInternal);
  const absl::Status told = EndedByHalt(Fate::kSent, Code::kInternal, "why");
  REQUIRE(told.code() == Code::kInternal);
  REQUIRE(told.message() == "replica has halted: why");
  REQUIRE(GetErrorInfo(told).outcome == Outcome::kUnknown);
}

}  // namespace
}  // namespace zkq::runtime
