// Two threads write one integer. Built only for ThreadSanitizer, which must
// report it: were it silent, so would be every test that relies on it.
#include <thread>

namespace {
int shared = 0;
}  // namespace

int main() {
  std::thread other([] {
    for (int i = 0; i < 100'000; ++i) ++shared;
  });
  for (int i = 0; i < 100'000; ++i) ++shared;
  other.join();
  return 0;
}
