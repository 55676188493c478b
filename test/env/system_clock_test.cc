#include "lib/env/system_clock.h"

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <optional>

#include "test/harness/catch.h"

namespace zkq {
namespace {

// How the process `pid` has ended: 0 or 1 as its check says, else nothing.
std::optional<bool> ResultOf(pid_t pid) {
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return std::nullopt;
  if (WEXITSTATUS(status) > 1) return std::nullopt;
  return WEXITSTATUS(status) == 0;
}

// What `check` says in a process whose clocks tell that its machine has been suspended for 1000 s.
// Nothing, where the kernel lets nobody set them.
std::optional<bool> AfterSuspension(const std::function<bool()>& check) {
  const pid_t outside = fork();
  if (outside != 0) return ResultOf(outside);
  if (unshare(CLONE_NEWTIME) != 0) _exit(2);
  if (!(std::ofstream("/proc/self/timens_offsets") << "boottime 1000 0\n" << std::flush)) _exit(2);
  const pid_t inside = fork();  // The clocks are those of children.
  if (inside == 0) _exit(check() ? 0 : 1);
  const std::optional<bool> result = ResultOf(inside);
  _exit(result ? (*result ? 0 : 1) : 2);
}

TEST_CASE("the clock counts the time in which the machine was suspended") {
  const std::optional<bool> counted = AfterSuspension([] {
    const auto running = std::chrono::steady_clock::now().time_since_epoch();
    return NewSystemClock()->Monotonic() - absl::FromChrono(running) >= absl::Seconds(1000);
  });
  if (!counted) WARN("not tried: this kernel, or this user, may not set a process's clocks");
  CHECK(counted.value_or(true));
}

TEST_CASE("the clock never falls") {
  const auto clock = NewSystemClock();
  absl::Duration last = clock->Monotonic();
  for (int i = 0; i < 1000; ++i) {
    const absl::Duration now = clock->Monotonic();
    CHECK(now >= last);
    last = now;
  }
}

}  // namespace
}  // namespace zkq
