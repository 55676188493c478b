// The faults of the simulated network. What it promises without faults is in the
// transport's contract (memory_transport_test).
#include "zkq/testing/sim_network.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "test/harness/catch.h"
#include "zkq/wire.h"

namespace zkq::testing {
namespace {

constexpr ServerId kA{1}, kB{2};

// Remembers what it hears: "up 1", "7" (a numbered message), "large", "down 1".
class Ear final : public QuorumTransport::Receiver {
 public:
  void OnIntroduced(const LinkId&, const Identity&) override {}
  void OnLinkUp(const LinkId& link, const Identity&) override {
    heard.push_back("up " + std::to_string(link.seq));
    now = link;
  }
  void OnMessage(const LinkId&, Message message, Hold) override {
    if (const auto* ack = std::get_if<Ack>(&message.body)) {
      heard.push_back(std::to_string(ack->zxid.counter));
    } else {
      heard.push_back("large");
    }
  }
  void OnNotification(const LinkId&, const Notification&) override {}
  void OnLinkDown(const LinkId& link, const absl::Status&) override {
    heard.push_back("down " + std::to_string(link.seq));
    now.reset();
  }
  void OnSnapshotAsked(const LinkId&, const SnapshotRequest&,
                       absl::AnyInvocable<void(absl::StatusOr<SnapshotChunk>) &&>) override {}

  void OnAsked(const Asker& asker, Question question, absl::Duration,
               QuorumTransport::Answer reply) override {
    heard.push_back("asked by " + ToString(asker.id) + (asker.local ? ", local" : ""));
    if (question.kind == "echo") std::move(reply)(std::move(question.bytes));
  }

  std::vector<std::string> heard;
  std::optional<LinkId> now;
};

struct Counts final : SimNetworkObserver {
  void OnSent(const Route&, const Carried&) override { ++sent; }
  void OnDelivered(const Route&, const Carried&) override { ++delivered; }
  void OnLost(const Route&, const Carried&, Loss why) override { ++lost[why]; }
  void OnOvertaken(const Route&, const Carried& carried) override {
    overtaken += carried.message != nullptr;
  }
  void OnDelayed(const Route&, const Carried&) override { ++delayed; }
  int sent = 0, delivered = 0, overtaken = 0, delayed = 0;
  std::map<Loss, int> lost;
};

Identity IdentityOf(ServerId sid) {
  return {.sid = sid,
          .boot = 1,
          .tick = std::chrono::milliseconds(100),
          .init_limit = 20,
          .sync_limit = 30};  // silence is noticed after 3 s
}

// A and B, linked.
struct World {
  explicit World(uint64_t seed = 1) : scheduler(seed), network(&scheduler) {
    network.Observe(&counts);
    for (const ServerId sid : {kA, kB}) {
      transports[sid] = network.NewTransport();
      const Env env = {.clock = std::make_shared<SimClock>(&scheduler),
                       .executor = std::make_shared<SimExecutor>(&scheduler),
                       .random = std::make_shared<SimRandom>(seed)};
      transports[sid]->SetMembers(members);
      REQUIRE(transports[sid]->Start(env, IdentityOf(sid), &ears[sid]).ok());
    }
    REQUIRE(Until([&] { return ears[kA].now && ears[kB].now; }));
    scheduler.RunFor(absl::Milliseconds(5));  // The word that ends the handshake is through.
  }
  bool Until(absl::FunctionRef<bool()> done) { return scheduler.RunUntil(done, absl::Seconds(9)); }
  void Say(ServerId from, uint32_t number) {
    transports[from]->Send({&*ears[from].now, 1}, {.body = Ack{{1, number}}});
  }
  void SayLarge(ServerId from, size_t bytes) {
    transports[from]->Send({&*ears[from].now, 1},
                           {.body = Request{{MakeCall(1, Payload(std::string(bytes, 'x')))}}});
  }
  // Each in a frame of its own, all of them on their way.
  void SayMany(ServerId from, uint32_t count) {
    network.SetDelay(absl::Milliseconds(1), absl::Milliseconds(1));
    for (uint32_t i = 1; i <= count; ++i) {
      Say(from, i);
      scheduler.RunFor(absl::Microseconds(100));
    }
  }
  // What it heard before the end of the first link.
  std::vector<std::string> FirstLinkOf(ServerId sid) {
    auto heard = ears[sid].heard;
    const auto down = std::find(heard.begin(), heard.end(), "down 1");
    REQUIRE(down != heard.end());
    return {heard.begin(), down};
  }

  SimScheduler scheduler;
  Counts counts;
  SimNetwork network;
  std::map<ServerId, Ear> ears;
  std::map<ServerId, std::unique_ptr<QuorumTransport>> transports;
  const std::vector<Member> members{{.id = kA}, {.id = kB}};
};

TEST_CASE("a link that breaks loses any end of what was on its way, and no more") {
  std::set<size_t> arrived;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    World world(seed);
    world.SayMany(kA, 3);
    world.network.Disconnect(kA, kB);
    world.scheduler.RunFor(absl::Seconds(1));
    const std::vector<std::string> heard = world.FirstLinkOf(kB);
    const std::vector<std::string> all{"up 1", "1", "2", "3"};
    REQUIRE(heard == std::vector(all.begin(), all.begin() + heard.size()));
    arrived.insert(heard.size() - 1);
    REQUIRE(world.counts.lost[Counts::Loss::kLinkBroke] + world.counts.delivered == 3);
  }
  REQUIRE(arrived == std::set<size_t>{0, 1, 2, 3});
}

TEST_CASE("a crashed process hears nothing more, and what it said may still arrive") {
  bool some = false;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    World world(seed);
    world.Say(kA, 1);
    world.Say(kB, 1);
    world.network.Crash(kB);
    world.scheduler.RunFor(absl::Seconds(1));
    REQUIRE(world.ears[kB].heard == std::vector<std::string>{"up 1"});
    REQUIRE(world.counts.lost[Counts::Loss::kReceiverCrashed] == 1);
    some = some || world.FirstLinkOf(kA).size() == 2;
  }
  REQUIRE(some);
}

TEST_CASE("a link that is replaced is down at each end before the new one is up") {
  World world;
  world.SayMany(kA, 3);
  world.network.HalfOpen(kB, kA);  // B dials
  REQUIRE(world.Until([&] {
    return world.ears[kA].heard.back() == "up 3" && world.ears[kB].heard.back() == "up 3";
  }));
  REQUIRE(world.FirstLinkOf(kA) == std::vector<std::string>{"up 1"});
  world.Say(kB, 4);
  world.scheduler.RunFor(absl::Seconds(1));
  REQUIRE(world.ears[kA].heard.back() == "4");
}

TEST_CASE("what is lost one way comes in order when TCP sends it again, and nobody is told") {
  World world;
  world.Say(kA, 1);
  world.network.SetPath(kA, kB, {.silent = true});
  world.Say(kA, 2);
  world.Say(kB, 7);
  world.scheduler.RunFor(absl::Seconds(1));
  world.Say(kA, 3);
  REQUIRE(world.ears[kA].heard == std::vector<std::string>{"up 1", "7"});
  REQUIRE(world.ears[kB].heard == std::vector<std::string>{"up 1"});
  world.network.Heal();
  world.scheduler.RunFor(absl::Milliseconds(300));  // it is sent after 0.2, 0.6 and 1.4 s
  REQUIRE(world.ears[kB].heard == std::vector<std::string>{"up 1"});
  world.scheduler.RunFor(absl::Milliseconds(300));
  REQUIRE(world.ears[kB].heard == std::vector<std::string>{"up 1", "1", "2", "3"});
}

TEST_CASE("a process dies between two of its messages, and its owner is told then") {
  World world;
  std::vector<ServerId> killed;
  world.network.OnKilled([&](ServerId sid) { killed.push_back(sid); });
  world.network.KillAfterSends(kA, 2);
  world.Say(kA, 1);
  REQUIRE(killed.empty());
  world.scheduler.RunFor(absl::Milliseconds(1));
  world.SayMany(kA, 3);
  REQUIRE(killed == std::vector<ServerId>{kA});
  world.scheduler.RunFor(absl::Seconds(1));
  REQUIRE(world.ears[kB].heard == std::vector<std::string>{"up 1", "1", "1"});
}

TEST_CASE("a receiver that stops reading gets everything later") {
  World world;
  world.network.SetReading(kB, false);
  world.SayMany(kA, 2);
  world.scheduler.RunFor(absl::Seconds(1));
  REQUIRE(world.ears[kB].heard == std::vector<std::string>{"up 1"});
  world.network.SetReading(kB, true);
  world.scheduler.RunFor(absl::Seconds(1));
  REQUIRE(world.ears[kB].heard == std::vector<std::string>{"up 1", "1", "2"});
  REQUIRE(world.counts.delayed == 2);
}

TEST_CASE("a link may be slower one way than the other") {
  World world;
  world.network.SetPath(kA, kB, {.delay = SimDelay{absl::Seconds(2), absl::Seconds(2)}});
  world.Say(kA, 1);
  world.Say(kB, 1);
  world.scheduler.RunFor(absl::Seconds(1));
  REQUIRE(world.ears[kA].heard.back() == "1");
  REQUIRE(world.ears[kB].heard.back() == "up 1");
  world.scheduler.RunFor(absl::Seconds(2));
  REQUIRE(world.ears[kB].heard.back() == "1");
}

TEST_CASE("a path that swallows large packets lets small ones through, until one is large") {
  World world;
  world.network.SetPath(kA, kB, {.largest = 1400});
  world.Say(kA, 1);
  world.scheduler.RunFor(absl::Milliseconds(1));
  world.SayLarge(kA, 10'000);
  world.scheduler.RunFor(absl::Milliseconds(1));
  world.Say(kA, 2);
  world.scheduler.RunFor(absl::Milliseconds(300));
  REQUIRE(world.ears[kB].heard == std::vector<std::string>{"up 1", "1"});
  world.network.Heal();
  world.scheduler.RunFor(absl::Milliseconds(500));
  REQUIRE(world.ears[kB].heard == std::vector<std::string>{"up 1", "1", "large", "2"});
}

TEST_CASE("a thin line takes its time for what is large, and for what comes after it") {
  World world;
  world.network.SetPath(kA, kB, {.bytes_per_second = 125'000});
  world.SayLarge(kA, 50'000);
  world.scheduler.RunFor(absl::Milliseconds(1));
  world.Say(kA, 1);
  world.scheduler.RunFor(absl::Milliseconds(390));
  REQUIRE(world.ears[kB].heard == std::vector<std::string>{"up 1"});
  world.scheduler.RunFor(absl::Milliseconds(20));
  REQUIRE(world.ears[kB].heard == std::vector<std::string>{"up 1", "large", "1"});
}

TEST_CASE("a bit that flips on the way ends the link, and is never delivered") {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    World world(seed);
    world.network.SetPath(kA, kB, {.flips_one_in = 1});
    world.Say(kA, 7);
    REQUIRE(world.Until([&] { return world.ears[kB].heard.back() != "up 1"; }));
    REQUIRE(world.ears[kB].heard.back() == "down 1");
    world.network.Heal();
    REQUIRE(world.Until([&] { return world.ears[kA].now && world.ears[kB].now; }));
  }
}

TEST_CASE("a connection that is over for one end alone is replaced by the end that is told") {
  for (const ServerId told : {kA, kB}) {
    World world;
    const ServerId other = told == kA ? kB : kA;
    REQUIRE(world.network.HalfOpen(told, other));
    REQUIRE(world.Until([&] { return world.ears[told].heard.back() == "down 1"; }));
    REQUIRE(world.ears[other].heard.back() == "up 1");
    REQUIRE(world.Until([&] { return world.ears[kA].now && world.ears[kA].now->seq > 1; }));
    REQUIRE(world.Until([&] { return world.ears[kB].now && world.ears[kB].now->seq > 1; }));
  }
}

TEST_CASE("a question takes its time on the network, and is lost where packets are") {
  World world;
  absl::StatusOr<std::string> answer = absl::UnknownError("");
  const auto ask = [&](QuorumTransport& from, const char* kind) {
    answer = absl::UnknownError("");
    from.Ask(kB, {.kind = kind, .bytes = "x"}, absl::Seconds(2),
             [&](absl::StatusOr<std::string> told) { answer = std::move(told); });
    REQUIRE(absl::IsUnknown(answer.status()));
    const absl::Duration begin = world.scheduler.now();
    REQUIRE(world.Until([&] { return !absl::IsUnknown(answer.status()); }));
    return world.scheduler.now() - begin;
  };
  CHECK(ask(*world.transports[kA], "echo") > absl::ZeroDuration());
  CHECK(answer.value() == "x");
  CHECK(world.ears[kB].heard.back() == "asked by 1");
  ask(*world.transports[kA], "what?");  // its answer is dropped
  CHECK(absl::IsUnavailable(answer.status()));
  CHECK(AnsweredBy(answer.status()) == kB);
  world.network.SetPath(kB, kA, {.silent = true});
  CHECK(ask(*world.transports[kA], "echo") == absl::Seconds(2));
  CHECK(absl::IsDeadlineExceeded(answer.status()));
  world.network.Heal();
  world.network.Cut(kA, kB);
  ask(*world.transports[kA], "echo");
  CHECK(absl::IsUnavailable(answer.status()));
  CHECK_FALSE(AnsweredBy(answer.status()));

  const auto tool = world.network.NewTransport();
  tool->SetMembers(world.members);
  REQUIRE(tool->Start({.clock = std::make_shared<SimClock>(&world.scheduler),
                       .executor = std::make_shared<SimExecutor>(&world.scheduler),
                       .random = std::make_shared<SimRandom>(7)},
                      {}, nullptr)
              .ok());
  ask(*tool, "echo");
  CHECK(answer.value() == "x");
  CHECK(world.ears[kB].heard.back() == "asked by 0, local");
  tool->Shutdown();
}

TEST_CASE("handshakes that are reset, or never answered, are begun anew until one is through") {
  World world;
  SECTION("reset") {
    world.network.SetPath(kA, kB, {.resets = true});
    world.network.SetPath(kB, kA, {.resets = true});
  }
  SECTION("never answered") {
    world.network.SetAnswering(kA, false);
    world.network.SetAnswering(kB, false);
  }
  world.network.Disconnect(kA, kB);
  world.scheduler.RunFor(absl::Seconds(5));
  REQUIRE_FALSE(world.ears[kA].now);
  REQUIRE_FALSE(world.ears[kB].now);
  world.network.Heal();
  REQUIRE(world.Until([&] { return world.ears[kA].now && world.ears[kB].now; }));
}

// B does not know where A is, so that all hangs on A's knocks.
TEST_CASE("an answer to a knock that comes while its process is paused is there when it goes on") {
  World world;
  for (const ServerId sid : {kA, kB}) {
    Identity founded = IdentityOf(sid);
    founded.ensemble = {7, 7};  // else it takes nobody whom it does not list
    world.transports[sid]->SetIdentity(founded);
  }
  world.transports[kB]->SetMembers({world.members.data() + 1, 1});
  world.network.SetDelay(absl::Milliseconds(10), absl::Milliseconds(10));
  world.network.Disconnect(kA, kB);
  world.scheduler.RunFor(absl::Milliseconds(25));
  world.network.SetPaused(kA, true);
  world.scheduler.RunFor(absl::Seconds(1));
  REQUIRE_FALSE(world.ears[kA].now);
  world.network.SetPaused(kA, false);
  REQUIRE(world.Until([&] { return world.ears[kA].now && world.ears[kB].now; }));
}

TEST_CASE("a server with another address is found again once its silence is noticed") {
  World world;
  world.network.Move(kB);
  world.Say(kA, 1);
  world.scheduler.RunFor(absl::Milliseconds(500));
  REQUIRE(world.ears[kB].heard == std::vector<std::string>{"up 1"});
  const auto anew = [&](ServerId sid) {
    return world.ears[sid].now && world.ears[sid].now->seq > 1;
  };
  REQUIRE(world.Until([&] { return anew(kA) && anew(kB); }));
}

TEST_CASE("a silent link is dropped at both ends and made anew, soon after the silence") {
  World world;
  for (const auto& [from, to] : {std::pair(kA, kB), std::pair(kB, kA)}) {
    world.network.SetPath(from, to, {.silent = true});
  }
  world.scheduler.RunFor(absl::Minutes(1));
  REQUIRE_FALSE(world.ears[kA].now);
  REQUIRE_FALSE(world.ears[kB].now);
  world.network.Heal();
  world.scheduler.RunFor(absl::Seconds(2));
  REQUIRE(world.ears[kA].now);
  REQUIRE(world.ears[kB].now);
}

TEST_CASE("lanes of a link overtake each other, and observers see it") {
  bool overtaken = false;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    World world(seed);
    world.Say(kA, 1);  // It is being written, and the next one waits.
    world.Say(kA, 2);
    world.transports[kA]->Send({&*world.ears[kA].now, 1}, {.body = Ping{}});
    world.transports[kA]->Notify(kB, {});
    world.scheduler.RunFor(absl::Milliseconds(1));
    overtaken = overtaken || world.counts.overtaken > 0;
  }
  REQUIRE(overtaken);
}

}  // namespace
}  // namespace zkq::testing
