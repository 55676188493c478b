// zkq/grpc_status.h with the types of a real gRPC, over a real connection.
#include "zkq/grpc_status.h"

#include <grpcpp/grpcpp.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "test/harness/catch.h"
#include "zkq/v1/quorum.grpc.pb.h"

namespace zkq {
namespace {

using Code = absl::StatusCode;

// Answers every call as it was told to, and looks at its deadline.
class Answering final : public v1::Quorum::CallbackService {
 public:
  grpc::ServerUnaryReactor* Knock(grpc::CallbackServerContext* context, const v1::KnockRequest*,
                                  v1::KnockReply*) override {
    timeout = TimeoutFor(*context, absl::Hours(2));
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    if (outcome_trailer) context->AddTrailingMetadata(kOutcomeTrailer, *outcome_trailer);
    if (retry_trailer) context->AddTrailingMetadata(kRetryAfterTrailer, *retry_trailer);
    if (leader_trailer) context->AddTrailingMetadata(kLeaderTrailer, *leader_trailer);
    if (servers_trailer) context->AddTrailingMetadata(kServersTrailer, *servers_trailer);
    reactor->Finish(plain ? grpc::Status(static_cast<grpc::StatusCode>(answer.code()), "plain")
                          : ToGrpcStatus<grpc::Status>(answer, *context));
    return reactor;
  }

  absl::Status answer;
  bool plain = false;  // without zkq's trailers, but for these
  std::optional<std::string> outcome_trailer = {}, retry_trailer = {}, leader_trailer = {},
                             servers_trailer = {};
  absl::Duration timeout = absl::ZeroDuration();
};

class Service {
 public:
  Service() {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&answering);
    server_ = builder.BuildAndStart();
    REQUIRE(port != 0);
    stub_ = v1::Quorum::NewStub(grpc::CreateChannel("127.0.0.1:" + std::to_string(port),
                                                    grpc::InsecureChannelCredentials()));
  }
  ~Service() { server_->Shutdown(); }

  absl::Status Call(absl::Duration timeout = absl::InfiniteDuration()) {
    grpc::ClientContext context;
    if (timeout < absl::InfiniteDuration()) {
      context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
    }
    v1::KnockReply reply;
    return FromGrpcStatus(stub_->Knock(&context, {}, &reply), context);
  }
  absl::Status Carry(absl::Status answer) {
    answering.answer = std::move(answer);
    return Call();
  }

  Answering answering;

 private:
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::Quorum::Stub> stub_;
};

TEST_CASE("every code and outcome comes over as it was") {
  Service service;
  REQUIRE(service.Carry(absl::OkStatus()) == absl::OkStatus());
  for (int code = 1; code <= 16; ++code) {
    for (const Outcome outcome : {Outcome::kNotCommitted, Outcome::kUnknown}) {
      const absl::Status sent = MakeError(static_cast<Code>(code), "why", {.outcome = outcome});
      CHECK(service.Carry(sent) == sent);
    }
  }
}

TEST_CASE("all that GetErrorInfo says comes over, advice rounded up to whole milliseconds") {
  Service service;
  const absl::Status got =
      service.Carry(MakeError(Code::kUnavailable, "no leader",
                              {.leader = ServerId{7},
                               .retry_after = absl::Microseconds(1500),
                               .servers = {ServerId{4}, ServerId{~uint64_t{0}}}}));
  CHECK(got.ToString() ==
        "UNAVAILABLE: no leader [zkq='not committed; leader 7; retry after 2ms; "
        "servers 4, 18446744073709551615']");
}

TEST_CASE("a status that no replica made has an unknown outcome") {
  Service service;
  // The application's own, which ToGrpcStatus carries, too.
  CHECK(GetErrorInfo(service.Carry(absl::NotFoundError("theirs"))).outcome == Outcome::kUnknown);
  // And one without trailers.
  service.answering.plain = true;
  const absl::Status got = service.Carry(absl::UnavailableError(""));
  CHECK(got == absl::UnavailableError("plain"));
  CHECK(GetErrorInfo(got).outcome == Outcome::kUnknown);
}

TEST_CASE("trailers that cannot be read are no promise") {
  Service service;
  service.answering.plain = true;
  service.answering.outcome_trailer = "committed?";
  for (const char* text : {"", "soon", "-1", "99999999999999999999", "9999999999999999", "5 "}) {
    service.answering.retry_trailer = text;
    const ErrorInfo info = GetErrorInfo(service.Carry(absl::UnavailableError("")));
    INFO(text);
    CHECK(info.outcome == Outcome::kUnknown);
    CHECK(info.retry_after == absl::ZeroDuration());
  }
}

TEST_CASE("what is no server's id in a trailer names nobody") {
  Service service;
  service.answering.plain = true;
  service.answering.outcome_trailer = "unknown";
  for (const char* text : {"0", "", "-1", "x", "18446744073709551616", ",", "0,", "5 ,x"}) {
    service.answering.leader_trailer = text;
    service.answering.servers_trailer = text;
    const ErrorInfo info = GetErrorInfo(service.Carry(absl::UnavailableError("")));
    INFO(text);
    CHECK(info.leader == std::nullopt);
    CHECK(info.servers == std::vector<ServerId>{});
  }
  service.answering.servers_trailer = "4,x,0,,5";
  CHECK(GetErrorInfo(service.Carry(absl::UnavailableError(""))).servers ==
        std::vector<ServerId>{ServerId{4}, ServerId{5}});
}

TEST_CASE("what is too long for gRPC is cut, and the outcome still arrives") {
  Service service;
  const std::vector<ServerId> many(1000, ServerId{~uint64_t{0}});
  const absl::Status got =
      service.Carry(MakeError(Code::kAborted, std::string(1 << 20, '\n'), {.servers = many}));
  CHECK(got.code() == Code::kAborted);
  CHECK(got.message().size() == kGrpcMessageBytesMax);
  CHECK(GetErrorInfo(got).servers.size() == kGrpcServersMax);
  CHECK(GetErrorInfo(got).outcome == Outcome::kNotCommitted);
}

TEST_CASE("a replica's call gets a little less time than the RPC it is made for") {
  Service service;
  REQUIRE(service.Call() == absl::OkStatus());
  CHECK(service.answering.timeout == absl::Hours(2));  // no deadline
  REQUIRE(service.Call(absl::Hours(1)) == absl::OkStatus());
  CHECK(service.answering.timeout < absl::Hours(1));
  CHECK(service.answering.timeout > absl::Minutes(30));
  REQUIRE(service.Call(absl::Hours(9)) == absl::OkStatus());
  CHECK(service.answering.timeout == absl::Hours(2));

  struct {
    std::chrono::system_clock::time_point deadline() const { return {}; }
  } late;
  CHECK(TimeoutFor(late) == absl::ZeroDuration());
}

}  // namespace
}  // namespace zkq
