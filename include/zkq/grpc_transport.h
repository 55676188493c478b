// The shipped QuorumTransport: gRPC bidirectional streams.
#pragma once

#include <memory>
#include <string>

#include "zkq/env.h"
#include "zkq/quorum_transport.h"

namespace zkq {
inline namespace v1 {

struct GrpcTransportOptions {
  // host:port or [v6]:port to listen on; port 0 takes any free one. Empty, where the
  // transport only asks (QuorumTransport::Start with sid 0); and where nobody dials it, as
  // nobody dials an observer that was given no id: it does not listen then.
  std::string listen_address = {};
  // Bytes queued towards one peer above which its link is dropped.
  size_t outbound_bytes_max = 64 << 20;
  // Bytes delivered from one peer and still held above which reading waits.
  size_t inbound_bytes_max = 16 << 20;
  // How many servers that are not listed (QuorumTransport::SetMembers) may be linked at a time.
  size_t unlisted_max = 64;
  std::shared_ptr<LogSink> log_sink = nullptr;
};

// Plaintext: for loopback and for networks that are trusted as a whole.
//
// Start returns kResourceExhausted if no thread is left for zkq. gRPC starts threads too: if
// none is left for those, gRPC may end the process, or Start or Shutdown may never return.
// zkq cannot prevent that.
ZKQ_EXPORT std::unique_ptr<QuorumTransport> NewGrpcTransport(GrpcTransportOptions options);

}  // namespace v1
}  // namespace zkq
