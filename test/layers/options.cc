// Users fill option structs by name. This file is only compiled, with -Wextra
// -Werror: a member without an initialiser would warn there.
#include "zkq/grpc_transport.h"
#include "zkq/replica.h"
#include "zkq/testing/sim_network.h"

namespace {

[[maybe_unused]] zkq::ReplicaOptions Options() {
  return {.id = zkq::ServerId{1},
          .members = {{.id = zkq::ServerId{1}, .address = "127.0.0.1:7101"},
                      {.id = zkq::ServerId{2}, .type = zkq::MemberType::kObserver}},
          .data_dir = "data"};
}
[[maybe_unused]] zkq::GrpcTransportOptions TransportOptions() {
  return {.listen_address = "127.0.0.1:7101"};
}
[[maybe_unused]] zkq::testing::SimNetworkOptions NetworkOptions() {
  return {.delay_max = absl::Seconds(1)};
}
[[maybe_unused]] const zkq::CallOptions kCall{.timeout = absl::Seconds(1)};
[[maybe_unused]] const zkq::ReadOptions kRead{.consistency = zkq::Consistency::kLocal};
[[maybe_unused]] const zkq::ErrorInfo kError{.outcome = zkq::Outcome::kUnknown};
[[maybe_unused]] const zkq::Env kEnv{.clock = nullptr};

}  // namespace
