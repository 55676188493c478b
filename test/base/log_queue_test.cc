// What stands between who writes a line and a sink that may take for ever.
#include "lib/base/absl/log_queue.h"

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/absl/line_log.h"
#include "test/harness/catch.h"

namespace zkq {
namespace {

using Texts = std::vector<std::string>;

// Runs what it was given when the test says so.
class ByHand final : public Executor {
 public:
  void Run(Task task) override { tasks.push_back(std::move(task)); }
  uint64_t RunAfter(absl::Duration, Task task) override {
    Run(std::move(task));
    return tasks.size();
  }
  bool Cancel(uint64_t) override { return false; }
  bool Await(absl::FunctionRef<bool()> done, absl::Duration) override { return done(); }
  void Wake() override { ++wakes; }
  bool InTask() const override { return false; }

  void RunAll() {
    for (Task& task : std::exchange(tasks, {})) std::move(task)();
  }
  std::vector<Task> tasks;
  int wakes = 0;
};

struct Kept final : LogSink {
  void Log(LogLevel, ServerId, std::string_view line) override {
    if (meanwhile) std::exchange(meanwhile, nullptr)();
    lines.emplace_back(line);
  }
  Texts lines;
  std::function<void()> meanwhile;  // while the sink is at its next line
};

struct Desk {
  const std::shared_ptr<ByHand> executor = std::make_shared<ByHand>();
  const std::shared_ptr<Kept> sink = std::make_shared<Kept>();
  const std::shared_ptr<LogQueue> queue = LogQueue::Before(sink, executor);

  void Log(std::string_view text) { queue->Log(LogLevel::kInfo, ServerId{1}, text); }
  void LogMany(size_t count) {
    for (size_t i = 0; i < count; ++i) Log(std::to_string(i));
  }
};

TEST_CASE("a line comes to the sink in a task of the executor, and in its order") {
  Desk desk;
  desk.Log("a");
  desk.Log("b");
  CHECK(desk.sink->lines.empty());
  CHECK(desk.executor->tasks.size() == 1);
  CHECK_FALSE(desk.queue->idle());
  desk.sink->meanwhile = [&] { desk.Log("c"); };
  desk.executor->RunAll();
  CHECK(desk.sink->lines == Texts{"a", "b", "c"});
  CHECK(desk.executor->tasks.empty());  // never two at once
  CHECK(desk.queue->idle());
  CHECK(desk.executor->wakes > 0);
}

TEST_CASE("lines above the bound are dropped until the queue is empty, and counted") {
  Desk desk;
  desk.LogMany(LogQueue::kLinesMax + 3);
  desk.sink->meanwhile = [&] { desk.Log("there is room, and the line would come too early"); };
  desk.executor->RunAll();
  REQUIRE(desk.sink->lines.size() == LogQueue::kLinesMax + 1);
  CHECK(desk.sink->lines.back() == "log-dropped: 4 lines");
  desk.Log("next");
  desk.executor->RunAll();
  CHECK(desk.sink->lines.back() == "next");
}

TEST_CASE("the bytes that wait for the sink are bounded") {
  Desk desk;
  const std::string line(LogQueue::kLineBytesMax, 'x');
  constexpr size_t kFit = LogQueue::kBytesMax / LogQueue::kLineBytesMax;
  static_assert(kFit < LogQueue::kLinesMax);
  for (size_t i = 0; i < kFit + 1; ++i) desk.Log(line);
  desk.executor->RunAll();
  REQUIRE(desk.sink->lines.size() == kFit + 1);
  CHECK(desk.sink->lines.back() == "log-dropped: 1 lines");
}

TEST_CASE("a line longer than the queue is cut, and holds up none that follows") {
  Desk desk;
  desk.Log(std::string(LogQueue::kBytesMax + 1, 'x'));
  desk.Log("next");
  desk.executor->RunAll();
  CHECK(desk.sink->lines == Texts{std::string(LogQueue::kLineBytesMax, 'x'), "next"});
}

TEST_CASE("a line at which the sink throws counts as dropped") {
  Desk desk;
  const auto throws = [] { throw std::runtime_error("full"); };
  desk.sink->meanwhile = throws;
  desk.LogMany(2);
  desk.executor->RunAll();
  CHECK(desk.sink->lines == Texts{"1", "log-dropped: 1 lines"});
  CHECK(desk.queue->idle());

  // It throws at the count, too.
  desk.sink->meanwhile = [&] { desk.sink->meanwhile = throws, throws(); };
  desk.Log("a");
  desk.executor->RunAll();
  CHECK(desk.queue->idle());
  desk.Log("b");
  desk.executor->RunAll();
  CHECK(desk.sink->lines == Texts{"1", "log-dropped: 1 lines", "log-dropped: 2 lines"});
  desk.Log("c");
  desk.executor->RunAll();
  CHECK(desk.sink->lines.back() == "c");
}

TEST_CASE("what has queued lines that nobody will write is kept by nobody") {
  Desk desk;
  const std::weak_ptr<Kept> sink = desk.sink;
  desk.Log("never written");
  desk.executor->tasks.clear();  // as at an executor's end
  CHECK(sink.use_count() == 2);  // the desk's, and its queue's
}

TEST_CASE("there is one queue before a sink, and none before none") {
  Desk desk;
  CHECK(LogQueue::Before(desk.queue, desk.executor) == desk.queue);
  CHECK(LogQueue::Before(desk.sink, desk.executor) == desk.queue);
  CHECK(LogQueue::Before(desk.sink, std::make_shared<ByHand>()) != desk.queue);
  CHECK(LogQueue::Before(std::make_shared<Kept>(), desk.executor) != desk.queue);
  CHECK(LogQueue::Before(nullptr, desk.executor) == nullptr);
}

TEST_CASE("a line has its name, its level and its pace") {
  const auto sink = std::make_shared<Kept>();
  LineLog log(sink);
  const auto say = [&](Line line, absl::Duration now) {
    return log.Write(line, ServerId{1}, ServerId{2}, now, "what");
  };
  CHECK(say(Line::kPeerFar, absl::Seconds(1)) == absl::ZeroDuration());
  CHECK(say(Line::kPeerFar, absl::Seconds(2)) == absl::Seconds(59));
  CHECK(say(Line::kRenewsEpoch, absl::Seconds(2)) == absl::ZeroDuration());
  CHECK(say(Line::kRenewsEpoch, absl::Seconds(2)) == absl::ZeroDuration());
  CHECK(sink->lines == Texts{"peer-far: what", "renews-epoch: what", "renews-epoch: what"});
}

}  // namespace
}  // namespace zkq
