// How the gRPC transport dials: names with dead addresses, and on which threads.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

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

}  // namespace
}  // namespace zkq::testing
