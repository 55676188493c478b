#include "client.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "zkq/grpc_status.h"
#include "zkq/retry.h"

namespace kv {
namespace {

// A server that does not accept a connection for so long is passed over.
constexpr absl::Duration kConnectTimeout = absl::Milliseconds(500);
// A server answers it at once, whatever its replica does.
constexpr absl::Duration kStatusTimeout = absl::Seconds(2);
constexpr absl::Duration kPauseMin = absl::Milliseconds(5);
constexpr absl::Duration kPauseMax = absl::Milliseconds(100);

std::shared_ptr<grpc::Channel> NewChannel(const std::string& server) {
  grpc::ChannelArguments args;
  // A channel of its own each time, else gRPC waits a second before it redials.
  args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(server, grpc::InsecureChannelCredentials(), args);
}

std::unique_ptr<Client::Stub> Dial(const std::string& server, absl::Time deadline) {
  const std::shared_ptr<grpc::Channel> channel = NewChannel(server);
  for (;;) {
    grpc_connectivity_state state = channel->GetState(/*try_to_connect=*/true);
    if (state == GRPC_CHANNEL_READY) return pb::Kv::NewStub(channel);
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE) return nullptr;
    if (!channel->WaitForStateChange(state, absl::ToChronoTime(deadline))) return nullptr;
  }
}

// The process's, for its pauses.
const zkq::Env& OwnEnv() {
  static const auto* const env = new zkq::Env(zkq::NewSystemEnv());
  return *env;
}

// "Connection refused" of "failed to connect to all addresses; last error: UNKNOWN: …".
std::string LastClause(const std::string& message) {
  const size_t colon = message.rfind(": ");
  return colon == std::string::npos ? message : message.substr(colon + 2);
}

std::string WhyNoAnswer(const grpc::Status& status) {
  if (status.error_code() != grpc::StatusCode::DEADLINE_EXCEEDED) {
    return LastClause(status.error_message());
  }
  return "nothing came in time; is the process stopped, or the network cut?";
}

}  // namespace

Client::Client(std::vector<std::string> servers, absl::Duration timeout)
    : servers_(std::move(servers)), timeout_(timeout) {}

Client::Stub* Client::Connect(absl::Time deadline) {
  while (stub_ == nullptr && absl::Now() < deadline) {
    stub_ = Dial(servers_[current_], std::min(deadline, absl::Now() + kConnectTimeout));
    if (stub_ == nullptr) Next();
  }
  return stub_.get();
}

void Client::Next() {
  stub_ = nullptr;
  current_ = (current_ + 1) % servers_.size();
  absl::SleepFor(pause_);
  pause_ = std::clamp(pause_ * 2, kPauseMin, kPauseMax);
}

CallResult Client::Run(const Call& call, bool changes) {
  const zkq::RetryPolicy policy = {.timeout = timeout_,
                                   .initial_pause = kPauseMin,
                                   .max_pause = kPauseMin,  // Next pauses, too
                                   .idempotent = !changes,
                                   .elsewhere = true};
  absl::Status answer;  // why the last server that was reached did not do it
  const auto attempt = [&](absl::Duration left) {
    const absl::Time deadline = absl::Now() + left;
    if (Connect(deadline) == nullptr && !answer.ok()) return answer;
    return answer = Attempt(call, deadline);
  };
  return ResultOf(zkq::CallWithRetry(OwnEnv(), policy, attempt), changes);
}

absl::Status Client::Attempt(const Call& call, absl::Time deadline) {
  Stub* stub = Connect(deadline);
  if (stub == nullptr) return zkq::MakeError(absl::StatusCode::kUnavailable, "no server answers");
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(deadline));
  absl::Status status = zkq::FromGrpcStatus(call(*stub, &context), context);
  if (status.ok()) {
    pause_ = absl::ZeroDuration();
  } else {
    Next();
  }
  return status;
}

CallResult Client::ResultOf(absl::Status status, bool changes) {
  const bool unknown = zkq::GetErrorInfo(status).outcome == zkq::Outcome::kUnknown;
  return {std::move(status), changes && unknown};
}

grpc::Status Client::StatusOf(const std::string& server, pb::StatusResponse* response) const {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + std::min(timeout_, kStatusTimeout)));
  return pb::Kv::NewStub(NewChannel(server))->Status(&context, {}, response);
}

pb::StatusReport Client::StatusOfAll() const {
  pb::StatusReport report;
  std::vector<std::thread> threads;
  for (const std::string& server : servers_) report.add_servers()->set_address(server);
  for (pb::StatusReport::Server& server : *report.mutable_servers()) {
    threads.emplace_back([this, &server] {
      pb::StatusResponse status;
      const grpc::Status got = StatusOf(server.address(), &status);
      if (got.ok()) {
        *server.mutable_status() = std::move(status);
      } else {
        server.set_error(WhyNoAnswer(got));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return report;
}

}  // namespace kv
