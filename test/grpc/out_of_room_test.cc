// What the transport says where a process has no thread or no file descriptor left.
#include <string>

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/grpc/acceptor.h"
#include "test/harness/catch.h"
#include "zkq/grpc_transport.h"

namespace zkq::transport {
namespace {

// As long as it lives no thread can be started: none finds room for its stack.
class NoThreads {
 public:
  NoThreads() {
    REQUIRE(pthread_getattr_default_np(&before_) == 0);
    pthread_attr_t vast;
    REQUIRE(pthread_attr_init(&vast) == 0);
    REQUIRE(pthread_attr_setstacksize(&vast, size_t{1} << 50) == 0);
    REQUIRE(pthread_setattr_default_np(&vast) == 0);
  }
  ~NoThreads() { pthread_setattr_default_np(&before_); }

 private:
  pthread_attr_t before_;
};

// As long as it lives only `left` descriptors can be opened. Nothing is checked meanwhile: to
// check, a sanitizer may need one.
class FewDescriptors {
 public:
  explicit FewDescriptors(int left) {
    const int lowest = dup(STDIN_FILENO);
    REQUIRE(lowest >= 0);
    close(lowest);
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before_) == 0);
    const rlimit few{static_cast<rlim_t>(lowest + left), before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &few);
  }
  ~FewDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_ = {};
};

TEST_CASE("without a thread for it, the acceptor does not begin") {
  auto acceptor = Acceptor::Listen("127.0.0.1:0");
  REQUIRE(acceptor.ok());
  const NoThreads none;
  CHECK(!(*acceptor)->Begin([](Fd) {}));
}

TEST_CASE("Start without a thread left is kResourceExhausted") {
  const auto transport = NewGrpcTransport({.listen_address = "127.0.0.1:0"});
  const Env env = NewSystemEnv();
  const NoThreads none;
  const absl::Status status = transport->Start(env, {.sid = ServerId{1}}, nullptr);
  CHECK(status.code() == absl::StatusCode::kResourceExhausted);
}

absl::Status ListenWith(int descriptors) {
  const FewDescriptors few(descriptors);
  return Acceptor::Listen("127.0.0.1:0").status();
}

// The listener needs three: a socket, and the two ends of a pipe.
TEST_CASE("listening without a descriptor left is kResourceExhausted, and names the address") {
  for (int left = 0; left < 3; ++left) {
    const absl::Status status = ListenWith(left);
    INFO(left << ": " << status.ToString());
    CHECK(status.code() == absl::StatusCode::kResourceExhausted);
    CHECK(std::string(status.message()).find("\"127.0.0.1:0\": cannot listen: ") == 0);
  }
  CHECK(ListenWith(3).ok());
}

}  // namespace
}  // namespace zkq::transport
