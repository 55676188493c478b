// WatchHub: hands the changes a server applies to those who watch them.
//
// A layer over Apply: the protocol knows nothing of it. Each watcher has a backlog
// of its own; one that is too slow loses its stream, never the others' time.
#pragma once

#include <grpcpp/grpcpp.h>

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "state_machine.h"

namespace kv {

// Thread-safe.
class WatchHub final : public ChangeSink {
 public:
  // What one watcher may have waiting. At the bound its stream ends with
  // RESOURCE_EXHAUSTED, after what is being written.
  static constexpr size_t kBacklogEventsMax = 10'000;
  static constexpr size_t kBacklogBytesMax = 8 << 20;

  // Begins a stream of the changes under `prefix`. gRPC owns the result. The hub
  // must outlive the stream.
  grpc::ServerWriteReactor<pb::WatchEvent>* Watch(std::string prefix);

  void OnChange(pb::WatchEvent::Kind kind, const std::string& key, const std::string& value,
                zkq::Zxid zxid) override;
  void OnRestore() override;
  // Ends every stream, and those to come, with UNAVAILABLE and `why`: this server does
  // not serve any more. The first call counts.
  void Close(const std::string& why);

 private:
  class Watcher;
  using Event = std::shared_ptr<const pb::WatchEvent>;

  void EndAll(const grpc::Status& status);

  std::mutex mutex_;  // of all that follows, and of the watchers' state
  std::set<Watcher*> watchers_;
  std::optional<grpc::Status> closed_;
};

}  // namespace kv
