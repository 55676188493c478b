// How the gRPC transport dials: names with dead addresses, on which threads, and what it says
// when it reaches nobody.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "lib/base/absl/string_view.h"
#include "lib/grpc/dial_failure.h"
#include "lib/link/refusals.h"
#include "test/grpc/grpc_ports.h"
#include "test/harness/catch.h"
#include "zkq/grpc_transport.h"

namespace zkq::testing {
namespace {

constexpr ServerId kOne{1}, kTwo{2};

Identity IdentityOf(ServerId sid) {
  return {.sid = sid,
          .boot = 1,
          .ensemble = {1, 1},
          .disk = {0, ToInt(sid)},
          .config = Zxid{},
          .tick = std::chrono::milliseconds(100),
          .init_limit = 20,
          .sync_limit = 10};
}

// An address that swallows each SYN, as that of a machine that is off: its queue is full, and
// nobody accepts.
class DeadAddress {
 public:
  DeadAddress() {
    sockaddr_in where = {};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const generic = reinterpret_cast<sockaddr*>(&where);
    socklen_t size = sizeof(where);
    REQUIRE(bind(sockets_[0], generic, size) == 0);
    REQUIRE(listen(sockets_[0], 0) == 0);
    REQUIRE(getsockname(sockets_[0], generic, &size) == 0);
    for (int i = 1; i < kSockets; ++i) connect(sockets_[i], generic, size);
    address_ = "127.0.0.1:" + std::to_string(ntohs(where.sin_port));
  }
  ~DeadAddress() {
    for (const int socket : sockets_) close(socket);
  }
  const std::string& address() const { return address_; }

 private:
  static int NewSocket() { return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }

  static constexpr int kSockets = 4;
  const int sockets_[kSockets] = {NewSocket(), NewSocket(), NewSocket(), NewSocket()};
  std::string address_;
};

// A port at which a server of another kind greets who connects.
class OtherServer {
 public:
  OtherServer() {
    sockaddr_in where = {};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const generic = reinterpret_cast<sockaddr*>(&where);
    socklen_t size = sizeof(where);
    REQUIRE(bind(listener_, generic, size) == 0);
    REQUIRE(listen(listener_, 8) == 0);
    REQUIRE(getsockname(listener_, generic, &size) == 0);
    address_ = "127.0.0.1:" + std::to_string(ntohs(where.sin_port));
    greeter_ = std::thread([this] { Greet(); });
  }
  ~OtherServer() {
    shutdown(listener_, SHUT_RDWR);
    greeter_.join();
    close(listener_);
  }
  const std::string& address() const { return address_; }

 private:
  void Greet() {
    constexpr std::string_view kGreeting = "SSH-2.0-OpenSSH_9.2\r\n";
    for (;;) {
      const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) return;
      send(connection, kGreeting.data(), kGreeting.size(), MSG_NOSIGNAL);
      close(connection);
    }
  }

  const int listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::string address_;
  std::thread greeter_;
};

// Keeps tasks until it is told to run them.
class HeldExecutor final : public Executor {
 public:
  explicit HeldExecutor(std::shared_ptr<Executor> executor) : executor_(std::move(executor)) {}

  void Run(Task task) override {
    const std::lock_guard lock(mutex_);
    if (let_go_) return executor_->Run(std::move(task));
    held_.push_back(std::move(task));
    changed_.notify_all();
  }
  uint64_t RunAfter(absl::Duration delay, Task task) override {
    return executor_->RunAfter(delay, std::move(task));
  }
  bool Cancel(uint64_t timer) override { return executor_->Cancel(timer); }
  bool Await(absl::FunctionRef<bool()> done, absl::Duration timeout) override {
    return executor_->Await(done, timeout);
  }
  void Wake() override { executor_->Wake(); }
  bool InTask() const override { return executor_->InTask(); }

  bool WaitUntilAsked() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [this] { return !held_.empty(); });
  }
  void LetGo() {
    const std::lock_guard lock(mutex_);
    let_go_ = true;
    for (Task& task : held_) executor_->Run(std::move(task));
  }

 private:
  const std::shared_ptr<Executor> executor_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool let_go_ = false;
  std::vector<Task> held_;
};

class Server final : public QuorumTransport::Receiver {
 public:
  Server(ServerId sid, const std::string& address, const Env& env = NewSystemEnv())
      : transport_(NewGrpcTransport({.listen_address = address})) {
    REQUIRE(transport_->Start(env, IdentityOf(sid), this).ok());
  }
  ~Server() override { transport_->Shutdown(); }

  QuorumTransport& transport() { return *transport_; }
  bool linked() {
    const std::lock_guard lock(mutex_);
    return linked_;
  }
  bool WaitUntilLinked() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [this] { return linked_; });
  }

  void OnLinkUp(const LinkId&, const Identity&) override {
    const std::lock_guard lock(mutex_);
    linked_ = true;
    changed_.notify_all();
  }
  void OnIntroduced(const LinkId&, const Identity&) override {}
  void OnMessage(const LinkId&, Message, Hold) override {}
  void OnNotification(const LinkId&, const Notification&) override {}
  void OnLinkDown(const LinkId&, const absl::Status&) override {}
  void OnSnapshotAsked(const LinkId&, const SnapshotRequest&,
                       absl::AnyInvocable<void(absl::StatusOr<SnapshotChunk>) &&>) override {}

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool linked_ = false;
  std::unique_ptr<QuorumTransport> transport_;
};

TEST_CASE("a server is reached whose name has a dead address before the one that lives") {
  const DeadAddress dead;
  const std::string one_address = FreeAddress(), two_address = FreeAddress();
  // How gRPC writes what a name server would answer.
  const std::string both = "ipv4:" + dead.address() + "," + one_address;
  const std::vector<Member> members = {{.id = kOne, .address = both},
                                       {.id = kTwo, .address = two_address}};
  Server one(kOne, one_address), two(kTwo, two_address);
  one.transport().SetMembers(members);
  two.transport().SetMembers(members);
  CHECK(two.WaitUntilLinked());
}

TEST_CASE("a server dials on the executor that may block, so that no heartbeat waits for it") {
  Env env = NewSystemEnv();
  const auto blocking = std::make_shared<HeldExecutor>(env.blocking_executor);
  env.blocking_executor = blocking;
  const std::string one_address = FreeAddress(), two_address = FreeAddress();
  const std::vector<Member> members = {{.id = kOne, .address = one_address},
                                       {.id = kTwo, .address = two_address}};
  Server one(kOne, one_address), two(kTwo, two_address, env);
  one.transport().SetMembers(members);
  two.transport().SetMembers(members);
  CHECK(blocking->WaitUntilAsked());
  CHECK_FALSE(two.linked());
  blocking->LetGo();
  CHECK(two.WaitUntilLinked());
}

// Why a server that dials `address` reaches nobody there.
absl::Status WhyNot(const std::string& address, ServerId dialler = kTwo) {
  const Env env = NewSystemEnv();
  Server two(dialler, FreeAddress(), env);
  two.transport().SetMembers({{{.id = dialler == kTwo ? kOne : kTwo, .address = address}}});
  absl::Status why;
  const auto tried = [&] {
    const std::vector<LinkState> links = two.transport().links();
    if (links.size() == 1) why = links[0].error;
    return !FromAbsl(why.message()).starts_with("not dialled");
  };
  const absl::Duration begin = env.clock->Monotonic();
  while (!tried() && env.clock->Monotonic() - begin < absl::Seconds(20)) {
    env.executor->Await(tried, absl::Milliseconds(20));
  }
  return why;
}

TEST_CASE("why nobody is reached at an address is told in one clause") {
  const DeadAddress dead;
  const OtherServer other;
  const std::string free = FreeAddress();
  CHECK(WhyNot(free) == absl::UnavailableError("connection refused by " + free));
  CHECK(WhyNot(dead.address()) == absl::UnavailableError("no answer from " + dead.address()));
  CHECK(WhyNot("224.0.0.1:7000") ==
        absl::UnavailableError("no connection to 224.0.0.1:7000 (Network is unreachable)"));
  const absl::Status not_ours = WhyNot(other.address());
  CAPTURE(not_ours.ToString());
  CHECK(FromAbsl(not_ours.message()).find(other.address()) != std::string_view::npos);
  // Where no name server answers, nobody knows that there is no such host.
  const std::string unknown = WhyNot("no.such.host.invalid:80").ToString();
  CAPTURE(unknown);
  CHECK((unknown == "UNAVAILABLE: no such name: no.such.host.invalid" ||
         unknown.find("the name no.such.host.invalid is not resolved (") != std::string::npos));
}

TEST_CASE("a service of another kind is told from a server of zkq") {
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  grpc::CallbackGenericService answers_unimplemented;
  builder.RegisterCallbackGenericService(&answers_unimplemented);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  REQUIRE(server != nullptr);
  const std::string address = "127.0.0.1:" + std::to_string(port);
  const absl::Status other =
      absl::UnimplementedError("something else answers at " + address + " (UNIMPLEMENTED)");
  CHECK(WhyNot(address) == other);
  CHECK(WhyNot(address, kOne) == other);  // which knocks
  server->Shutdown();
}

TEST_CASE("the words of a service are not taken for zkq's") {
  const auto named = [](const absl::Status& status) {
    return std::string(transport::NameStranger("db2:8002", status).message());
  };
  CHECK(named(absl::NotFoundError("no such table")) ==
        "something else answers at db2:8002 (NOT_FOUND: no such table)");
  absl::Status odd = absl::PermissionDeniedError("log in first");
  odd.SetPayload(link::kRefusedPayload, absl::Cord("not a Refused"));
  CHECK(named(odd) == "something else answers at db2:8002 (PERMISSION_DENIED: log in first)");
  const absl::Status refusal = link::ToStatus({link::RefusalCode::kNotAMember, kTwo});
  CHECK(named(refusal) == refusal.message());
  // What gRPC says by itself, and what a server says that stops.
  for (const absl::Status& own :
       {absl::UnavailableError("Socket closed"), absl::DeadlineExceededError("Deadline Exceeded"),
        absl::CancelledError("CANCELLED"), absl::OkStatus()}) {
    CHECK(named(own) == own.message());
  }
}

TEST_CASE("what gRPC says of an attempt that failed is cut to what people need") {
  const std::string tried = "failed to connect to all addresses; last error: ";
  const auto cut = [](const std::string& text) {
    return transport::DialFailure("db3.example:7003", text);
  };
  CHECK(cut("DNS resolution failed for db3.example:7003: C-ares status is not ARES_SUCCESS "
            "qtype=A name=db3.example is_balancer=0: Domain name not found") ==
        "no such name: db3.example");
  CHECK(cut("DNS resolution failed for db3.example:7003: UNKNOWN: Name or service not known") ==
        "no such name: db3.example");
  CHECK(cut("DNS resolution failed for db3.example:7003: C-ares status is not ARES_SUCCESS "
            "qtype=A name=db3.example is_balancer=0: Could not contact DNS servers") ==
        "the name db3.example is not resolved (Could not contact DNS servers)");
  CHECK(cut(tried + "UNKNOWN: ipv6:%5B::1%5D:7003: Failed to connect to remote host: "
                    "Connection refused") == "connection refused by [::1]:7003");
  CHECK(cut(tried + "UNKNOWN: ipv4:10.0.0.3:7003: Failed to connect to remote host: "
                    "No route to host") == "no connection to 10.0.0.3:7003 (No route to host)");
  CHECK(cut(tried + "UNKNOWN: ipv4:10.0.0.3:7003: connection attempt timed out before receiving "
                    "SETTINGS frame") == "no answer from 10.0.0.3:7003");
  CHECK(cut(tried + "UNAVAILABLE: ipv4:10.0.0.3:7003: Failed parsing HTTP/2") ==
        "something else listens at 10.0.0.3:7003 (Failed parsing HTTP/2)");
  // What has another form is told as it is.
  for (const std::string text :
       {"Socket closed", "", "failed to connect", "DNS resolution failed",
        "failed to connect to all addresses; last error: ", "a: b: c: d"}) {
    CHECK(cut(text).find(text) != std::string::npos);
  }
}

}  // namespace
}  // namespace zkq::testing
