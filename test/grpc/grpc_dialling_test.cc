// Dialling a name that has several addresses, some of which are dead.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
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

class Server final : public QuorumTransport::Receiver {
 public:
  Server(ServerId sid, const std::string& address)
      : transport_(NewGrpcTransport({.listen_address = address})) {
    REQUIRE(transport_->Start(NewSystemEnv(), IdentityOf(sid), this).ok());
  }
  ~Server() override { transport_->Shutdown(); }

  QuorumTransport& transport() { return *transport_; }
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

}  // namespace
}  // namespace zkq::testing
