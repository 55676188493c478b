// Replicas on real threads, as they ship but for the network: what blocks, what
// must not, and how a replica ends beside a call that never does.
#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <optional>
#include <thread>

#include "lib/env/system_clock.h"
#include "lib/env/thread_executor.h"
#include "test/harness/catch.h"
#include "zkq/replica.h"
#include "zkq/testing/memory_file_system.h"
#include "zkq/testing/memory_network.h"

namespace zkq::runtime {
namespace {

using testing::MemoryFileSystem;

// Generous: only a test that fails waits for so long.
constexpr absl::Duration kForever = absl::Seconds(60);

// Closed, it holds whoever comes by.
class Gate {
 public:
  void Close() {
    std::lock_guard lock(mutex_);
    open_ = false;
  }
  void Open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void Pass() {
    std::unique_lock lock(mutex_);
    if (!open_) {
      ++held_;
      changed_.notify_all();
    }
    changed_.wait(lock, [&] { return open_; });
  }
  // Waits until somebody is held.
  void AwaitHeld() {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, std::chrono::seconds(60), [&] { return held_ > 0; }));
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  int held_ = 0;
};

struct Gates {
  Gate apply, query, snapshot_job, destructor;
};

class Counter final : public StateMachine {
 public:
  explicit Counter(std::shared_ptr<Gates> gates) : gates_(std::move(gates)) {}
  ~Counter() override { gates_->destructor.Pass(); }
  absl::StatusOr<std::string> Apply(const Transaction&) override {
    gates_->apply.Pass();
    return std::to_string(++count_);
  }
  absl::StatusOr<std::string> Query(std::string_view) override {
    gates_->query.Pass();
    return std::to_string(count_);
  }
  absl::StatusOr<SnapshotJob> Snapshot() override {
    return SnapshotJob([gates = gates_, count = count_](SnapshotWriter& out) {
      gates->snapshot_job.Pass();
      return out.WriteRecord(std::to_string(count));
    });
  }
  absl::Status Restore(SnapshotReader& in) override {
    std::string record;
    const absl::StatusOr<bool> more = in.ReadRecord(&record);
    if (!more.ok()) return more.status();
    count_ = *more ? std::stoi(record) : 0;
    return absl::OkStatus();
  }

 private:
  const std::shared_ptr<Gates> gates_;
  int count_ = 0;  // no lock: one strand
};

class Ensemble {
 public:
  explicit Ensemble(int servers, Env env = {}, std::shared_ptr<LogSink> log_sink = nullptr)
      : servers_(servers), env_(std::move(env)), log_sink_(std::move(log_sink)) {
    for (int id = 1; id <= servers; ++id) {
      disks.push_back(std::make_shared<MemoryFileSystem>());
      gates.push_back(std::make_shared<Gates>());
      replicas.push_back(nullptr);
    }
    for (int id = 1; id <= servers; ++id) Start(id);
  }
  ~Ensemble() {
    for (const auto& g : gates) {
      g->apply.Open();
      g->query.Open();
      g->snapshot_job.Open();
      g->destructor.Open();
    }
  }

  void Start(int id) {
    ReplicaOptions options;
    // Nobody is given up for being slow: these tests block for as long as they need.
    options.sync_limit = 1200;
    options.id = ServerId(id);
    for (int i = 1; i <= servers_; ++i) options.members.push_back({.id = ServerId(i)});
    options.data_dir = "data";
    options.log_segment_bytes = 1 << 20;
    options.tick = absl::Milliseconds(50);
    options.transport = network.NewTransport();
    options.state_machine = std::make_unique<Counter>(gates[id - 1]);
    options.env = env_;
    options.env.file_system = disks[id - 1];
    options.log_sink = log_sink_;
    auto started = Replica::Start(std::move(options));
    REQUIRE(started.status() == absl::OkStatus());
    replicas[id - 1] = *std::move(started);
  }

  Replica& at(int id) { return *replicas[id - 1]; }
  // A change of leader is no error of what is tested here.
  void AwaitLeaders() {
    for (const auto& replica : replicas) REQUIRE(replica->WaitForLeader(kForever).ok());
  }
  int Leader() {
    for (;;) {
      AwaitLeaders();
      const auto leader = at(1).Status().leader;
      if (leader) return static_cast<int>(ToInt(*leader));
    }
  }
  int Write(int id) {
    for (;;) {
      const auto reply = at(id).Propose("+", {.timeout = kForever});
      if (reply.ok()) return std::stoi(reply->value);
      REQUIRE(GetErrorInfo(reply.status()).outcome == Outcome::kNotCommitted);
      AwaitLeaders();
    }
  }

  testing::MemoryNetwork network;
  std::vector<std::shared_ptr<MemoryFileSystem>> disks;
  std::vector<std::shared_ptr<Gates>> gates;
  std::vector<std::unique_ptr<Replica>> replicas;

 private:
  const int servers_;
  const Env env_;
  const std::shared_ptr<LogSink> log_sink_;
};

class GatedSink final : public LogSink {
 public:
  void Log(LogLevel, ServerId, std::string_view) override { gate.Pass(); }
  Gate gate;
};

// Counts the calls of Await that its contract forbids.
class StrictExecutor final : public Executor {
 public:
  explicit StrictExecutor(int threads) : inner_(NewThreadExecutor(threads)) {}
  void Run(Task task) override { inner_->Run(std::move(task)); }
  uint64_t RunAfter(absl::Duration delay, Task task) override {
    return inner_->RunAfter(delay, std::move(task));
  }
  bool Cancel(uint64_t timer) override { return inner_->Cancel(timer); }
  bool Await(absl::FunctionRef<bool()> done, absl::Duration timeout) override {
    misused += InTask();
    return inner_->Await(done, timeout);
  }
  void Wake() override { inner_->Wake(); }
  bool InTask() const override { return inner_->InTask(); }

  std::atomic<int> misused{0};

 private:
  const std::shared_ptr<Executor> inner_;
};

TEST_CASE("replicas of one process agree while many threads write and read") {
  Ensemble ensemble(3);
  ensemble.AwaitLeaders();
  constexpr int kThreads = 6, kCalls = 50;
  std::vector<std::thread> threads;
  std::atomic<int> failed{0};
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kCalls; ++i) {
        failed += !ensemble.at(1 + t % 3).Propose("+", {.timeout = kForever}).ok();
        failed += !ensemble.at(1 + (t + i) % 3).Read("", {.timeout = kForever}).ok();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  REQUIRE(failed == 0);
  for (int id = 1; id <= 3; ++id) {
    REQUIRE(ensemble.at(id).Read("")->value == std::to_string(kThreads * kCalls));
  }
}

TEST_CASE("pipelined calls are answered in their order, each once") {
  Ensemble ensemble(3);
  ensemble.AwaitLeaders();
  for (int id = 1; id <= 3; ++id) {
    constexpr int kCalls = 1000;
    std::vector<int> values;  // the callback strand's until `done`
    std::promise<void> done;
    for (int i = 0; i < kCalls; ++i) {
      ensemble.at(id).Propose("+", {.timeout = kForever}, [&](absl::StatusOr<Reply> reply) {
        values.push_back(reply.ok() ? std::stoi(reply->value) : -1);
        if (values.size() == kCalls) done.set_value();
      });
    }
    done.get_future().wait();
    for (int i = 1; i < kCalls; ++i) REQUIRE(values[i] == values[i - 1] + 1);
  }
}

// Nothing else is under way that could wake what was forgotten.
TEST_CASE("ZK-4537: the calls of a lone caller, one after the other, are all answered") {
  Ensemble ensemble(3);
  ensemble.AwaitLeaders();
  for (int i = 1; i <= 300; ++i) {
    REQUIRE(ensemble.Write(1 + i % 3) == i);
    REQUIRE(ensemble.at(1 + (i + 1) % 3).Read("", {.timeout = kForever})->value ==
            std::to_string(i));
  }
}

TEST_CASE("a blocking call on a zkq thread is refused") {
  Ensemble ensemble(1);
  ensemble.AwaitLeaders();
  std::promise<std::vector<absl::StatusCode>> codes;
  ensemble.at(1).Propose("+", {}, [&](absl::StatusOr<Reply>) {
    Replica& replica = ensemble.at(1);
    codes.set_value({replica.Propose("+").status().code(), replica.Read("").status().code(),
                     replica.WaitForLeader(kForever).code(), replica.Shutdown(kForever).code()});
  });
  for (const absl::StatusCode code : codes.get_future().get()) {
    REQUIRE(code == absl::StatusCode::kFailedPrecondition);
  }
  REQUIRE(ensemble.Write(1) == 2);
}

// Every strand that may block does. That heartbeats go on is seen at a follower:
// all that time it goes on hearing from the leader.
TEST_CASE("heartbeats go on while log, apply, callback and bulk are all blocked") {
  Gate callback, disk;  // the ensemble writes until its end
  Ensemble ensemble(3);
  const int leader = ensemble.Leader();
  ensemble.Write(leader);
  const Epoch epoch = ensemble.at(leader).Status().epoch;
  Gates& gates = *ensemble.gates[leader - 1];

  gates.snapshot_job.Close();
  ensemble.at(leader).TakeSnapshot({.timeout = absl::InfiniteDuration()},
                                   [](absl::StatusOr<Zxid>) {});
  gates.snapshot_job.AwaitHeld();
  gates.apply.Close();
  callback.Close();
  ensemble.at(leader).Read("", {.consistency = Consistency::kLocal},
                           [&](absl::StatusOr<Reply>) { callback.Pass(); });
  callback.AwaitHeld();
  ensemble.at(leader).Propose("+", {.timeout = kForever}, [](absl::StatusOr<Reply>) {});
  gates.apply.AwaitHeld();
  disk.Close();
  ensemble.disks[leader - 1]->Observe([&](const MemoryFileSystem::Operation& operation) {
    if (operation.step == MemoryFileSystem::Step::kSync) disk.Pass();
    return MemoryFileSystem::Verdict::kProceed;
  });
  ensemble.at(leader).Propose("+", {.timeout = kForever}, [](absl::StatusOr<Reply>) {});
  disk.AwaitHeld();

  const int follower = leader == 1 ? 2 : 1;
  const auto clock = NewSystemClock();
  for (int heartbeat = 0; heartbeat < 5; ++heartbeat) {
    const absl::Duration begin = clock->Monotonic();
    const auto heard_since = [&] {
      return ensemble.at(follower).Read("", {.timeout = kForever,
                                             .consistency = Consistency::kLocal,
                                             .max_staleness = clock->Monotonic() - begin});
    };
    while (!heard_since().ok()) REQUIRE(clock->Monotonic() - begin < kForever);
  }
  REQUIRE(ensemble.at(follower).Status().epoch == epoch);
  REQUIRE(ensemble.at(follower).Status().leader == ServerId(leader));
  disk.Open();
  callback.Open();
  gates.apply.Open();
  gates.snapshot_job.Open();
  REQUIRE(ensemble.Write(leader) == 4);
}

TEST_CASE("Shutdown names the call that is stuck, and completes what waits") {
  Ensemble ensemble(1);
  ensemble.AwaitLeaders();
  Gate& apply = ensemble.gates[0]->apply;
  apply.Close();
  std::atomic<int> called{0};
  std::vector<absl::Status> results(2);
  for (int i = 0; i < 2; ++i) {
    ensemble.at(1).Propose("+", {.timeout = kForever}, [&, i](absl::StatusOr<Reply> reply) {
      results[i] = std::move(reply).status();
      ++called;
    });
  }
  apply.AwaitHeld();
  const absl::Status status = ensemble.at(1).Shutdown(absl::Milliseconds(50));
  REQUIRE(status.code() == absl::StatusCode::kDeadlineExceeded);
  REQUIRE(std::string(status.message()).find("StateMachine::Apply") != std::string::npos);
  REQUIRE(called == 2);
  for (const absl::Status& result : results) {
    REQUIRE(result.code() == absl::StatusCode::kCancelled);
    REQUIRE(GetErrorInfo(result).outcome == Outcome::kUnknown);
  }
  ensemble.replicas[0].reset();  // does not wait for it either
  ensemble.Start(1);             // nor is its directory held
  apply.Open();
  ensemble.AwaitLeaders();
  REQUIRE(ensemble.Write(1) == 3);
  REQUIRE(called == 2);
}

TEST_CASE("Shutdown names a disk that is stuck") {
  Ensemble ensemble(1);
  ensemble.AwaitLeaders();
  auto disk = std::make_shared<Gate>();
  disk->Close();
  ensemble.disks[0]->Observe([disk](const MemoryFileSystem::Operation& operation) {
    if (operation.step == MemoryFileSystem::Step::kSync) disk->Pass();
    return MemoryFileSystem::Verdict::kProceed;
  });
  std::promise<absl::Status> result;
  ensemble.at(1).Propose("+", {.timeout = kForever}, [&](absl::StatusOr<Reply> reply) {
    result.set_value(std::move(reply).status());
  });
  disk->AwaitHeld();
  const absl::Status status = ensemble.at(1).Shutdown(absl::Milliseconds(50));
  REQUIRE(std::string(status.message()).find("File::Sync") != std::string::npos);
  REQUIRE(result.get_future().get().code() == absl::StatusCode::kCancelled);
  disk->Open();
  REQUIRE(ensemble.at(1).Shutdown(kForever).ok());
}

// What is applied while the job is held is in its log and not in the snapshot: with a part of
// it in both, or in neither, the count would show (also ZK-3125, ZK-3144).
TEST_CASE("ZK-3127: a snapshot is of the moment it was begun, and the log goes on from there") {
  Ensemble ensemble(1);
  for (int i = 1; i <= 3; ++i) REQUIRE(ensemble.Write(1) == i);
  Gate& job = ensemble.gates[0]->snapshot_job;
  job.Close();
  std::promise<absl::StatusOr<Zxid>> taken;
  ensemble.at(1).TakeSnapshot({.timeout = absl::InfiniteDuration()},
                              [&](absl::StatusOr<Zxid> zxid) { taken.set_value(std::move(zxid)); });
  job.AwaitHeld();
  for (int i = 4; i <= 6; ++i) REQUIRE(ensemble.Write(1) == i);
  job.Open();
  REQUIRE(taken.get_future().get().ok());
  ensemble.replicas[0].reset();
  ensemble.Start(1);
  REQUIRE(ensemble.at(1).Status().last_snapshot.counter == 3);
  REQUIRE(ensemble.Write(1) == 7);
}

// What a careless client does: it repeats at once, from its own callback, whatever is
// said to be kUnavailable.
TEST_CASE("a call refused during Shutdown may be repeated from its callback until Shutdown ends") {
  Ensemble ensemble(1);
  ensemble.AwaitLeaders();
  struct Client {
    void Repeat() {
      replica->Propose("+", {}, [this](absl::StatusOr<Reply> reply) {
        const absl::StatusCode code = reply.status().code();
        if (code == absl::StatusCode::kUnavailable) {
          ++refused;
          REQUIRE(GetErrorInfo(reply.status()).outcome == Outcome::kNotCommitted);
        }
        if (code == absl::StatusCode::kOk || code == absl::StatusCode::kUnavailable) {
          return Repeat();
        }
        last = code;
        done.set_value();
      });
    }
    Replica* replica = nullptr;
    int refused = 0;  // the callback strand's until `done`
    absl::StatusCode last = absl::StatusCode::kOk;
    std::promise<void> done = {};
  };
  Client client{.replica = &ensemble.at(1)};
  client.Repeat();
  REQUIRE(ensemble.at(1).Shutdown(kForever) == absl::OkStatus());
  client.done.get_future().wait();
  REQUIRE(client.refused > 0);
  REQUIRE(client.last == absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("during a Shutdown blocking forms and waiters are told kUnavailable, after it no more") {
  Ensemble ensemble(1);
  ensemble.AwaitLeaders();
  auto callback = std::make_shared<Gate>();
  callback->Close();
  ensemble.at(1).Propose("+", {}, [callback](absl::StatusOr<Reply>) { callback->Pass(); });
  callback->AwaitHeld();
  std::thread ends([&] { (void)ensemble.at(1).Shutdown(kForever); });
  absl::Status told;
  while (told.ok()) told = ensemble.at(1).Propose("+", {.timeout = kForever}).status();
  REQUIRE(told.code() == absl::StatusCode::kUnavailable);
  REQUIRE(ensemble.at(1).WaitForLeader(kForever).code() == absl::StatusCode::kUnavailable);
  callback->Open();
  ends.join();
  REQUIRE(ensemble.at(1).Propose("+").status().code() == absl::StatusCode::kFailedPrecondition);
  REQUIRE(ensemble.at(1).WaitForLeader(kForever).code() == absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("a stuck callback holds up neither Shutdown nor the others, which may not block either") {
  Ensemble ensemble(1);
  ensemble.AwaitLeaders();
  auto callback = std::make_shared<Gate>();
  callback->Close();
  std::atomic<int> called{0}, refused{0};
  ensemble.at(1).Propose("+", {}, [callback](absl::StatusOr<Reply>) { callback->Pass(); });
  callback->AwaitHeld();
  for (int i = 0; i < 3; ++i) {
    ensemble.at(1).Propose("+", {.timeout = kForever}, [&](absl::StatusOr<Reply> reply) {
      called += reply.ok();
      const absl::Status inner = ensemble.at(1).Shutdown(absl::Milliseconds(10));
      refused += inner.code() == absl::StatusCode::kFailedPrecondition;
    });
  }
  const absl::Status status = ensemble.at(1).Shutdown(absl::Milliseconds(200));
  REQUIRE(std::string(status.message()).find("a callback") != std::string::npos);
  REQUIRE(called == 3);
  REQUIRE(refused == 3);
  callback->Open();
}

TEST_CASE("a replica may be destroyed in its own callback") {
  Ensemble ensemble(1);
  ensemble.AwaitLeaders();
  std::promise<void> over;
  ensemble.at(1).Propose("+", {}, [&](absl::StatusOr<Reply>) {
    ensemble.replicas[0].reset();
    over.set_value();
  });
  over.get_future().wait();
  REQUIRE(ensemble.replicas[0] == nullptr);
}

TEST_CASE("a replica never awaits on an executor's own thread, destroyed on one neither") {
  const auto executor = std::make_shared<StrictExecutor>(2);
  const auto blocking = std::make_shared<StrictExecutor>(6);
  for (const auto& where : {executor, blocking}) {
    Ensemble ensemble(1, {.executor = executor, .blocking_executor = blocking});
    ensemble.AwaitLeaders();
    std::promise<void> over;
    where->Run([&] {
      ensemble.replicas[0].reset();
      over.set_value();
    });
    over.get_future().wait();
  }
  REQUIRE(executor->misused == 0);
  REQUIRE(blocking->misused == 0);
}

TEST_CASE("a log sink that never returns keeps nobody from electing, serving and ending") {
  const auto sink = std::make_shared<GatedSink>();
  sink->gate.Close();
  // Of one Env as many as its blocking executor has threads.
  const bool share = GENERATE(false, true);
  const int servers = share ? 7 : 3;
  Ensemble ensemble(servers, share ? NewSystemEnv() : Env(), sink);
  ensemble.AwaitLeaders();
  sink->gate.AwaitHeld();
  REQUIRE(ensemble.Write(1) == 1);
  for (int id = 1; id <= servers; ++id) {
    absl::Status ended;
    do {
      ended = ensemble.at(id).Shutdown(absl::Milliseconds(10));
      REQUIRE(absl::IsDeadlineExceeded(ended));
    } while (ended.message().find("LogSink::Log") == absl::string_view::npos);
    ensemble.replicas[id - 1].reset();
  }
  sink->gate.Open();
}

TEST_CASE("Shutdown may be called from several threads") {
  Ensemble ensemble(3);
  ensemble.AwaitLeaders();
  std::vector<std::thread> threads;
  std::atomic<int> ok{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { ok += ensemble.at(1).Shutdown(kForever).ok(); });
  }
  for (std::thread& thread : threads) thread.join();
  REQUIRE(ok == 4);
}

TEST_CASE("a second Shutdown waits for no longer than its grace while the first releases") {
  Ensemble ensemble(1);
  ensemble.AwaitLeaders();
  Gate& destructor = ensemble.gates[0]->destructor;
  destructor.Close();
  absl::Status first;
  std::thread ends([&] { first = ensemble.at(1).Shutdown(kForever); });
  destructor.AwaitHeld();
  const absl::Status second = ensemble.at(1).Shutdown(absl::Milliseconds(10));
  destructor.Open();
  ends.join();
  REQUIRE(first == absl::OkStatus());
  REQUIRE(second.code() == absl::StatusCode::kDeadlineExceeded);
  REQUIRE(ensemble.at(1).Shutdown(absl::Milliseconds(10)) == absl::OkStatus());
}

TEST_CASE("calls from many threads all end when the replica does") {
  Ensemble ensemble(3);
  ensemble.AwaitLeaders();
  std::atomic<bool> stop{false};
  std::atomic<int> asked{0}, answered{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      while (!stop) {
        ++asked;
        ensemble.at(1).Propose("+", {}, [&](absl::StatusOr<Reply>) { ++answered; });
        std::this_thread::yield();
      }
    });
  }
  while (answered < 100) std::this_thread::yield();
  (void)ensemble.at(1).Shutdown(absl::Seconds(1));
  stop = true;
  for (std::thread& thread : threads) thread.join();
  REQUIRE(asked == answered);
}

// The subscription is destroyed while its event call runs. That goes on for long enough to
// see, at its end, a destructor that does not wait.
TEST_CASE("a subscription is not gone before its event call returns, and is told nothing more") {
  struct Seen {
    std::atomic<bool> told{false}, ends{false}, gone{false}, late{false}, returned{false};
  };
  Ensemble ensemble(1);
  ensemble.AwaitLeaders();
  for (int i = 0; i < 5; ++i) {
    const auto seen = std::make_shared<Seen>();
    std::optional<Subscription> subscription = ensemble.at(1).Subscribe([seen](const Event&) {
      seen->told = true;
      for (int turns = 0; turns < 1000; turns += seen->ends) std::this_thread::yield();
      seen->late = seen->gone.load();
      seen->returned = true;
    });
    ensemble.Write(1);
    ensemble.at(1).TakeSnapshot({.timeout = absl::InfiniteDuration()}, [](absl::StatusOr<Zxid>) {});
    while (!seen->told) std::this_thread::yield();
    seen->ends = true;
    subscription.reset();
    seen->gone = true;
    while (!seen->returned) std::this_thread::yield();
    REQUIRE(!seen->late);
  }
}

}  // namespace
}  // namespace zkq::runtime
