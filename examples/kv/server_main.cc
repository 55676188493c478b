// zkq-kvd: one server of the replicated key-value store.
//
// Exit codes: 0 after SIGTERM or SIGINT, 1 cannot run or go on (one line on stderr says why; a
// supervisor may try again), 2 bad flags.
#include <grpcpp/grpcpp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <memory>
#include <string>

#include "absl/flags/flag.h"
#include "absl/flags/usage.h"
#include "absl/time/time.h"
#include "flags.h"
#include "service.h"
#include "state_machine.h"
#include "status_response.h"
#include "watch_hub.h"
#include "zkq/zkq.h"

ABSL_FLAG(uint64_t, id, 0,
          "this server's id, in --ensemble or --observers; none: that of --data_dir, or an "
          "observer that nobody lists");
ABSL_FLAG(std::string, ensemble, "",
          "the voters' peer ports: 1=host:port,2=host:port,...; once the ensemble stands, where to "
          "find it");
ABSL_FLAG(std::string, observers, "", "the observers' peer ports: 4=host:port,...");
ABSL_FLAG(bool, may_found, true,
          "false: an empty --data_dir never founds an ensemble, it only joins one");
ABSL_FLAG(bool, admin_from_anywhere, false,
          "take changes by zkqctl from every machine, and not from this one alone");
ABSL_FLAG(std::string, listen, "", "host:port for clients; port 0: any free one");
ABSL_FLAG(std::string, peer_listen, "",
          "host:port to listen on for the other servers, when the network passes on to it what "
          "arrives at this server's address in --ensemble; default: that address");
ABSL_FLAG(std::string, data_dir, "", "where the log and the snapshots live; made if not there");
ABSL_FLAG(absl::Duration, tick, absl::Milliseconds(100), "unit of the time limits");
ABSL_FLAG(std::string, config, "", "file of `flag = value` lines; flags given here win");
ABSL_FLAG(uint64_t, snapshot_every, 100'000, "transactions between snapshots; 0: none");
ABSL_FLAG(int, retain_snapshots, 3, "snapshots kept, with the log from the oldest on");
ABSL_FLAG(uint64_t, log_segment_bytes, 64 << 20, "size of one log file");
ABSL_FLAG(std::string, log, "warning", "what goes to stderr: debug, info, warning, error, none");

namespace {

// The largest request: a command of max_command_bytes and what frames it.
constexpr int kRequestBytesMax = 8 << 20;
constexpr absl::Duration kShutdownGrace = absl::Seconds(5);

// None, if standard error is a pipe that nobody reads: this process must end.
void Complain(const std::string& line) {
  pollfd room{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
  if (poll(&room, 1, 1000) == 1) std::cerr << "zkq-kvd: " + line + "\n";
}

absl::StatusOr<std::shared_ptr<zkq::LogSink>> MakeLog(const std::string& level) {
  if (level == "none") return nullptr;
  const char* const names[] = {"debug", "info", "warning", "error"};
  for (int i = 0; i < 4; ++i) {
    if (level == names[i]) return zkq::StderrLogSink(static_cast<zkq::LogLevel>(i));
  }
  return absl::InvalidArgumentError("--log=" + level + " is none of the levels");
}

absl::StatusOr<std::vector<zkq::Member>> ParseMembers(const std::string& flag,
                                                      const std::string& value) {
  absl::StatusOr<std::vector<zkq::Member>> members = zkq::ParseMembers(value);
  if (members.ok()) return members;
  return absl::InvalidArgumentError("--" + flag + "=" + value + ": " +
                                    std::string(members.status().message()));
}

absl::StatusOr<std::vector<zkq::Member>> MembersFromFlags() {
  absl::StatusOr<std::vector<zkq::Member>> voters =
      ParseMembers("ensemble", absl::GetFlag(FLAGS_ensemble));
  if (!voters.ok() || absl::GetFlag(FLAGS_observers).empty()) return voters;
  absl::StatusOr<std::vector<zkq::Member>> observers =
      ParseMembers("observers", absl::GetFlag(FLAGS_observers));
  if (!observers.ok()) return observers;
  for (zkq::Member& observer : *observers) {
    observer.type = zkq::MemberType::kObserver;
    voters->push_back(std::move(observer));
  }
  return voters;
}

absl::StatusOr<zkq::ReplicaOptions> OptionsFromFlags() {
  if (absl::GetFlag(FLAGS_listen).empty()) return absl::InvalidArgumentError("--listen is missing");
  absl::StatusOr<std::vector<zkq::Member>> members = MembersFromFlags();
  if (!members.ok()) return members.status();
  absl::StatusOr<std::shared_ptr<zkq::LogSink>> log = MakeLog(absl::GetFlag(FLAGS_log));
  if (!log.ok()) return log.status();
  zkq::ReplicaOptions options;
  options.id = zkq::ServerId(absl::GetFlag(FLAGS_id));
  options.members = *std::move(members);
  options.may_found = absl::GetFlag(FLAGS_may_found);
  options.admin_from_anywhere = absl::GetFlag(FLAGS_admin_from_anywhere);
  options.listen_address = absl::GetFlag(FLAGS_peer_listen);
  options.data_dir = absl::GetFlag(FLAGS_data_dir);
  options.tick = absl::GetFlag(FLAGS_tick);
  options.snapshot_every_transactions = absl::GetFlag(FLAGS_snapshot_every);
  options.retain_snapshots = absl::GetFlag(FLAGS_retain_snapshots);
  options.log_segment_bytes = absl::GetFlag(FLAGS_log_segment_bytes);
  options.log_sink = *std::move(log);
  return options;
}

// The address with the port that was chosen; null: it cannot be listened on.
std::unique_ptr<grpc::Server> Listen(const std::string& address, grpc::Service& service,
                                     std::string* bound) {
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // else two servers share it silently
  builder.SetMaxReceiveMessageSize(kRequestBytesMax);
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (port == 0) return nullptr;
  *bound = address.substr(0, address.rfind(':') + 1) + std::to_string(port);
  return server;
}

// Returns when SIGTERM or SIGINT has come, or the replica has halted.
void WaitForEnd(zkq::Replica& replica, const sigset_t& signals) {
  // The main thread waits for signals and nothing else, so a halt is told by one.
  const zkq::Subscription events = replica.Subscribe([](const zkq::Event& event) {
    if (event.status.halted) kill(getpid(), SIGUSR1);
  });
  int signal = 0;
  do {
    sigwait(&signals, &signal);
  } while (signal == SIGUSR1 && !replica.Status().halted);
}

int Serve(zkq::ReplicaOptions options, const sigset_t& signals) {
  auto hub = std::make_shared<kv::WatchHub>();
  options.state_machine = std::make_unique<kv::KvStateMachine>(hub);
  absl::StatusOr<std::unique_ptr<zkq::Replica>> replica = zkq::Replica::Start(std::move(options));
  if (!replica.ok()) {
    Complain(kv::Words(replica.status()));
    return absl::IsInvalidArgument(replica.status()) ? 2 : 1;
  }
  const zkq::ServerId id = (*replica)->Status().id;
  kv::KvService service(**replica, *hub);
  std::string bound;
  std::unique_ptr<grpc::Server> server = Listen(absl::GetFlag(FLAGS_listen), service, &bound);
  if (server == nullptr) {
    Complain("cannot listen on --listen=" + absl::GetFlag(FLAGS_listen) +
             ": in use, or not an address of this machine");
    return 1;
  }
  std::cout << "ready sid=" << ToString(id) << " listen=" << bound << std::endl;

  WaitForEnd(**replica, signals);
  hub->Close((*replica)->Status().halted ? "this server has halted" : "this server shuts down");
  // First the replica, which answers every call, then who carries the answers.
  const absl::Status closed = (*replica)->Shutdown(kShutdownGrace);
  server->Shutdown(std::chrono::system_clock::now() + std::chrono::milliseconds(500));
  const zkq::ReplicaStatus last = (*replica)->Status();
  if (last.halted) {
    Complain("server " + ToString(id) + " has halted: " + kv::Words(last.health));
    return 1;
  }
  if (!closed.ok()) Complain("shutdown: " + kv::Words(closed));
  return closed.ok() ? 0 : 1;
}

int BadFlags(const absl::Status& status) {
  Complain(std::string(status.message()));
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("One server of a replicated key-value store.");
  std::signal(SIGPIPE, SIG_IGN);  // Nobody reads what it says: no reason to end.
  absl::StatusOr<std::vector<std::string>> rest = kv::ParseFlags(argc, argv);
  if (!rest.ok()) return BadFlags(rest.status());
  if (!rest->empty()) return BadFlags(absl::InvalidArgumentError("not a flag: " + rest->front()));
  if (!absl::GetFlag(FLAGS_config).empty()) {
    absl::Status read = kv::ReadConfig(absl::GetFlag(FLAGS_config));
    if (!read.ok()) return BadFlags(read);
  }
  absl::StatusOr<zkq::ReplicaOptions> options = OptionsFromFlags();
  if (!options.ok()) return BadFlags(options.status());

  // Blocked before the first thread starts, so that sigwait alone sees them.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGXFSZ, SIG_IGN);  // A file that may not grow is an error of the write.
  return Serve(*std::move(options), signals);
}
