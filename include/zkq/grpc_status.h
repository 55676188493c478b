// What a service that embeds zkq says to its clients over gRPC, and what they read there.
// Templates that include no gRPC header: zkq's build and yours need not agree on one.
//
//   // The server, where a call of its replica is answered (context: any server context):
//   reactor->Finish(zkq::ToGrpcStatus<grpc::Status>(reply.status(), *context));
//   // The client, after the RPC:
//   absl::Status status = zkq::FromGrpcStatus(stub->Put(&context, request, &response), context);
//   if (zkq::GetErrorInfo(status).outcome == zkq::Outcome::kNotCommitted) …
//
// Codes: absl and gRPC give the same name and number to each, so a code goes over as it is.
// What GetErrorInfo says of a failed call goes as trailing metadata:
//
//   zkq-outcome          "not-committed" or "unknown"; with every failure
//   zkq-retry-after-ms   whole milliseconds, rounded up; without it: no advice
//   zkq-leader           the id of the server that leads; without it: none is known
//   zkq-servers          ids of servers that stand in the way: "4,5"
//
// A status without zkq-outcome did not come from a replica: a connection that broke, a deadline
// that passed on the way, a server without zkq. GetErrorInfo says kUnknown of it. So leave
// gRPC's own retries off for calls that change something: gRPC knows codes, not outcomes.
// zkq/retry.h makes such calls again when that is right.
#pragma once

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "zkq/status.h"

namespace zkq {
inline namespace v1 {

inline constexpr char kOutcomeTrailer[] = "zkq-outcome";
inline constexpr char kRetryAfterTrailer[] = "zkq-retry-after-ms";
inline constexpr char kLeaderTrailer[] = "zkq-leader";
inline constexpr char kServersTrailer[] = "zkq-servers";

// Longer texts and lists are cut. A client refuses a whole answer whose trailers have more than
// 8 KiB, and a byte of the text may take three.
inline constexpr size_t kGrpcMessageBytesMax = 2 << 10;
inline constexpr size_t kGrpcServersMax = 32;

namespace grpc_status {

inline std::string WriteServers(const std::vector<ServerId>& servers) {
  std::string text;
  for (size_t i = 0; i < std::min(servers.size(), kGrpcServersMax); ++i) {
    if (i > 0) text += ',';
    text += std::to_string(ToInt(servers[i]));
  }
  return text;
}

// Nothing can be relied on in what is read: a proxy, or a server of another make, may have
// written it.

inline bool ReadNumber(std::string_view text, uint64_t* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size();
}

// Passes over what is no id.
inline std::vector<ServerId> ReadServers(std::string_view text) {
  std::vector<ServerId> servers;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    uint64_t id = 0;
    if (ReadNumber(part, &id) && id != 0) servers.push_back(ServerId{id});
  }
  return servers;
}

// The value of a trailer; empty if there is none.
template <typename Metadata>
std::string_view ReadTrailer(const Metadata& metadata, const char* name) {
  const auto found = metadata.find(name);
  if (found == metadata.end()) return {};
  return std::string_view(found->second.data(), found->second.size());
}

}  // namespace grpc_status

// `status` as a grpc::Status, with the trailers set in `context`, which must not be finished yet.
// An OK status is grpc::Status() and sets none.
template <typename GrpcStatus, typename ServerContext>
GrpcStatus ToGrpcStatus(const absl::Status& status, ServerContext& context) {
  if (status.ok()) return GrpcStatus();
  const ErrorInfo info = GetErrorInfo(status);
  const bool unknown = info.outcome == Outcome::kUnknown;
  context.AddTrailingMetadata(kOutcomeTrailer, unknown ? "unknown" : "not-committed");
  if (info.retry_after > absl::ZeroDuration()) {
    const absl::Duration up = absl::Ceil(info.retry_after, absl::Milliseconds(1));
    context.AddTrailingMetadata(kRetryAfterTrailer, std::to_string(absl::ToInt64Milliseconds(up)));
  }
  if (info.leader) {
    context.AddTrailingMetadata(kLeaderTrailer, std::to_string(ToInt(*info.leader)));
  }
  if (!info.servers.empty()) {
    context.AddTrailingMetadata(kServersTrailer, grpc_status::WriteServers(info.servers));
  }
  using Code = decltype(GrpcStatus().error_code());
  return GrpcStatus(static_cast<Code>(status.code()),
                    std::string(status.message().substr(0, kGrpcMessageBytesMax)));
}

// How an RPC ended, and what its trailers say of it. `context` is the grpc::ClientContext of the
// RPC, which must be over.
template <typename GrpcStatus, typename ClientContext>
absl::Status FromGrpcStatus(const GrpcStatus& status, const ClientContext& context) {
  const auto code = static_cast<absl::StatusCode>(status.error_code());
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto trailer = [&](const char* name) { return grpc_status::ReadTrailer(trailers, name); };
  const std::string_view outcome = trailer(kOutcomeTrailer);
  if (outcome.empty()) return absl::Status(code, status.error_message());
  ErrorInfo info;
  if (outcome != "not-committed") info.outcome = Outcome::kUnknown;
  uint64_t number = 0;
  // More than a year is no advice.
  constexpr uint64_t kYearMs = uint64_t{366} * 24 * 3600 * 1000;
  if (grpc_status::ReadNumber(trailer(kRetryAfterTrailer), &number) && number <= kYearMs) {
    info.retry_after = absl::Milliseconds(number);
  }
  if (grpc_status::ReadNumber(trailer(kLeaderTrailer), &number) && number != 0) {
    info.leader = ServerId{number};
  }
  info.servers = grpc_status::ReadServers(trailer(kServersTrailer));
  return MakeError(code, status.error_message(), info);
}

// The timeout of a replica's call that is made for an RPC: 95 % of what is left until the RPC's
// deadline, so that the answer still gets to the client; at most `most`, which also stands for
// an RPC without a deadline. `context` is a server's.
template <typename ServerContext>
absl::Duration TimeoutFor(const ServerContext& context, absl::Duration most = absl::Minutes(1)) {
  const std::chrono::system_clock::time_point deadline = context.deadline();
  if (deadline == std::chrono::system_clock::time_point::max()) return most;
  const absl::Duration left = absl::FromChrono(deadline) - absl::Now();
  return std::clamp(left * 0.95, absl::ZeroDuration(), most);
}

}  // namespace v1
}  // namespace zkq
