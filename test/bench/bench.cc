// zkq-bench: what zkq costs on this machine.
//
//   zkq-bench --value_size=128 --outstanding=1000 --seconds=10
//   zkq-bench --failover=20
//   zkq-bench --restart=20 --servers=5
//   zkq-bench --idle=10
//   zkq-bench --rate=5000 --observers=10 --kill_every=1s
//
// Real server processes with durable logs, default options, on loopback. The
// client is inside the leader and keeps a number of writes outstanding; the time
// limit of each call is generous, so nothing is lost to it.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <map>
#include <optional>
#include <random>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "test/bench/child.h"
#include "test/bench/disk.h"
#include "test/bench/server.h"

ABSL_FLAG(uint64_t, value_size, 128, "bytes of a command");
ABSL_FLAG(uint64_t, outstanding, 1000, "writes under way at once");
ABSL_FLAG(double, seconds, 5, "how long is measured, after one second that is not");
ABSL_FLAG(int, failover, 0, "instead: how often the leader is killed");
ABSL_FLAG(int, restart, 0, "instead: how often all servers are killed and started at once");
ABSL_FLAG(double, idle, 0, "instead: for how many seconds servers without a call are watched");
ABSL_FLAG(int, servers, 3, "how many voters");
ABSL_FLAG(int, observers, 0, "how many besides");
ABSL_FLAG(absl::Duration, kill_every, absl::ZeroDuration(),
          "with --rate: so often an observer is killed, and started; 0: none is");
ABSL_FLAG(double, rate, 0, "instead of --outstanding: so many writes a second, whatever they take");
ABSL_FLAG(std::string, dir, "/var/tmp", "where the data directories are made, and removed");
// How it starts itself as a server.
ABSL_FLAG(uint64_t, serve_id, 0, "internal");
ABSL_FLAG(std::string, serve_ensemble, "", "internal");
ABSL_FLAG(std::string, serve_data_dir, "", "internal");

namespace {

using bench::Child;

// Below the range of outgoing connections.
int FreePort() {
  static std::mt19937 random{std::random_device{}()};
  for (;;) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    const int port = std::uniform_int_distribution<int>(10'240, 32'000)(random);
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool bound = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    close(fd);
    if (bound) return port;
  }
}

class Ensemble {
 public:
  Ensemble() {
    dir_ = absl::GetFlag(FLAGS_dir) + "/zkq-bench-XXXXXX";
    if (mkdtemp(dir_.data()) == nullptr) throw std::runtime_error("cannot make " + dir_);
    for (int id = 1; id <= all(); ++id)
      members_ += (id == 1 ? "" : ",") + std::to_string(id) +
                  "=127.0.0.1:" + std::to_string(FreePort()) + (id > size() ? ":observer" : "");
    StartAll();
  }
  ~Ensemble() {
    servers_.clear();
    std::error_code ignored;  // What stays behind harms nobody.
    std::filesystem::remove_all(dir_, ignored);
  }

  void Start(int id) {
    servers_.emplace(id, Child({"--serve_id=" + std::to_string(id), "--serve_ensemble=" + members_,
                                "--serve_data_dir=" + dir_ + "/" + std::to_string(id)}));
  }
  void StartAll() {
    for (int id = 1; id <= all(); ++id) Start(id);
    for (auto& [id, child] : servers_) child.Receive();  // ready
  }
  void Restart(int id) {
    Start(id);
    server(id).Receive();  // ready
  }
  void Kill(int id) { servers_.erase(id); }
  void KillAll() { servers_.clear(); }

  // Waits until every server takes part in one epoch.
  int WaitForLeader() {
    for (;;) {
      int leader = 0;
      int settled = 0;
      for (auto& [id, child] : servers_) {
        child.Send("role");
        const std::string role = child.Receive();
        if (role == "leading") leader = id;
        if (role != "looking") ++settled;
      }
      if (leader != 0 && settled == all()) return leader;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

  double CpuSeconds() const {
    double seconds = 0;
    for (const auto& [id, child] : servers_) seconds += child.CpuSeconds();
    return seconds;
  }

  static int size() { return absl::GetFlag(FLAGS_servers); }
  static int all() { return size() + absl::GetFlag(FLAGS_observers); }
  Child& server(int id) { return servers_.at(id); }
  const std::string& dir() const { return dir_; }

 private:
  std::string dir_;
  std::string members_;
  std::map<int, Child> servers_;
};

void MeasureWrites() {
  Ensemble ensemble;
  Child& leader = ensemble.server(ensemble.WaitForLeader());
  const double sync = bench::MedianSyncMillis(ensemble.dir());
  std::ostringstream command;
  command << "write " << absl::GetFlag(FLAGS_value_size) << " " << absl::GetFlag(FLAGS_outstanding)
          << " " << absl::GetFlag(FLAGS_seconds);
  leader.Send(command.str());
  leader.Receive();  // begin
  const double cpu_before = ensemble.CpuSeconds();
  std::istringstream words(leader.Receive());
  const double cpu = ensemble.CpuSeconds() - cpu_before;
  std::string end;
  double writes = 0;
  double p50 = 0;
  double p99 = 0;
  int failures = 0;
  words >> end >> writes >> p50 >> p99 >> failures;
  std::printf(
      "%llu B, %llu outstanding: %.0f writes/s, p50 %.2f ms, p99 %.2f ms, "
      "%.1f us CPU/write (all processes), %d failed\n",
      static_cast<unsigned long long>(absl::GetFlag(FLAGS_value_size)),
      static_cast<unsigned long long>(absl::GetFlag(FLAGS_outstanding)),
      writes / absl::GetFlag(FLAGS_seconds), p50, p99, cpu / writes * 1e6, failures);
  std::printf("bare fdatasync of 4 KiB into a zero-filled file: %.2f ms at the median\n", sync);
}

// Kills the observers one after the other, and starts each again, until it is destroyed.
class Churn {
 public:
  Churn(Ensemble* ensemble, absl::Duration every)
      : ensemble_(*ensemble),
        every_(absl::ToChronoNanoseconds(every)),
        thread_([this] { Run(); }) {}
  ~Churn() {
    over_ = true;
    thread_.join();
    std::printf("observers killed and started: %d\n", rounds_);
  }

 private:
  void Run() {
    const int first = Ensemble::size() + 1;
    while (!over_ && Ensemble::all() >= first) {
      const auto next = std::chrono::steady_clock::now() + every_;
      const int id = first + rounds_ % (Ensemble::all() - first + 1);
      ensemble_.Kill(id);
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      ensemble_.Restart(id);
      ++rounds_;
      std::this_thread::sleep_until(next);
    }
  }

  Ensemble& ensemble_;
  const std::chrono::nanoseconds every_;
  std::atomic<bool> over_{false};
  int rounds_ = 0;
  std::thread thread_;
};

void MeasureOpenLoop() {
  Ensemble ensemble;
  Child& leader = ensemble.server(ensemble.WaitForLeader());
  const auto epoch = [&leader] {
    leader.Send("epoch");
    return leader.Receive();
  };
  const std::string before = epoch();
  std::ostringstream command;
  command << "open " << absl::GetFlag(FLAGS_value_size) << " " << absl::GetFlag(FLAGS_rate) << " "
          << absl::GetFlag(FLAGS_seconds);
  std::optional<Churn> churn;
  const absl::Duration kill_every = absl::GetFlag(FLAGS_kill_every);
  if (kill_every > absl::ZeroDuration()) churn.emplace(&ensemble, kill_every);
  leader.Send(command.str());
  leader.Receive();  // begin
  const double cpu_before = leader.CpuSeconds();
  std::istringstream words(leader.Receive());
  const double cpu = leader.CpuSeconds() - cpu_before;
  churn.reset();
  std::string end;
  double writes = 0, p50 = 0, p99 = 0;
  int failures = 0;
  words >> end >> writes >> p50 >> p99 >> failures;
  std::printf(
      "%.0f writes/s, %d observers: p50 %.2f ms, p99 %.2f ms, %.1f us CPU/write (leader), "
      "%d failed, epoch %s, then %s\n",
      writes / absl::GetFlag(FLAGS_seconds), absl::GetFlag(FLAGS_observers), p50, p99,
      cpu / writes * 1e6, failures, before.c_str(), epoch().c_str());
}

// When a server that probes has succeeded.
int64_t DoneAt(Child& probing) {
  std::istringstream words(probing.Receive());
  std::string done;
  int64_t at = 0;
  words >> done >> at;
  return at;
}

void Print(const char* what, std::vector<double> millis) {
  std::sort(millis.begin(), millis.end());
  std::printf("%s: median %.0f ms, min %.0f ms, max %.0f ms of %zu\n", what,
              millis[millis.size() / 2], millis.front(), millis.back(), millis.size());
}

void MeasureFailover(int rounds) {
  Ensemble ensemble;
  std::vector<double> millis;
  for (int round = 0; round < rounds; ++round) {
    const int leader = ensemble.WaitForLeader();
    Child& survivor = ensemble.server(leader % Ensemble::size() + 1);
    const int64_t killed = bench::Nanoseconds();
    ensemble.Kill(leader);
    survivor.Send("probe");
    millis.push_back(static_cast<double>(DoneAt(survivor) - killed) / 1e6);
    std::printf("round %d: server %d killed, the next write succeeded after %.0f ms\n", round + 1,
                leader, millis.back());
    std::fflush(stdout);
    ensemble.Restart(leader);
  }
  Print("failover", millis);
}

// From the first start to the first write through the last server.
void MeasureRestart(int rounds) {
  Ensemble ensemble;
  std::vector<double> millis, starting;
  for (int round = 0; round < rounds; ++round) {
    ensemble.WaitForLeader();
    ensemble.KillAll();
    const int64_t begin = bench::Nanoseconds();
    ensemble.StartAll();
    starting.push_back(static_cast<double>(bench::Nanoseconds() - begin) / 1e6);
    for (int id = 1; id <= Ensemble::size(); ++id) ensemble.server(id).Send("probe");
    int64_t end = 0;
    for (int id = 1; id <= Ensemble::size(); ++id) {
      end = std::max(end, DoneAt(ensemble.server(id)));
    }
    millis.push_back(static_cast<double>(end - begin) / 1e6);
  }
  Print("restart of all, until all serve", millis);
  Print("of that, until all processes run", starting);
}

void MeasureIdle(double seconds) {
  Ensemble ensemble;
  ensemble.WaitForLeader();
  const double before = ensemble.CpuSeconds();
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  const double used = ensemble.CpuSeconds() - before;
  std::printf("idle: %.2f %% of a core for each of %d servers, over %.0f s\n",
              used / seconds / Ensemble::size() * 100, Ensemble::size(), seconds);
}

}  // namespace

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  if (absl::GetFlag(FLAGS_serve_id) != 0)
    return bench::Serve(absl::GetFlag(FLAGS_serve_id), absl::GetFlag(FLAGS_serve_ensemble),
                        absl::GetFlag(FLAGS_serve_data_dir));
  try {
    if (absl::GetFlag(FLAGS_failover) > 0)
      MeasureFailover(absl::GetFlag(FLAGS_failover));
    else if (absl::GetFlag(FLAGS_restart) > 0)
      MeasureRestart(absl::GetFlag(FLAGS_restart));
    else if (absl::GetFlag(FLAGS_idle) > 0)
      MeasureIdle(absl::GetFlag(FLAGS_idle));
    else if (absl::GetFlag(FLAGS_rate) > 0)
      MeasureOpenLoop();
    else
      MeasureWrites();
    return 0;
  } catch (const std::exception& failure) {
    std::cerr << "zkq-bench: " << failure.what() << "\n";
    return 1;
  }
}
