// Clients of a simulated ensemble: each makes one call after the other through some
// server, and remembers what it was told, for the linearizability check.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "zkq/testing/linearizability.h"
#include "zkq/testing/sim_cluster.h"

namespace zkq::sim {

class Clients {
 public:
  struct Options {
    int clients = 4;
    int keys = 3;
    bool queue = false;
    absl::Duration pause_max = absl::Seconds(2);  // between two calls of one client
    absl::Duration timeout = absl::Seconds(2);
    uint64_t seed = 1;
  };
  // Outlives the cluster, whose end still completes calls.
  explicit Clients(const Options& options) : options_(options), random_(options.seed) {}

  void Begin(testing::SimCluster* cluster);
  // No further call begins.
  void End() { ended_ = true; }

  // One write through each of these servers; false if not all of them succeed within
  // `limit`.
  bool WriteThroughEach(const std::vector<ServerId>& servers, absl::Duration limit);
  // With nothing wrong any more: a burst of writes through each of them; false if one
  // waits until its timeout.
  bool AllAnswered(const std::vector<ServerId>& servers);

  // After End: every call that was made at one of these servers has been answered within `limit`,
  // those that wait for as long as it takes, too.
  bool AllTold(const std::vector<ServerId>& servers, absl::Duration limit);

  // Every key through each of them, for the history: what a state machine has missed
  // shows there.
  bool ReadThroughEach(const std::vector<ServerId>& servers, absl::Duration limit);

  // Calls that certainly had no effect are not in it.
  std::vector<testing::Operation> History() const;
  uint64_t completed() const { return completed_; }

 private:
  struct Call {
    testing::Operation operation;
    bool has_effect = true;  // or may have, or have yet
    bool done = false;
    bool timed_out = false;
    ServerId sid = kNoServer;  // of a client's write
  };
  void CallSoon(int client);
  void CallNow(int client);
  Call* Record(int client, std::string key, std::string input);
  testing::SimServer::Done Finish(Call* call, int client);
  std::string Write(int client, Call** call);
  const Call& WriteNow(ServerId sid);
  const Call& ReadNow(ServerId sid, const std::string& key);
  // One that is refused is made again.
  bool Succeeds(absl::FunctionRef<const Call&()> make, absl::Duration limit);
  std::string Padding();
  ServerId SomeServer();

  const Options options_;
  testing::SimRandom random_;
  testing::SimCluster* cluster_ = nullptr;
  bool ended_ = false;
  uint64_t commands_ = 0;
  uint64_t completed_ = 0;
  std::deque<Call> calls_;  // addresses stay
};

}  // namespace zkq::sim
