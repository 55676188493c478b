// zkq-mutants: plants one mistake after the other, and counts the seeds until the
// simulator finds it.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <map>
#include <optional>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "test/mutants/list.h"
#include "test/mutants/mutant.h"
#include "test/sim/run.h"

ABSL_FLAG(std::string, mutant, "all", "the one to plant, or all");
ABSL_FLAG(uint64_t, seeds_max, 20'000, "a mutant that is not caught within so many survives");
ABSL_FLAG(uint64_t, first_seed, 1, "of each mutant");
ABSL_FLAG(bool, rare, true, "try those, too, that take thousands of seeds");
ABSL_FLAG(int, jobs, 1, "mutants at a time, a process each");

namespace zkq {
uint64_t chosen_mutant = 0;
}  // namespace zkq

namespace {

using zkq::mutants::Entry;

struct Verdict {
  uint64_t seeds = 0;  // until it was caught; 0: it survived
  std::string property;
};

constexpr auto kProfiles = static_cast<uint64_t>(zkq::sim::Profile::kMax);

// What one seed is tried with: every profile in turn, or the one that is named, three servers and
// five.
zkq::sim::RunOptions OptionsOf(uint64_t seed, const std::string& profile) {
  uint64_t number = seed % kProfiles;
  for (uint64_t i = 0; i < kProfiles; ++i) {
    if (ToString(static_cast<zkq::sim::Profile>(i)) == profile) number = i;
  }
  return {.seed = seed,
          .profile = static_cast<zkq::sim::Profile>(number),
          .servers = seed / kProfiles % 3 == 2 ? 5 : 3,
          .length = absl::Seconds(30)};
}

// `at` tells which of them is being tried. One that takes so long hangs.
Verdict Try(uint64_t seeds_max, const std::string& profile, uint64_t* at) {
  constexpr unsigned kSecondsMax = 120;
  const uint64_t first = absl::GetFlag(FLAGS_first_seed);
  for (*at = 1; *at <= seeds_max; ++*at) {
    ::alarm(kSecondsMax);
    const zkq::sim::RunResult result = zkq::sim::Run(OptionsOf(first + *at - 1, profile));
    if (result.violation) return {*at, result.violation->property};
  }
  return {};
}

// What is found without the mutant, too, says nothing of it.
Verdict Judged(uint64_t seeds_max, const std::string& profile, uint64_t* at) {
  const Verdict verdict = Try(seeds_max, profile, at);
  zkq::chosen_mutant = 0;
  if (verdict.seeds == 0) return verdict;
  const uint64_t seed = absl::GetFlag(FLAGS_first_seed) + verdict.seeds - 1;
  const zkq::sim::RunResult without = zkq::sim::Run(OptionsOf(seed, profile));
  if (!without.violation) return verdict;
  return {0, "seed " + std::to_string(seed) + " without it, too: " + without.violation->property};
}

// A child process, because a mutant may hang or crash whoever runs it.
class Trial {
 public:
  explicit Trial(const Entry& mutant) {
    void* shared =
        ::mmap(nullptr, sizeof(*at_), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int ends[2];
    if (shared == MAP_FAILED || ::pipe(ends) != 0) return;
    at_ = static_cast<uint64_t*>(shared);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(ends[0]);
      Child(mutant, ends[1], at_);
    }
    ::close(ends[1]);
    from_ = ::fdopen(ends[0], "r");
  }

  pid_t pid() const { return pid_; }

  Verdict Read(int status) {
    Verdict verdict;
    char line[200] = "";
    if (from_ != nullptr && std::fgets(line, sizeof(line), from_) != nullptr) {
      char* rest = line;
      verdict.seeds = std::strtoull(line, &rest, 10);
      verdict.property = std::string(rest + 1);
      if (!verdict.property.empty()) verdict.property.pop_back();
    } else if (WIFSIGNALED(status)) {
      verdict = {*at_, WTERMSIG(status) == SIGALRM ? "hangs" : "crashes"};
    }
    if (from_ != nullptr) std::fclose(from_);
    if (at_ != nullptr) ::munmap(at_, sizeof(*at_));
    return verdict;
  }

 private:
  [[noreturn]] static void Child(const Entry& mutant, int to, uint64_t* at) {
    zkq::chosen_mutant = zkq::MutantName(mutant.name.c_str()).hash;
    const Verdict verdict = Judged(absl::GetFlag(FLAGS_seeds_max), mutant.profile, at);
    ::dprintf(to, "%llu %s\n", static_cast<unsigned long long>(verdict.seeds),
              verdict.property.c_str());
    ::_exit(0);
  }

  pid_t pid_ = -1;
  FILE* from_ = nullptr;
  uint64_t* at_ = nullptr;  // shared with the child
};

std::map<std::string, Verdict> TryAll(const std::vector<Entry>& list) {
  std::map<std::string, Verdict> verdicts;
  std::map<pid_t, std::pair<std::string, Trial>> running;
  size_t next = 0;
  while (next < list.size() || !running.empty()) {
    if (next < list.size() && running.size() < size_t(absl::GetFlag(FLAGS_jobs))) {
      Trial trial(list[next]);
      running.emplace(trial.pid(), std::pair(list[next++].name, std::move(trial)));
      continue;
    }
    int status = 0;
    const auto ended = running.find(::wait(&status));
    if (ended == running.end()) break;
    const std::string& name = ended->second.first;
    const Verdict verdict = verdicts[name] = ended->second.second.Read(status);
    std::printf("%-34s %8llu  %s\n", name.c_str(), static_cast<unsigned long long>(verdict.seeds),
                verdict.property.c_str());
    std::fflush(stdout);
    running.erase(ended);
  }
  return verdicts;
}

// Who survived, and what it took with the others.
bool Print(const std::vector<Entry>& list, const std::map<std::string, Verdict>& verdicts) {
  constexpr uint64_t kMedianMax = 1'000;
  std::vector<uint64_t> seeds;
  bool good = true;
  for (const Entry& mutant : list) {
    const Verdict& verdict = verdicts.at(mutant.name);
    if (verdict.seeds == 0) {
      good = false;
      std::printf("SURVIVED: %s: %s %s\n", mutant.name.c_str(), mutant.is.c_str(),
                  verdict.property.c_str());
      continue;
    }
    seeds.push_back(verdict.seeds);
  }
  std::sort(seeds.begin(), seeds.end());
  if (!seeds.empty()) {
    const uint64_t median = seeds[seeds.size() / 2];
    if (list.size() > 1 && median > kMedianMax) good = false;
    std::printf("%zu of %zu caught; seeds until then: median %llu, most %llu\n", seeds.size(),
                list.size(), static_cast<unsigned long long>(median),
                static_cast<unsigned long long>(seeds.back()));
  }
  return good;
}

}  // namespace

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("counts the seeds until the simulator finds a planted mistake");
  absl::ParseCommandLine(argc, argv);
  std::vector<Entry> list = zkq::mutants::ReadList(ZKQ_MUTANTS);
  const std::string chosen = absl::GetFlag(FLAGS_mutant);
  if (chosen != "all") {
    std::erase_if(list, [&](const Entry& mutant) { return mutant.name != chosen; });
    if (list.empty()) {
      std::cerr << "zkq-mutants: --mutant: there is no " << chosen << "\n";
      return 2;
    }
  }
  if (chosen == "all" && !absl::GetFlag(FLAGS_rare)) {
    std::erase_if(list, [](const Entry& mutant) { return !mutant.rare.empty(); });
  }
  // Without a mistake nothing may be found, or the rest proves nothing.
  uint64_t at = 0;
  const Verdict none = Try(12, "", &at);
  ::alarm(0);
  if (none.seeds != 0) {
    std::cerr << "zkq-mutants: without a mutant: " << none.property << "\n";
    return 1;
  }
  return Print(list, TryAll(list)) ? 0 : 1;
}
