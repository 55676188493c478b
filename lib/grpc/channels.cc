#include "lib/grpc/channels.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include "lib/grpc/grpc_bytes.h"
#include "lib/link/pulse.h"

namespace zkq::transport {
namespace {

// What a reader of a transfer takes without asking for it: less than any page.
constexpr int kBulkWindowBytes = 4096;

grpc::ChannelArguments OneAttempt(const Identity& self) {
  grpc::ChannelArguments arguments;
  // Nothing is compressed: the limit of a message counts what comes, not what it swells to.
  arguments.SetInt(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1 << GRPC_COMPRESS_NONE);
  arguments.SetMaxReceiveMessageSize(kGrpcMessageBytesMax);
  arguments.SetMaxSendMessageSize(kGrpcMessageBytesMax);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, 8 << 10);
  // gRPC 1.51 sets TCP_USER_TIMEOUT where keepalive is on. A ping once in 24 days, and only if
  // nothing has come since the last, is as good as none.
  if (const int limit = UnacknowledgedMsMax(self); limit > 0) {
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, std::numeric_limits<int>::max() - 1);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, limit);
  }
  return arguments;
}

}  // namespace

int UnacknowledgedMsMax(const Identity& self) {
  const absl::Duration limit = 2 * link::SilenceLimit(self);
  if (limit == absl::InfiniteDuration()) return 0;
  const int64_t ms = std::max(absl::ToInt64Milliseconds(limit), int64_t{1});
  return static_cast<int>(std::min(ms, int64_t{std::numeric_limits<int>::max()}));
}

std::shared_ptr<grpc::Channel> NewLinkChannel(const std::string& address, const Identity& self) {
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), OneAttempt(self));
}

std::shared_ptr<grpc::Channel> NewBulkChannel(const std::string& address, const Identity& self) {
  grpc::ChannelArguments arguments = OneAttempt(self);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kBulkWindowBytes);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);  // it would widen the window
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace zkq::transport
