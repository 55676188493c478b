// zkq-sim: runs whole simulated ensembles, a seed each, until one breaks a promise.
//
//   zkq-sim --seed=1 --runs=1000 --jobs=2 --profile=everything
//   zkq-sim --seed=42 --verbose --shrink
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <iostream>
#include <mutex>
#include <sstream>
#include <thread>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "test/sim/coverage.h"
#include "test/sim/machines.h"
#include "test/sim/run.h"
#include "test/sim/shrink.h"

ABSL_FLAG(uint64_t, seed, 1, "the first seed; 0: one that the clock draws");
ABSL_FLAG(uint64_t, runs, 1, "how many seeds, one after the other");
ABSL_FLAG(double, seconds, 0, "of real time: begin no run after that; 0: no limit");
ABSL_FLAG(int, jobs, 1, "runs at a time");
ABSL_FLAG(std::string, profile, "everything",
          "calm, network, disk, crash, rot, everything, lasting, membership, or all: each in turn");
ABSL_FLAG(int, servers, 3,
          "3 to 9; 0: 3 and 5, seven runs of each in turn, and one in eleven 7 or 9");
ABSL_FLAG(double, minutes, 1, "of virtual time under faults, each run");
ABSL_FLAG(std::string, state_machine, "kv", "kv or queue");
ABSL_FLAG(bool, verbose, false,
          "print more of the last events of a run that fails, and those of a single one");
ABSL_FLAG(bool, shrink, false, "leave out the faults that a run fails without");
ABSL_FLAG(bool, coverage, false,
          "print what the faults have hit; from 8,000 runs on a cell that was not is a failure");

namespace {

using namespace zkq;       // NOLINT: a program, not a library
using namespace zkq::sim;  // NOLINT

using Clock = std::chrono::steady_clock;
// The last events of a run that fails, and what --verbose makes of that.
constexpr size_t kTraceLines = 30, kTraceLinesVerbose = 300;
// Fewer runs need not reach every cell of the coverage table.
constexpr uint64_t kRunsThatCover = 8'000;
// Histories that could not be judged, or one in a hundred.
constexpr uint64_t kUndecidedMax = 2;

// The profile of the n-th run.
std::optional<Profile> ProfileOf(std::string_view name, uint64_t n) {
  constexpr auto kProfiles = static_cast<uint64_t>(Profile::kMax);
  if (name == "all") return static_cast<Profile>(n % kProfiles);
  for (uint64_t i = 0; i < kProfiles; ++i) {
    if (ToString(static_cast<Profile>(i)) == name) return static_cast<Profile>(i);
  }
  return std::nullopt;
}

// Of the n-th run; each profile has all of them.
int ServersOf(uint64_t n) {
  if (n % 11 == 10) return 7 + 2 * static_cast<int>(n / 11 % 2);
  return 3 + 2 * static_cast<int>(n / 7 % 2);
}

RunOptions OptionsOf(uint64_t n) {
  const int servers = absl::GetFlag(FLAGS_servers);
  const bool single = absl::GetFlag(FLAGS_runs) == 1;
  return {.seed = absl::GetFlag(FLAGS_seed) + n,
          .profile = *ProfileOf(absl::GetFlag(FLAGS_profile), n),
          .servers = servers != 0 ? servers : ServersOf(n),
          .length = absl::Minutes(absl::GetFlag(FLAGS_minutes)),
          .state_machine = absl::GetFlag(FLAGS_state_machine),
          .trace_lines = single && absl::GetFlag(FLAGS_verbose) ? kTraceLinesVerbose : 0};
}

std::string Flags(const RunOptions& options) {
  std::ostringstream out;
  out << "--seed=" << options.seed << " --profile=" << ToString(options.profile)
      << " --servers=" << options.servers << " --minutes=" << absl::ToDoubleMinutes(options.length)
      << " --state_machine=" << options.state_machine;
  return out.str();
}

// Everything that runs share.
class Progress {
 public:
  explicit Progress(uint64_t runs) : runs_(runs) {}

  void Add(const RunOptions& options, const RunResult& result) {
    std::lock_guard lock(mutex_);
    ++done_;
    steps_ += result.steps;
    calls_ += result.calls;
    simulated_ += result.simulated;
    coverage_.Add(result.coverage);
    undecided_ += result.undecided;
    left_out_ += result.left_out;
    if (result.undecided) {
      std::cout << (terminal_ ? "\r" : "") << "undecided " << Flags(options) << std::endl;
    }
    if (result.violation) {
      ++failed_;
      std::cout << (terminal_ ? "\r" : "") << "FAILED " << Flags(options) << "\n  "
                << result.violation->property << ": " << result.violation->what << std::endl;
    }
    if (terminal_ && done_ % 16 == 0) {
      std::cout << "\r" << done_ << "/" << runs_ << " runs, " << failed_ << " failed" << std::flush;
    }
  }

  void Print() const {
    const double seconds = Seconds();
    const double simulated = absl::ToDoubleSeconds(simulated_);
    if (terminal_) std::cout << "\r";
    std::cout << done_ << " runs from seed " << absl::GetFlag(FLAGS_seed) << ": " << failed_
              << " failed; " << calls_ << " calls, " << steps_ << " steps in " << simulated / 3600
              << " virtual hours; " << seconds << " s; " << simulated / CpuSeconds()
              << " virtual seconds and " << steps_ / CpuSeconds() << " steps a second of CPU"
              << std::endl;
    std::cout << Summary(coverage_) << "\n";
    if (left_out_ > 0) {
      std::cout << "in " << left_out_ << " runs those whom a change had left out were stopped\n";
    }
    if (undecided_ > 0) {
      std::cout << undecided_ << " histories were too wide to tell whether they are linearizable\n";
    }
    if (!absl::GetFlag(FLAGS_coverage)) return;
    std::cout << "\n" << Table(coverage_) << "\n";
    const std::string holes = Holes(coverage_);
    std::cout << (holes.empty() ? "every cell was reached\n" : holes);
    if (!holes.empty() && done_ < kRunsThatCover) std::cout << "not judged: too few runs\n";
  }
  bool ok() const {
    const bool judged = absl::GetFlag(FLAGS_coverage) && done_ >= kRunsThatCover;
    const bool decided = undecided_ <= std::max<uint64_t>(kUndecidedMax, done_ / 100);
    return failed_ == 0 && decided && (!judged || Holes(coverage_).empty());
  }
  // Whether another run is to begin.
  bool goes_on() const {
    constexpr uint64_t kFailuresMax = 10;
    const double limit = absl::GetFlag(FLAGS_seconds);
    return failed_ < kFailuresMax && (limit <= 0 || Seconds() < limit);
  }

 private:
  static double CpuSeconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }
  double Seconds() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }

  const uint64_t runs_;
  const bool terminal_ = ::isatty(STDOUT_FILENO) == 1;
  const Clock::time_point begin_ = Clock::now();
  std::mutex mutex_;
  uint64_t done_ = 0, steps_ = 0, calls_ = 0, undecided_ = 0, left_out_ = 0;
  std::atomic<uint64_t> failed_{0};
  absl::Duration simulated_;
  Coverage coverage_;
};

void Explain(const RunOptions& options, const RunResult& failed) {
  RunOptions again = options;
  if (absl::GetFlag(FLAGS_shrink)) {
    again.strikes = Shrink(options, failed);
    const auto plan = testing::PlanStrikes(options.profile, options.seed, options.length);
    std::cout << "enough of its " << failed.strikes << " faults:\n";
    for (const size_t number : *again.strikes) {
      const testing::Strike& strike = plan[number];
      const std::string moment = ToString(strike.moment);
      std::cout << "  " << strike.at << " " << ToString(strike.fault) << " for " << strike.lasts
                << (moment.empty() ? "" : " at " + moment) << "\n";
    }
  }
  again.trace_lines = absl::GetFlag(FLAGS_verbose) ? kTraceLinesVerbose : kTraceLines;
  const RunResult shown = Run(again);
  constexpr size_t kWide = 200;
  for (const std::string& line : shown.trace) std::cout << "  " << line.substr(0, kWide) << "\n";
  if (shown.violation) std::cout << "  " << shown.violation->what << "\n";
}

void RunAll(uint64_t runs, Progress* progress) {
  std::atomic<uint64_t> next{0};
  std::mutex explaining;
  const auto work = [&] {
    for (uint64_t n = next++; n < runs && progress->goes_on(); n = next++) {
      const RunOptions options = OptionsOf(n);
      const RunResult result = Run(options);
      progress->Add(options, result);
      if (result.violation) {
        std::lock_guard lock(explaining);
        Explain(options, result);
      } else if (runs == 1) {
        for (const std::string& line : result.trace) std::cout << line << "\n";
        std::cout << "trace " << std::hex << result.trace_hash << std::dec << "\n";
      }
    }
  };
  std::vector<std::thread> threads;
  for (int job = 1; job < absl::GetFlag(FLAGS_jobs); ++job) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
}

int Usage(std::string_view what) {
  std::cerr << "zkq-sim: " << what << "\n";
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("runs simulated ensembles until one breaks a promise");
  if (absl::ParseCommandLine(argc, argv).size() > 1) return Usage("takes flags only");
  const int servers = absl::GetFlag(FLAGS_servers);
  if (!ProfileOf(absl::GetFlag(FLAGS_profile), 0)) return Usage("--profile: no such profile");
  if (servers != 0 && (servers < 3 || servers > 9)) return Usage("--servers: not 0, or 3 to 9");
  if (absl::GetFlag(FLAGS_jobs) < 1) return Usage("--jobs: not 1 or more");
  const double minutes = absl::GetFlag(FLAGS_minutes);
  if (!(minutes > 0 && minutes < 1e6)) return Usage("--minutes: not above 0, or above a million");
  if (absl::GetFlag(FLAGS_runs) < 1) return Usage("--runs: not 1 or more");
  if (!(absl::GetFlag(FLAGS_seconds) >= 0)) return Usage("--seconds: not 0 or more");
  if (NewMachine(absl::GetFlag(FLAGS_state_machine)) == nullptr) {
    return Usage("--state_machine: no such machine");
  }
  if (absl::GetFlag(FLAGS_seed) == 0) {
    absl::SetFlag(&FLAGS_seed, static_cast<uint64_t>(
                                   std::chrono::system_clock::now().time_since_epoch().count()));
  }
  // At once, so that a run that does not come to its end can be repeated.
  std::cout << "from seed " << absl::GetFlag(FLAGS_seed) << std::endl;
  Progress progress(absl::GetFlag(FLAGS_runs));
  RunAll(absl::GetFlag(FLAGS_runs), &progress);
  progress.Print();
  return progress.ok() ? 0 : 1;
}
