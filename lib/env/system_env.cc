#include "lib/env/system_env.h"

#include "lib/env/posix_file_system.h"
#include "lib/env/system_clock.h"
#include "lib/env/system_random.h"
#include "lib/env/thread_executor.h"

namespace zkq {
namespace {

// One for each strand that may block, one for the log sink, and one for what must go on when
// all of them do.
constexpr int kBlockingThreads = 7;

}  // namespace

void FillEnv(Env* env) {
  if (env->clock == nullptr) env->clock = NewSystemClock();
  if (env->random == nullptr) env->random = NewSystemRandom();
  if (env->file_system == nullptr) env->file_system = NewPosixFileSystem();
  if (env->executor == nullptr) env->executor = NewThreadExecutor(1);
  if (env->blocking_executor == nullptr)
    env->blocking_executor = NewThreadExecutor(kBlockingThreads);
}

inline namespace v1 {

Env NewSystemEnv() {
  Env env;
  FillEnv(&env);
  return env;
}

}  // namespace v1
}  // namespace zkq
