// Published: one publishes, many read, nobody waits.
#include "lib/runtime/published.h"

#include <array>
#include <thread>
#include <vector>

#include "test/harness/catch.h"

namespace zkq::runtime {
namespace {

// Whole only if all are equal; counts those that are alive.
struct Sample {
  explicit Sample(int number, std::atomic<int>* alive) : alive(alive) {
    parts.fill(number);
    ++*alive;
  }
  Sample(Sample&& other) noexcept : parts(other.parts), alive(other.alive) { ++*alive; }
  ~Sample() { --*alive; }
  std::array<int, 64> parts;
  std::atomic<int>* alive;
};

TEST_CASE("published: the newest value is read, and the one before is gone") {
  std::atomic<int> alive = 0;
  {
    Published<Sample> published(Sample(1, &alive));
    CHECK(published.Read([](const Sample& sample) { return sample.parts[0]; }) == 1);
    published.Set(Sample(2, &alive));
    CHECK(published.Read([](const Sample& sample) { return sample.parts[0]; }) == 2);
    CHECK(alive == 1);
  }
  CHECK(alive == 0);
}

TEST_CASE("published: a value stays for as long as somebody reads it, and no longer") {
  std::atomic<int> alive = 0;
  Published<Sample> published(Sample(1, &alive));
  published.Read([&](const Sample& outer) {
    published.Set(Sample(2, &alive));
    published.Read([&](const Sample& inner) { CHECK(inner.parts[0] == 2); });
    published.Set(Sample(3, &alive));
    CHECK(outer.parts[0] == 1);
    CHECK(alive == 2);
    return 0;
  });
  CHECK(alive == 1);
}

TEST_CASE("published: readers on many threads see whole values that never go back") {
  std::atomic<int> alive = 0;
  Published<Sample> published(Sample(0, &alive));
  constexpr int kLast = 20'000;
  std::atomic<int> torn = 0;
  const auto read = [&] {
    for (int seen = 0; seen < kLast;) {
      const auto [low, high] = published.Read([](const Sample& sample) {
        return std::pair(sample.parts.front(), sample.parts.back());
      });
      if (low != high || low < seen) ++torn;
      seen = low;
    }
  };
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) readers.emplace_back(read);
  for (int i = 1; i <= kLast; ++i) published.Set(Sample(i, &alive));
  for (std::thread& reader : readers) reader.join();
  CHECK(torn == 0);
  CHECK(alive == 1);
}

}  // namespace
}  // namespace zkq::runtime
