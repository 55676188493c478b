// The contract of QuorumTransport, held by the network in memory on real threads.
#include <future>
#include <map>
#include <string>
#include <utility>

#include "test/harness/catch.h"
#include "zkq/env.h"
#include "zkq/testing/conformance.h"
#include "zkq/testing/memory_network.h"

namespace zkq::testing {
namespace {

class MemoryWorld final : public TransportWorld {
 public:
  explicit MemoryWorld(const TransportWorldOptions& options)
      : network_({.outbound_bytes_max = options.outbound_bytes_max,
                  .inbound_bytes_max = options.inbound_bytes_max}) {}

  std::unique_ptr<QuorumTransport> NewTransport(ServerId) override {
    return network_.NewTransport();
  }
  std::vector<Member> Members(const std::vector<ServerId>& sids) override {
    std::vector<Member> members;
    for (const ServerId sid : sids) members.push_back({.id = sid});
    return members;
  }
  Env EnvOf(ServerId sid) override {
    Env& env = envs_[sid];
    if (env.executor == nullptr) env = NewSystemEnv();
    return env;
  }
  bool RunUntil(absl::FunctionRef<bool()> condition) override {
    return waiters_->Await(condition, absl::Seconds(30));
  }
  void Settle() override {
    waiters_->Await([] { return false; }, absl::Milliseconds(200));
  }
  void Wake() override { waiters_->Wake(); }

 private:
  MemoryNetwork network_;
  std::map<ServerId, Env> envs_;
  const std::shared_ptr<Executor> waiters_ = NewSystemEnv().executor;
};

TEST_CASE("the network in memory keeps every promise of the kit") {
  for (const std::string& claim : TransportClaims()) {
    DYNAMIC_SECTION(claim) {
      const absl::Status status = RunTransportConformance(
          [](const TransportWorldOptions& options) {
            return std::make_unique<MemoryWorld>(options);
          },
          claim);
      CHECK(status.ToString() == "OK");
    }
  }
}

// Answers with what it is asked.
class Echo final : public QuorumTransport::Receiver {
 public:
  void OnAsked(const Asker& asker, Question question, absl::Duration,
               QuorumTransport::Answer reply) override {
    std::move(reply)(ToString(asker.id) + (asker.local ? " local " : " ") + question.bytes);
  }
  void OnLinkUp(const LinkId&, const Identity&) override {}
  void OnIntroduced(const LinkId&, const Identity&) override {}
  void OnMessage(const LinkId&, Message, Hold) override {}
  void OnNotification(const LinkId&, const Notification&) override {}
  void OnLinkDown(const LinkId&, const absl::Status&) override {}
  void OnSnapshotAsked(const LinkId&, const SnapshotRequest&,
                       absl::AnyInvocable<void(absl::StatusOr<SnapshotChunk>) &&>) override {}
};

TEST_CASE("a tool asks over the network in memory, and nobody answers for who has crashed") {
  MemoryNetwork network;
  Echo echo;
  const auto server = network.NewTransport(), tool = network.NewTransport();
  REQUIRE(server->Start(NewSystemEnv(), {.sid = ServerId{1}, .boot = 1}, &echo).ok());
  tool->SetMembers({{{.id = ServerId{1}}}});
  REQUIRE(tool->Start(NewSystemEnv(), {}, nullptr).ok());
  const auto ask = [&] {
    std::promise<absl::StatusOr<std::string>> told;
    tool->Ask(ServerId{1}, {.bytes = "x"}, absl::Seconds(20),
              [&](absl::StatusOr<std::string> answer) { told.set_value(std::move(answer)); });
    return told.get_future().get();
  };
  CHECK(ask().value() == "0 local x");
  network.Crash(ServerId{1});
  CHECK(absl::IsUnavailable(ask().status()));
  tool->Shutdown();
  server->Shutdown();
}

}  // namespace
}  // namespace zkq::testing
