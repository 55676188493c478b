#include "lib/env/thread_executor.h"

#include <atomic>
#include <future>
#include <thread>

#include "test/harness/catch.h"

namespace zkq {
namespace {

// Generous: only a test that fails waits for so long.
constexpr absl::Duration kForever = absl::Seconds(60);

class Gate {
 public:
  void Open() { open_.set_value(); }
  void Pass() { passed_.wait(); }

 private:
  std::promise<void> open_;
  std::shared_future<void> passed_ = open_.get_future().share();
};

TEST_CASE("a task runs on another thread") {
  const auto executor = NewThreadExecutor(1);
  std::promise<std::thread::id> ran;
  executor->Run([&] { ran.set_value(std::this_thread::get_id()); });
  REQUIRE(ran.get_future().get() != std::this_thread::get_id());
}

TEST_CASE("as many tasks may block as there may be threads, and one more waits") {
  const auto executor = NewThreadExecutor(3);
  Gate gate;
  std::atomic<int> inside{0}, done{0};
  for (int i = 0; i < 3; ++i) {
    executor->Run([&] {
      ++inside;
      executor->Wake();
      gate.Pass();
      ++done;
      executor->Wake();
    });
  }
  REQUIRE(executor->Await([&] { return inside == 3; }, kForever));
  executor->Run([&] {
    ++done;
    executor->Wake();
  });
  REQUIRE(done == 0);
  gate.Open();
  REQUIRE(executor->Await([&] { return done == 4; }, kForever));
}

TEST_CASE("timers fire in the order of their times") {
  const auto executor = NewThreadExecutor(1);
  std::promise<std::string> fired;
  std::string order;  // one thread runs all of them
  executor->RunAfter(absl::Milliseconds(30), [&] {
    order += "c";
    fired.set_value(order);
  });
  executor->RunAfter(absl::Milliseconds(10), [&] { order += "a"; });
  executor->RunAfter(absl::Milliseconds(20), [&] { order += "b"; });
  REQUIRE(fired.get_future().get() == "abc");
}

TEST_CASE("a timer fires on an executor that has fallen asleep") {
  const auto executor = NewThreadExecutor(1);
  // Its thread waits without a time: it has had a task, and there was no timer.
  for (int i = 0; i < 20; ++i) {
    std::promise<void> ran, fired;
    executor->Run([&] { ran.set_value(); });
    ran.get_future().wait();
    std::this_thread::yield();
    executor->RunAfter(absl::Milliseconds(1), [&] { fired.set_value(); });
    REQUIRE(fired.get_future().wait_for(std::chrono::seconds(60)) == std::future_status::ready);
  }
}

TEST_CASE("a cancelled timer does not fire, and one that fired is not cancelled") {
  const auto executor = NewThreadExecutor(1);
  std::atomic<bool> fired{false};
  const uint64_t timer = executor->RunAfter(absl::Hours(1), [&] { fired = true; });
  REQUIRE(timer != 0);
  REQUIRE(executor->Cancel(timer));
  REQUIRE(!executor->Cancel(timer));
  std::promise<void> soon;
  const uint64_t other = executor->RunAfter(absl::ZeroDuration(), [&] { soon.set_value(); });
  soon.get_future().wait();
  REQUIRE(!executor->Cancel(other));
  REQUIRE(!fired);
}

TEST_CASE("a timer fires while tasks come and go on the other threads") {
  const auto executor = NewThreadExecutor(2);
  std::atomic<bool> fired{false};
  executor->RunAfter(absl::Milliseconds(20), [&] {
    fired = true;
    executor->Wake();
  });
  std::atomic<int> ran{0};
  while (!fired) {
    executor->Run([&] {
      ++ran;
      executor->Wake();
    });
    const int before = ran;
    executor->Await([&] { return ran > before || fired; }, kForever);
  }
  REQUIRE(fired);
}

TEST_CASE("Await ends when its condition holds, or at its time") {
  const auto executor = NewThreadExecutor(1);
  std::atomic<bool> done{false};
  REQUIRE(!executor->Await([&] { return done.load(); }, absl::Milliseconds(1)));
  REQUIRE(!executor->Await([&] { return done.load(); }, absl::ZeroDuration()));
  executor->Run([&] {
    done = true;
    executor->Wake();
  });
  REQUIRE(executor->Await([&] { return done.load(); }, absl::InfiniteDuration()));
}

TEST_CASE("a condition that holds for a moment ends Await as one that held") {
  const auto executor = NewThreadExecutor(1);
  int asked = 0;
  CHECK(executor->Await([&] { return ++asked == 1; }, kForever));
}

TEST_CASE("each of many waiters wakes for its own condition") {
  const auto executor = NewThreadExecutor(1);
  constexpr int kWaiters = 20;
  std::atomic<int> turn{0}, passed{0};
  std::vector<std::thread> waiters;
  for (int i = 1; i <= kWaiters; ++i) {
    waiters.emplace_back([&, i] {
      if (executor->Await([&] { return turn >= i; }, kForever)) ++passed;
    });
  }
  for (int i = 1; i <= kWaiters; ++i) {
    executor->Run([&] {
      ++turn;
      executor->Wake();
    });
  }
  for (std::thread& waiter : waiters) waiter.join();
  REQUIRE(passed == kWaiters);
}

TEST_CASE("InTask is true inside a task of this executor only") {
  const auto executor = NewThreadExecutor(1), other = NewThreadExecutor(1);
  std::promise<std::pair<bool, bool>> seen;
  REQUIRE(!executor->InTask());
  executor->Run([&] { seen.set_value({executor->InTask(), other->InTask()}); });
  REQUIRE(seen.get_future().get() == std::pair{true, false});
}

TEST_CASE("the end drops what is queued and does not wait for what is stuck") {
  auto executor = NewThreadExecutor(1);
  Gate gate;
  auto stuck = std::make_shared<Gate>();
  auto witness = std::make_shared<int>(0);
  std::weak_ptr<int> queued = witness;
  executor->Run([&gate, stuck] {
    gate.Open();
    stuck->Pass();
  });
  gate.Pass();
  executor->Run([witness = std::move(witness)] { ++*witness; });
  executor.reset();
  REQUIRE(queued.expired());
  stuck->Open();
}

TEST_CASE("a task may destroy its executor") {
  auto executor = NewThreadExecutor(2);
  Executor* const raw = executor.get();
  std::promise<void> over;
  raw->Run([executor = std::move(executor), &over]() mutable {
    executor.reset();
    over.set_value();
  });
  over.get_future().wait();
}

}  // namespace
}  // namespace zkq
