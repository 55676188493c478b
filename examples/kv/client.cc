#include "client.h"

#include <algorithm>
#include <utility>

namespace kv {
namespace {

// A server that does not accept a connection for so long is passed over.
constexpr absl::Duration kConnectTimeout = absl::Milliseconds(500);
constexpr absl::Duration kPauseMin = absl::Milliseconds(5);
constexpr absl::Duration kPauseMax = absl::Milliseconds(100);

std::unique_ptr<Client::Stub> Dial(const std::string& server, absl::Time deadline) {
  grpc::ChannelArguments args;
  // A channel of its own each time, else gRPC waits a second before it redials.
  args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  auto channel = grpc::CreateCustomChannel(server, grpc::InsecureChannelCredentials(), args);
  for (;;) {
    grpc_connectivity_state state = channel->GetState(/*try_to_connect=*/true);
    if (state == GRPC_CHANNEL_READY) return pb::Kv::NewStub(channel);
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE) return nullptr;
    if (!channel->WaitForStateChange(state, absl::ToChronoTime(deadline))) return nullptr;
  }
}

// Whether another attempt, perhaps at another server, may fare better.
bool Transient(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::ABORTED:
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::CANCELLED:
    case grpc::StatusCode::DATA_LOSS:
    case grpc::StatusCode::INTERNAL:  // its replica has halted, and it is about to end
      return true;
    default:
      return false;
  }
}

// A server says so; from a connection that broke nobody knows.
bool NotCommitted(const grpc::ClientContext& context) {
  const auto& metadata = context.GetServerTrailingMetadata();
  auto outcome = metadata.find("zkq-outcome");
  return outcome != metadata.end() && outcome->second == "not-committed";
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
  const absl::Time deadline = absl::Now() + timeout_;
  CallResult result;
  do {
    result = Attempt(call, deadline, changes);
  } while (!result.status.ok() && !result.unknown && Transient(result.status.error_code()) &&
           absl::Now() < deadline);
  return result;
}

CallResult Client::Attempt(const Call& call, absl::Time deadline, bool changes) {
  Stub* stub = Connect(deadline);
  if (stub == nullptr) return {{grpc::StatusCode::UNAVAILABLE, "no server answers"}};
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(deadline));
  CallResult result = {call(*stub, &context)};
  if (result.status.ok()) {
    pause_ = absl::ZeroDuration();
  } else {
    result.unknown = changes && !NotCommitted(context);
    Next();
  }
  return result;
}

grpc::Status Client::StatusOf(const std::string& server, pb::StatusResponse* response) {
  std::unique_ptr<Stub> stub = Dial(server, absl::Now() + std::min(timeout_, kConnectTimeout));
  if (stub == nullptr) return {grpc::StatusCode::UNAVAILABLE, "cannot be reached"};
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout_));
  return stub->Status(&context, {}, response);
}

}  // namespace kv
