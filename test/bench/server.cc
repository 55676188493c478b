#include "test/bench/server.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <iostream>
#include <mutex>
#include <sstream>
#include <thread>
#include <vector>

#include "zkq/zkq.h"

namespace bench {
namespace {

using Clock = std::chrono::steady_clock;

// Takes every command and keeps nothing but their number.
class Counting final : public zkq::StateMachine {
 public:
  absl::StatusOr<std::string> Apply(const zkq::Transaction&) override {
    ++count_;
    return std::string();
  }
  absl::StatusOr<std::string> Query(std::string_view) override { return std::to_string(count_); }
  absl::StatusOr<zkq::SnapshotJob> Snapshot() override {
    return [count = count_](zkq::SnapshotWriter& out) {
      return out.WriteRecord(std::to_string(count));
    };
  }
  absl::Status Restore(zkq::SnapshotReader& in) override {
    std::string record;
    for (;;) {
      absl::StatusOr<bool> more = in.ReadRecord(&record);
      if (!more.ok() || !*more) return more.status();
      count_ = std::stoull(record);
    }
  }

 private:
  uint64_t count_ = 0;
};

// Keeps so many calls under way; each one's answer makes the next. What the first
// second takes does not count.
class ClosedLoop {
 public:
  ClosedLoop(zkq::Replica& replica, size_t bytes, double seconds)
      : replica_(replica), command_(bytes, 'x'), seconds_(seconds) {}

  void Run(size_t outstanding) {
    begin_ = Clock::now() + std::chrono::seconds(1);
    end_ = begin_ +
           std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds_));
    micros_.reserve(static_cast<size_t>(seconds_ * 200'000));
    open_ = outstanding;
    for (size_t i = 0; i < outstanding; ++i) Propose();
    std::this_thread::sleep_until(begin_);
    std::cout << "begin" << std::endl;
    std::unique_lock lock(mutex_);
    finished_.wait(lock, [this] { return open_ == 0; });
    std::cout << "end " << micros_.size() << " " << Percentile(50) << " " << Percentile(99) << " "
              << failures_ << std::endl;
  }

 private:
  void Propose() {
    replica_.Propose(command_, {.timeout = absl::Seconds(30)},
                     [this, asked = Clock::now()](absl::StatusOr<zkq::Reply> reply) {
                       Answered(reply.ok(), asked);
                     });
  }

  // On the callback strand, one call at a time.
  void Answered(bool ok, Clock::time_point asked) {
    const Clock::time_point now = Clock::now();
    if (!ok) ++failures_;
    if (ok && now >= begin_ && now < end_)
      micros_.push_back(static_cast<uint32_t>(
          std::chrono::duration_cast<std::chrono::microseconds>(now - asked).count()));
    if (now < end_) return Propose();
    std::lock_guard lock(mutex_);
    if (--open_ == 0) finished_.notify_all();
  }

  double Percentile(size_t percent) {
    if (micros_.empty()) return 0;
    auto at = micros_.begin() + static_cast<ptrdiff_t>((micros_.size() - 1) * percent / 100);
    std::nth_element(micros_.begin(), at, micros_.end());
    return *at / 1000.0;
  }

  zkq::Replica& replica_;
  const std::string command_;
  const double seconds_;
  Clock::time_point begin_;
  Clock::time_point end_;
  std::vector<uint32_t> micros_;  // the callback strand's
  size_t failures_ = 0;           // the same

  std::mutex mutex_;
  std::condition_variable finished_;
  size_t open_ = 0;
};

// Makes `rate` calls a second, whatever becomes of those before; what one takes is counted from
// when it was due. What the first second takes does not count.
class OpenLoop {
 public:
  OpenLoop(zkq::Replica& replica, size_t bytes, double rate, double seconds)
      : replica_(replica), command_(bytes, 'x'), rate_(rate), seconds_(seconds) {}

  void Run() {
    const Clock::time_point start = Clock::now();
    const auto due = [&](size_t call) {
      return start + std::chrono::duration_cast<Clock::duration>(
                         std::chrono::duration<double>(static_cast<double>(call) / rate_));
    };
    const auto warm = static_cast<size_t>(rate_);
    const auto calls = warm + static_cast<size_t>(rate_ * seconds_);
    for (size_t call = 0; call < calls; ++call) {
      if (call == warm) std::cout << "begin" << std::endl;
      std::this_thread::sleep_until(due(call));
      Propose(due(call), call >= warm);
    }
    std::unique_lock lock(mutex_);
    finished_.wait(lock, [&] { return answered_ == calls; });
    std::sort(micros_.begin(), micros_.end());
    std::cout << "end " << micros_.size() << " " << Percentile(50) << " " << Percentile(99) << " "
              << failures_ << std::endl;
  }

 private:
  void Propose(Clock::time_point due, bool counts) {
    replica_.Propose(command_, {.timeout = absl::Seconds(30)},
                     [this, due, counts](absl::StatusOr<zkq::Reply> reply) {
                       const auto took = std::chrono::duration_cast<std::chrono::microseconds>(
                           Clock::now() - due);
                       const std::lock_guard lock(mutex_);
                       if (!reply.ok()) ++failures_;
                       if (reply.ok() && counts) {
                         micros_.push_back(static_cast<uint32_t>(took.count()));
                       }
                       ++answered_;
                       finished_.notify_all();
                     });
  }
  double Percentile(size_t percent) const {
    return micros_.empty() ? 0 : micros_[(micros_.size() - 1) * percent / 100] / 1000.0;
  }

  zkq::Replica& replica_;
  const std::string command_;
  const double rate_, seconds_;

  std::mutex mutex_;
  std::condition_variable finished_;
  std::vector<uint32_t> micros_;
  size_t failures_ = 0, answered_ = 0;
};

void Probe(zkq::Replica& replica) {
  while (!replica.Propose("probe").ok()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::cout << "done " << Nanoseconds() << std::endl;
}

void Answer(zkq::Replica& replica, const std::string& line) {
  std::istringstream words(line);
  std::string verb;
  words >> verb;
  if (verb == "role") {
    zkq::ReplicaStatus status = replica.Status();
    std::cout << (status.leader.has_value() ? ToString(status.state) : "looking") << std::endl;
  } else if (verb == "write") {
    size_t bytes = 0;
    size_t outstanding = 0;
    double seconds = 0;
    words >> bytes >> outstanding >> seconds;
    ClosedLoop(replica, bytes, seconds).Run(outstanding);
  } else if (verb == "open") {
    size_t bytes = 0;
    double rate = 0;
    double seconds = 0;
    words >> bytes >> rate >> seconds;
    OpenLoop(replica, bytes, rate, seconds).Run();
  } else if (verb == "epoch") {
    std::cout << replica.Status().epoch << std::endl;
  } else if (verb == "probe") {
    Probe(replica);
  }
}

}  // namespace

int64_t Nanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch())
      .count();
}

int Serve(uint64_t id, const std::string& ensemble, const std::string& data_dir) {
  absl::StatusOr<std::vector<zkq::Member>> members = zkq::ParseMembers(ensemble);
  if (!members.ok()) {
    std::cerr << members.status() << "\n";
    return 2;
  }
  absl::StatusOr<std::unique_ptr<zkq::Replica>> replica =
      zkq::Replica::Start({.id = zkq::ServerId(id),
                           .members = *members,
                           .data_dir = data_dir,
                           .state_machine = std::make_unique<Counting>()});
  if (!replica.ok()) {
    std::cerr << replica.status() << "\n";
    return 1;
  }
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) Answer(**replica, line);
  return 0;
}

}  // namespace bench
