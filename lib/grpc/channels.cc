#include "lib/grpc/channels.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include "lib/grpc/grpc_bytes.h"
#include "lib/link/handshake.h"
#include "lib/link/pulse.h"

namespace zkq::transport {
namespace {

// At least one.
int Milliseconds(absl::Duration time) {
  const int64_t ms = std::max(absl::ToInt64Milliseconds(time), int64_t{1});
  return static_cast<int>(std::min(ms, int64_t{std::numeric_limits<int>::max()}));
}

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
  // How long each address of a name may take, which are tried in turn. gRPC 1.51 takes the longer
  // of these two, 20 s and 1 s by default: an attempt would be over before the second address.
  const int limit_ms = Milliseconds(link::HandshakeLimit(self));
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, limit_ms);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, limit_ms);
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
  return Milliseconds(limit);
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
