// One silent cut of an ensemble under load: nobody is told, connections stay. Then it heals.
// No acknowledged write may be lost or done twice, no read may miss one, a server that
// reaches a quorum must go on serving, every server must serve again after the cut, and no
// more elections may be held than the cut makes necessary. How soon each server serves again
// is printed.
#include <functional>
#include <future>
#include <iostream>
#include <memory>
#include <thread>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "test/e2e/ensemble.h"
#include "test/e2e/namespaces.h"
#include "test/e2e/outcome.h"
#include "test/e2e/readers.h"
#include "test/e2e/relay.h"
#include "test/e2e/workload.h"

ABSL_FLAG(std::string, network, "lose",
          "lose, hold: a relay that loses what is sent meanwhile, or passes it on later; "
          "namespaces: the kernel's own, needs root");
ABSL_FLAG(std::string, cut, "follower", "which cut; --cut= lists them");
ABSL_FLAG(int, seconds, 10, "how long it lasts");

namespace {

using namespace e2e;
using Clock = std::chrono::steady_clock;

constexpr int kSkipped = 77;
// Nothing is expected to take it: an ensemble that needs longer has not come back by itself.
constexpr std::chrono::seconds kUsableWithin{30};
constexpr int kWritesPerSecond = 200;

struct Ids {
  int leader;
  std::vector<int> followers;
};

void SilenceBoth(Network& network, int one, int other) {
  network.Silence(one, other);
  network.Silence(other, one);
}

void Isolate(Network& network, const Ensemble& ensemble, int id) {
  for (int other : ensemble.ids()) {
    if (other != id) SilenceBoth(network, id, other);
  }
}

struct Cut {
  const char* name;
  int servers;
  uint64_t elections_max;
  bool serves;  // some server reaches a quorum meanwhile
  std::function<void(Network&, Ensemble&, const Ids&)> perform;
};

const Cut kCuts[] = {
    {"follower", 3, 0, true,
     [](Network& network, Ensemble& ensemble, const Ids& ids) {
       Isolate(network, ensemble, ids.followers[0]);
     }},
    {"leader", 3, 1, true,
     [](Network& network, Ensemble& ensemble, const Ids& ids) {
       Isolate(network, ensemble, ids.leader);
     }},
    {"everybody", 3, 1, false,
     [](Network& network, Ensemble& ensemble, const Ids&) {
       for (int id : ensemble.ids()) Isolate(network, ensemble, id);
     }},
    {"to-follower", 3, 0, true,
     [](Network& network, Ensemble&, const Ids& ids) {
       network.Silence(ids.leader, ids.followers[0]);
     }},
    {"to-leader", 3, 0, true,
     [](Network& network, Ensemble&, const Ids& ids) {
       network.Silence(ids.followers[0], ids.leader);
     }},
    // One of five is dead, and the leader keeps a single follower: the other three are a
    // quorum, and one of them hears the leader still.
    {"partial", 5, 1, true,
     [](Network& network, Ensemble& ensemble, const Ids& ids) {
       ensemble.Kill(ids.followers[0]);
       SilenceBoth(network, ids.leader, ids.followers[1]);
       SilenceBoth(network, ids.leader, ids.followers[2]);
     }},
};

// Writes a little while the cut lasts. A server that should serve meanwhile must at the end of it.
void Last(std::chrono::seconds seconds, bool serves, Workload& load) {
  const uint64_t before = load.acknowledged();
  const auto write = [&] { load.RaiseLimit(load.acknowledged() + kWritesPerSecond / 10); };
  for (const Clock::time_point end = Clock::now() + seconds; Clock::now() < end; write()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));  // the length of the fault
  }
  const uint64_t during = load.acknowledged() - before;
  std::cout << during << " writes in " << seconds.count() << " s of the cut" << std::endl;
  write();
  if (serves) load.WaitForAcknowledged(load.acknowledged() + 1);
}

// From now to the first write through this server.
double SecondsToServe(const std::string& address, int id) {
  const Clock::time_point begin = Clock::now();
  kv::Client client({address}, absl::Milliseconds(250));
  for (;;) {
    pb::PutRequest request;
    request.set_key("healed/" + std::to_string(id));
    request.set_value("v");
    pb::PutResponse response;
    const bool served = client
                            .WriteOnce([&](auto& stub, auto* context) {
                              return stub.Put(context, request, &response);
                            })
                            .status.ok();
    const std::chrono::duration<double> taken = Clock::now() - begin;
    if (served) return taken.count();
    if (taken > kUsableWithin) {
      throw std::runtime_error("server " + std::to_string(id) + " does not serve again");
    }
  }
}

void WaitUntilUsable(const Ensemble& ensemble) {
  std::map<int, std::future<double>> servers;
  for (int id : ensemble.ids()) {
    if (!ensemble.running(id)) continue;
    servers[id] = std::async(std::launch::async, SecondsToServe, ensemble.address(id), id);
  }
  for (auto& [id, seconds] : servers) {
    const double taken = seconds.get();
    std::cout << "server " << id << " served again after " << taken << " s" << std::endl;
  }
}

Ids IdsOf(const Ensemble& ensemble) {
  Ids ids{.leader = ensemble.WaitForLeader(), .followers = {}};
  for (int id : ensemble.ids()) {
    if (id != ids.leader) ids.followers.push_back(id);
  }
  return ids;
}

uint64_t EpochOf(const Ensemble& ensemble) {
  return ensemble.Status(ensemble.WaitForLeader()).value().epoch();
}

bool Perform(const Cut& cut, Network& network, std::chrono::seconds seconds) {
  Ensemble ensemble(network.places());
  ensemble.StartAll();
  const Ids ids = IdsOf(ensemble);
  const uint64_t epoch = EpochOf(ensemble);
  Workload load(ensemble.addresses(), 4, "w", kWritesPerSecond);
  Readers readers(ensemble, load);
  load.WaitForAcknowledged(kWritesPerSecond);

  cut.perform(network, ensemble, ids);
  Last(seconds, cut.serves, load);
  network.Heal();
  WaitUntilUsable(ensemble);
  load.RaiseLimit(load.acknowledged() + kWritesPerSecond);
  load.WaitForAcknowledged(load.acknowledged() + 1);
  readers.Stop();
  const uint64_t elections = EpochOf(ensemble) - epoch;

  ensemble.StartAll();
  std::string wrong = WhatIsWrong(ensemble, load);  // first: it ends the writes
  kv::Client client = ensemble.Client(ids.leader);
  wrong += load.Repeated(client) + readers.stale();
  if (elections > cut.elections_max) wrong += "more elections than the cut makes necessary\n";
  std::cout << elections << " elections, " << load.acknowledged() << " writes acknowledged, "
            << load.refused() << " not committed, " << load.unknown() << " unknown, "
            << readers.succeeded() << " reads: " << (wrong.empty() ? "good" : "FAILED") << "\n"
            << wrong;
  return wrong.empty();
}

std::unique_ptr<Network> MakeNetwork(int servers) {
  const std::string name = absl::GetFlag(FLAGS_network);
  if (name == "lose") return std::make_unique<Relay>(servers, Path::Mode::kLose);
  if (name == "hold") return std::make_unique<Relay>(servers, Path::Mode::kHold);
  if (name != "namespaces") throw std::runtime_error("no such network: " + name);
  try {
    return std::make_unique<Namespaces>(servers);
  } catch (const std::exception& error) {
    std::cout << "SKIPPED: no network namespaces here: " << error.what() << std::endl;
    return nullptr;
  }
}

int Run() {
  for (const Cut& cut : kCuts) {
    if (cut.name != absl::GetFlag(FLAGS_cut)) continue;
    const std::unique_ptr<Network> network = MakeNetwork(cut.servers);
    if (network == nullptr) return kSkipped;
    return Perform(cut, *network, std::chrono::seconds(absl::GetFlag(FLAGS_seconds))) ? 0 : 1;
  }
  for (const Cut& cut : kCuts) std::cout << cut.name << "\n";
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  try {
    return Run();
  } catch (const std::exception& failure) {
    std::cout << "FAILED: " << failure.what() << std::endl;
    return 1;
  }
}
