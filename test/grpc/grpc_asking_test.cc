// Questions over gRPC (PROTOCOL §5.6): a tool, bounds, deadlines, shutdowns, and who is local.
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/grpc/loopback.h"
#include "lib/link/questions.h"
#include "test/grpc/grpc_ports.h"
#include "test/harness/catch.h"
#include "zkq/grpc_transport.h"

namespace zkq::testing {
namespace {

using absl::Seconds;
using absl::StatusCode;

constexpr ServerId kOne{1}, kTwo{2}, kNine{9};
constexpr EnsembleId kOurs{1, 1};

Identity IdentityOf(ServerId sid) {
  return {.sid = sid,
          .boot = 5,
          .ensemble = kOurs,
          .disk = {0, ToInt(sid)},
          .config = Zxid{},
          .tick = std::chrono::milliseconds(100),
          .init_limit = 20,
          .sync_limit = 30};
}

// Answers "echo" at once, refuses "refuse", keeps the replies of "wait", and knows nothing else.
class Server final : public QuorumTransport::Receiver {
 public:
  explicit Server(const Identity& self, const std::string& address = "127.0.0.1:0")
      : transport_(NewGrpcTransport({.listen_address = address})) {
    REQUIRE(transport_->Start(NewSystemEnv(), self, this).ok());
  }
  ~Server() override { transport_->Shutdown(); }

  QuorumTransport& transport() { return *transport_; }
  std::string address() const { return transport_->listen_address(); }
  bool Until(const std::function<bool()>& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), condition);
  }
  // Under the lock that Until holds.
  std::vector<QuorumTransport::Answer> waiting;
  std::optional<Asker> asker;
  absl::Duration time_left = absl::ZeroDuration();
  std::optional<LinkId> link;
  int messages = 0, acks = 0;

  void OnAsked(const Asker& from, Question question, absl::Duration left,
               QuorumTransport::Answer reply) override {
    const std::lock_guard lock(mutex_);
    asker = from;
    time_left = left;
    if (question.kind == "echo") return std::move(reply)(std::move(question.bytes));
    if (question.kind == "refuse") return std::move(reply)(absl::AbortedError("not now"));
    if (question.kind != "wait") {
      return Receiver::OnAsked(from, std::move(question), left, std::move(reply));
    }
    waiting.push_back(std::move(reply));
    changed_.notify_all();
  }
  void OnLinkUp(const LinkId& up, const Identity&) override {
    const std::lock_guard lock(mutex_);
    link = up;
    changed_.notify_all();
  }
  void OnIntroduced(const LinkId&, const Identity&) override {}
  void OnMessage(const LinkId& from, Message message, Hold) override {
    const std::lock_guard lock(mutex_);
    ++messages;
    if (std::holds_alternative<Ack>(message.body)) ++acks;
    // It is sent on, to who has sent it.
    if (forwards) transport_->Send({&from, 1}, message);
    changed_.notify_all();
  }
  bool forwards = false;
  void OnNotification(const LinkId&, const Notification&) override {}
  void OnLinkDown(const LinkId&, const absl::Status&) override {}
  void OnSnapshotAsked(const LinkId&, const SnapshotRequest&,
                       absl::AnyInvocable<void(absl::StatusOr<SnapshotChunk>) &&>) override {}

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::unique_ptr<QuorumTransport> transport_;
};

// A transport that neither listens nor dials.
class Tool {
 public:
  explicit Tool(const std::string& address, const Identity& self = {})
      : transport(NewGrpcTransport({})) {
    transport->SetMembers({{{.id = kOne, .address = address}}});
    REQUIRE(transport->Start(NewSystemEnv(), self, nullptr).ok());
  }
  ~Tool() { transport->Shutdown(); }
  std::future<absl::StatusOr<std::string>> Begin(Question question,
                                                 absl::Duration timeout = Seconds(20)) {
    auto told = std::make_shared<std::promise<absl::StatusOr<std::string>>>();
    transport->Ask(kOne, std::move(question), timeout, [told](absl::StatusOr<std::string> answer) {
      told->set_value(std::move(answer));
    });
    return told->get_future();
  }
  absl::StatusOr<std::string> Ask(Question question, absl::Duration timeout = Seconds(20)) {
    return Begin(std::move(question), timeout).get();
  }

  const std::unique_ptr<QuorumTransport> transport;
};

TEST_CASE("a tool asks a server at its address, and is known as one on this machine") {
  Server one(IdentityOf(kOne));
  Tool tool(one.address());
  const std::string bytes("a\0b\xff", 4);
  CHECK(tool.Ask({.kind = "echo", .bytes = bytes}).value() == bytes);
  CHECK(one.Until([&] { return one.asker.has_value(); }));
  CHECK((one.asker->id == kNoServer && one.asker->ensemble == EnsembleId{} && one.asker->local));
  CHECK((one.time_left > Seconds(10) && one.time_left <= Seconds(20)));
  CHECK(tool.transport->links().empty());
  CHECK_FALSE(one.link);
}

TEST_CASE("a server that asks says who it is") {
  Server one(IdentityOf(kOne)), two(IdentityOf(kTwo));
  two.transport().SetMembers(
      {{{.id = kOne, .address = one.address(), .type = MemberType::kObserver},
        {.id = kTwo, .address = two.address()}}});
  std::promise<absl::StatusOr<std::string>> told;
  two.transport().Ask(kOne, {.kind = "echo", .bytes = "x"}, Seconds(20),
                      [&](absl::StatusOr<std::string> answer) { told.set_value(answer); });
  CHECK(told.get_future().get().value() == "x");
  CHECK((one.asker->id == kTwo && one.asker->disk == DiskId{0, 2} && one.asker->boot == 5 &&
         one.asker->ensemble == kOurs));
}

TEST_CASE("the server's own error is told from want of an answer") {
  Server one(IdentityOf(kOne));
  Tool tool(one.address());
  const absl::Status refused = tool.Ask({.kind = "refuse"}).status();
  CHECK((refused.code() == StatusCode::kAborted && refused.message() == "not now"));
  CHECK(AnsweredBy(refused) == kOne);
  const absl::Status unknown = tool.Ask({.kind = "what?"}).status();
  CHECK(unknown.code() == StatusCode::kUnimplemented);
  CHECK(AnsweredBy(unknown) == kOne);
  Tool nowhere(FreeAddress());
  const absl::Status nobody = nowhere.Ask({.kind = "echo"}).status();
  CHECK(nobody.code() == StatusCode::kUnavailable);
  CHECK_FALSE(AnsweredBy(nobody));
}

TEST_CASE("a foreign ensemble's question is refused") {
  Server one(IdentityOf(kOne));
  Tool foreign(one.address(), {.ensemble = {6, 6}}), ours(one.address(), {.ensemble = kOurs});
  const absl::Status refused = foreign.Ask({.kind = "echo"}).status();
  CHECK(refused.code() == StatusCode::kFailedPrecondition);
  CHECK_FALSE(AnsweredBy(refused));
  CHECK(ours.Ask({.kind = "echo"}).ok());
}

TEST_CASE("questions and answers as large as may be pass, larger ones do not") {
  Server one(IdentityOf(kOne));
  Tool tool(one.address());
  const std::string most(kAskBytesMax - 4, 'x');
  CHECK(tool.Ask({.kind = "echo", .bytes = most}).value() == most);
  CHECK(tool.Ask({.kind = "echo", .bytes = most + "x"}).status().code() ==
        StatusCode::kInvalidArgument);
  auto waits = tool.Begin({.kind = "wait"});
  REQUIRE(one.Until([&] { return one.waiting.size() == 1; }));
  std::move(one.waiting[0])(std::string(kAskBytesMax + 1, 'x'));
  CHECK(waits.get().status().code() == StatusCode::kResourceExhausted);
}

TEST_CASE("a question without an answer ends by its deadline") {
  Server one(IdentityOf(kOne));
  Tool tool(one.address());
  const absl::Status late = tool.Ask({.kind = "wait"}, absl::Milliseconds(300)).status();
  CHECK(late.code() == StatusCode::kDeadlineExceeded);
  CHECK_FALSE(AnsweredBy(late));
  REQUIRE(one.Until([&] { return one.waiting.size() == 1; }));
  std::move(one.waiting[0])("too late");
  CHECK(tool.Ask({.kind = "echo", .bytes = "x"}).ok());
}

TEST_CASE("more than 64 questions at a time are refused, and links do not mind") {
  Server one(IdentityOf(kOne));
  Tool tool(one.address());
  std::vector<std::future<absl::StatusOr<std::string>>> answers;
  for (size_t i = 0; i < link::kQuestionsMax; ++i) answers.push_back(tool.Begin({.kind = "wait"}));
  REQUIRE(one.Until([&] { return one.waiting.size() == link::kQuestionsMax; }));
  const absl::Status refused = tool.Ask({.kind = "echo"}).status();
  CHECK(refused.code() == StatusCode::kResourceExhausted);
  CHECK(refused.message() == "server 1: too many questions are under way");
  for (auto& reply : one.waiting) std::move(reply)("so");
  for (auto& answer : answers) CHECK(answer.get().value() == "so");
  CHECK(tool.Ask({.kind = "echo"}).ok());
}

TEST_CASE("a shutdown at either end ends the questions under way, and soon") {
  auto one = std::make_unique<Server>(IdentityOf(kOne));
  Tool tool(one->address());
  auto by_asked = tool.Begin({.kind = "wait"}), by_asker = tool.Begin({.kind = "wait"});
  REQUIRE(one->Until([&] { return one->waiting.size() == 2; }));
  SECTION("the asked one's, which answers later, in vain") {
    one->transport().Shutdown();
    CHECK(by_asked.get().status().code() == StatusCode::kUnavailable);
    std::move(one->waiting[0])("so");
  }
  SECTION("the asker's") { tool.transport->Shutdown(); }
  SECTION("the asked one's, which never answers") { one.reset(); }
  tool.transport->Shutdown();
  CHECK(by_asker.get().status().code() == StatusCode::kUnavailable);
  CHECK(tool.Ask({.kind = "echo"}).status().code() == StatusCode::kUnavailable);
}

TEST_CASE("a transport without a sid does not listen") {
  const auto transport = NewGrpcTransport({.listen_address = "127.0.0.1:0"});
  CHECK(transport->Start(NewSystemEnv(), {}, nullptr).code() == StatusCode::kInvalidArgument);
}

// --- who is local -----------------------------------------------------------------------

sockaddr_storage Storage4(const char* address) {
  sockaddr_storage storage = {};
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&storage);
  v4->sin_family = AF_INET;
  REQUIRE(inet_pton(AF_INET, address, &v4->sin_addr) == 1);
  return storage;
}
sockaddr_storage Storage6(const char* address) {
  sockaddr_storage storage = {};
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  v6->sin6_family = AF_INET6;
  REQUIRE(inet_pton(AF_INET6, address, &v6->sin6_addr) == 1);
  return storage;
}

TEST_CASE("local is all of 127.0.0.0/8, ::1 and Unix sockets, and nothing else") {
  for (const char* address : {"127.0.0.1", "127.0.0.2", "127.255.255.255"}) {
    CAPTURE(address);
    CHECK(transport::IsLocal(Storage4(address), {}));
  }
  for (const char* address : {"10.0.0.1", "126.255.255.255", "128.0.0.1", "0.0.0.0", "1.0.0.127"}) {
    CAPTURE(address);
    CHECK_FALSE(transport::IsLocal(Storage4(address), {}));
  }
  CHECK(transport::IsLocal(Storage6("::1"), {}));
  CHECK(transport::IsLocal(Storage6("::ffff:127.0.0.1"), {}));
  for (const char* address : {"::ffff:10.0.0.1", "fe80::1", "::", "::127.0.0.1", "7f00::1"}) {
    CAPTURE(address);
    CHECK_FALSE(transport::IsLocal(Storage6(address), {}));
  }
  sockaddr_storage storage = {};
  CHECK_FALSE(transport::IsLocal(storage, {}));
  storage.ss_family = AF_UNIX;
  CHECK(transport::IsLocal(storage, {}));
}

TEST_CASE("local is who comes from the address that was dialled, and nobody beside it") {
  CHECK(transport::IsLocal(Storage4("10.0.0.1"), Storage4("10.0.0.1")));
  CHECK(transport::IsLocal(Storage6("::ffff:10.0.0.1"), Storage4("10.0.0.1")));
  CHECK(transport::IsLocal(Storage6("fd00::1"), Storage6("fd00::1")));
  CHECK_FALSE(transport::IsLocal(Storage4("10.0.0.2"), Storage4("10.0.0.1")));
  CHECK_FALSE(transport::IsLocal(Storage6("fd00::2"), Storage6("fd00::1")));
  CHECK_FALSE(transport::IsLocal(Storage6("::a00:1"), Storage4("10.0.0.1")));
}

// An IPv4 address of this machine that others may reach; none: it has none.
std::optional<std::string> OutwardAddress() {
  ifaddrs* all = nullptr;
  REQUIRE(getifaddrs(&all) == 0);
  std::optional<std::string> found;
  for (const ifaddrs* each = all; each != nullptr && !found; each = each->ifa_next) {
    if (each->ifa_addr == nullptr || each->ifa_addr->sa_family != AF_INET) continue;
    char text[INET_ADDRSTRLEN];
    const auto* const v4 = reinterpret_cast<const sockaddr_in*>(each->ifa_addr);
    inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
    if (!std::string(text).starts_with("127.")) found = text;
  }
  freeifaddrs(all);
  return found;
}

TEST_CASE("who is on this machine is local, whichever of its addresses is dialled") {
  const std::optional<std::string> outward = OutwardAddress();
  if (!outward) {
    WARN("this machine has no address but loopback");
    return;
  }
  Server one(IdentityOf(kOne), "0.0.0.0:0");
  const std::string port = one.address().substr(one.address().rfind(':'));
  for (const std::string& host : {*outward, std::string("127.0.0.1")}) {
    Tool tool(host + port);
    REQUIRE(tool.Ask({.kind = "echo"}).ok());
    CHECK(one.asker->local);
  }
}

// --- a server that is not listed ----------------------------------------------------------

TEST_CASE("a server that nobody lists is linked over gRPC, gets a message and sends one on") {
  Identity joiner = IdentityOf(kNine);
  joiner.ensemble = {};
  Server one(IdentityOf(kOne)), nine(joiner);
  nine.forwards = true;
  one.transport().SetMembers({{{.id = kOne, .address = one.address(), .disk = {0, 1}}}});
  nine.transport().SetMembers({{{.id = kOne, .address = one.address(), .disk = {0, 1}}}});
  REQUIRE(one.Until([&] { return one.link.has_value(); }));
  CHECK(one.link->sid == kNine);
  const LinkId link = *one.link;
  one.transport().Send({&link, 1}, {.body = Ack{{1, 1}}});
  CHECK(nine.Until([&] { return nine.messages == 1; }));
  CHECK(one.Until([&] { return one.acks == 1; }));
}

}  // namespace
}  // namespace zkq::testing
