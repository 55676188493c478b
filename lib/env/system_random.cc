#include "lib/env/system_random.h"

#include <sys/random.h>

#include <cerrno>
#include <chrono>

namespace zkq {
namespace {

class SystemRandom final : public Random {
 public:
  uint64_t Next() override {
    uint64_t value = 0;
    // A read of this size is never cut short; only a signal before the generator
    // is seeded interrupts it.
    ssize_t got;
    do {
      got = getrandom(&value, sizeof(value), 0);
    } while (got < 0 && errno == EINTR);
    if (got == sizeof(value)) return value;
    // No such call (a sandbox forbids it): time is unique enough for an identity.
    return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()) *
           0x9E37'79B9'7F4A'7C15;
  }
};

}  // namespace

std::shared_ptr<Random> NewSystemRandom() { return std::make_shared<SystemRandom>(); }

}  // namespace zkq
