// Replica::Start: checks the options, fills each seam that is null with the
// shipped part, and starts the runtime.
#include <utility>

#include "lib/base/absl/log_queue.h"
#include "lib/env/system_env.h"
#include "lib/runtime/options.h"
#include "lib/runtime/start_replica.h"
#include "lib/zkq/transport.h"

namespace zkq {
namespace {

absl::Status FillSeams(ReplicaOptions* options) {
  Env& env = options->env;
  FillEnv(&env);
  if (env.executor == nullptr || env.blocking_executor == nullptr) {
    return MakeError(absl::StatusCode::kResourceExhausted,
                     "env: no thread can be started for its executors");
  }
  // One queue for the lines of both, or their order would be lost.
  options->log_sink = LogQueue::Before(options->log_sink, env.blocking_executor);
  if (options->transport == nullptr) options->transport = NewShippedTransport(*options);
  if (options->transport == nullptr) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     "transport: none is given, and this build has none of its own");
  }
  return absl::OkStatus();
}

}  // namespace

inline namespace v1 {

absl::StatusOr<std::unique_ptr<Replica>> Replica::Start(ReplicaOptions options) {
  // Before a transport is filled in: addresses are judged if the shipped one is to use them.
  if (absl::Status s = runtime::CheckOptions(options); !s.ok()) return s;
  if (absl::Status s = FillSeams(&options); !s.ok()) return s;
  return runtime::StartReplica(std::move(options), runtime::Tuning());
}

}  // namespace v1
}  // namespace zkq
