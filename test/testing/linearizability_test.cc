#include "zkq/testing/linearizability.h"

#include <algorithm>
#include <deque>

#include "test/harness/catch.h"
#include "zkq/testing/sim.h"

namespace zkq::testing {
namespace {

using Kind = Verdict::Kind;
constexpr int kNever = -1;

Operation Call(int called, int returned, std::string input, std::optional<std::string> output) {
  return {.key = "k",
          .called = absl::Seconds(called),
          .returned = returned == kNever ? absl::InfiniteDuration() : absl::Seconds(returned),
          .input = std::move(input),
          .output = std::move(output)};
}
Operation Unknown(int called, std::string input) {
  return Call(called, kNever, std::move(input), std::nullopt);
}
Kind Register(const std::vector<Operation>& history) {
  return CheckLinearizable(history, RegisterModel()).kind;
}

TEST_CASE("a read that misses a completed write is not linearizable") {
  REQUIRE(Register({Call(0, 1, "put a", ""), Call(2, 3, "get", "=a")}) == Kind::kLinearizable);
  REQUIRE(Register({Call(0, 1, "put a", ""), Call(2, 3, "get", "-")}) == Kind::kNotLinearizable);
}

TEST_CASE("a read beside a write may see either") {
  for (const char* seen : {"-", "=a"}) {
    REQUIRE(Register({Call(0, 3, "put a", ""), Call(1, 2, "get", seen)}) == Kind::kLinearizable);
  }
}

TEST_CASE("reads do not flip back") {
  const Operation write = Call(0, 9, "put a", "");
  REQUIRE(Register({write, Call(1, 2, "get", "=a"), Call(3, 4, "get", "-")}) ==
          Kind::kNotLinearizable);
  REQUIRE(Register({write, Call(1, 4, "get", "=a"), Call(3, 5, "get", "-")}) ==
          Kind::kLinearizable);
}

TEST_CASE("a value that was never written is not read") {
  REQUIRE(Register({Call(0, 1, "put a", ""), Call(0, 1, "get", "=b")}) == Kind::kNotLinearizable);
}

TEST_CASE("an unknown write may happen at any time after its call, or never") {
  const Operation unknown = Unknown(0, "put a");
  REQUIRE(Register({unknown, Call(1, 2, "get", "-")}) == Kind::kLinearizable);
  REQUIRE(Register({unknown, Call(1, 2, "get", "-"), Call(90, 91, "get", "=a")}) ==
          Kind::kLinearizable);
  REQUIRE(Register({Call(1, 2, "get", "=a"), Unknown(3, "put a")}) == Kind::kNotLinearizable);
  // But once only.
  REQUIRE(Register({unknown, Call(1, 2, "get", "=a"), Call(3, 4, "put b", ""),
                    Call(5, 6, "get", "=b"), Call(7, 8, "get", "=a")}) == Kind::kNotLinearizable);
}

TEST_CASE("of two swaps from one value one succeeds") {
  const Operation put = Call(0, 1, "put a", "");
  const auto race = [&](const char* one, const char* other) {
    return Register({put, Call(2, 5, "cas a b", one), Call(3, 6, "cas a c", other)});
  };
  REQUIRE(race("1", "0") == Kind::kLinearizable);
  REQUIRE(race("0", "1") == Kind::kLinearizable);
  REQUIRE(race("1", "1") == Kind::kNotLinearizable);
  REQUIRE(race("0", "0") == Kind::kNotLinearizable);
}

TEST_CASE("a deleted value is gone, and was deleted once") {
  const Operation put = Call(0, 1, "put a", "");
  REQUIRE(Register({put, Call(2, 3, "del", "1"), Call(4, 5, "del", "0")}) == Kind::kLinearizable);
  REQUIRE(Register({put, Call(2, 3, "del", "1"), Call(4, 5, "del", "1")}) ==
          Kind::kNotLinearizable);
}

TEST_CASE("a queue gives each value once, the oldest first") {
  const auto judge = [](const char* first, const char* second) {
    return CheckLinearizable({Call(0, 1, "enq a", ""), Call(2, 3, "enq b", ""),
                              Call(4, 5, "deq", first), Call(6, 7, "deq", second)},
                             QueueModel())
        .kind;
  };
  REQUIRE(judge("=a", "=b") == Kind::kLinearizable);
  REQUIRE(judge("=b", "=a") == Kind::kNotLinearizable);
  REQUIRE(judge("=a", "=a") == Kind::kNotLinearizable);
  REQUIRE(judge("=a", "-") == Kind::kNotLinearizable);
}

TEST_CASE("keys are objects of their own") {
  std::vector<Operation> history{Call(0, 1, "put a", ""), Call(2, 3, "get", "-")};
  history[1].key = "other";
  REQUIRE(Register(history) == Kind::kLinearizable);
}

TEST_CASE("a counter-example has the calls that matter, and no others") {
  std::vector<Operation> history;
  for (int i = 0; i < 50; ++i) {
    history.push_back(Call(10 * i, 10 * i + 1, "put v" + std::to_string(i), ""));
    history.push_back(Call(10 * i + 2, 10 * i + 3, "get", "=v" + std::to_string(i)));
  }
  history.push_back(Call(600, 601, "get", "=v7"));
  const Verdict verdict = CheckLinearizable(history, RegisterModel());
  REQUIRE(verdict.kind == Kind::kNotLinearizable);
  REQUIRE(verdict.counter_example ==
          "key k: no order of these calls explains the answers\n"
          "  1m12s … 1m13s  client 0  get -> \"=v7\"\n"
          "  2m … 2m1s  client 0  put v12 -> \"\"\n"
          "  10m … 10m1s  client 0  get -> \"=v7\"\n"
          "  (whatever the 98 others did)\n");
}

TEST_CASE("a search that grows too large is undecided") {
  std::vector<Operation> history;
  for (int i = 0; i < 12; ++i) history.push_back(Unknown(0, "enq v" + std::to_string(i)));
  history.push_back(Call(1, 2, "deq", "=none"));
  const auto check = [&](uint64_t states_max) {
    return CheckLinearizable(history, QueueModel(), states_max).kind;
  };
  REQUIRE(check(1000) == Kind::kUndecided);
  history.erase(history.begin(), history.begin() + 8);
  REQUIRE(check(100'000) == Kind::kNotLinearizable);
}

// --- random histories ------------------------------------------------------------------

// A real register, asked by clients whose calls overlap: each call takes effect at
// some instant between its ends.
std::vector<Operation> RandomHistory(SimRandom* random, int calls, bool unknown = true) {
  std::vector<Operation> history;
  const RegisterModel model;
  std::string state = model.Initial();
  for (int i = 0; i < calls; ++i) {
    const int effect = 10 * i;
    const char* const inputs[] = {"get", "put a", "put b", "del", "cas a b"};
    Operation call =
        Call(effect - static_cast<int>(random->Below(25)),
             effect + static_cast<int>(random->Below(25)), inputs[random->Below(5)], std::nullopt);
    for (const char* answer : {"", "-", "=a", "=b", "0", "1"}) {
      std::string after = state;
      call.output = answer;
      if (!model.Step(call, &after)) continue;
      state = after;
      break;
    }
    if (unknown && random->Below(6) == 0 && call.input != "get") {
      call.output.reset();
      call.returned = absl::InfiniteDuration();
    }
    history.push_back(call);
  }
  return history;
}

// Tries every order; of unknown calls every subset.
bool Possible(const std::vector<Operation>& history, std::vector<bool> used, std::string state) {
  const RegisterModel model;
  bool all = true;
  absl::Duration first_return = absl::InfiniteDuration();
  for (size_t i = 0; i < history.size(); ++i) {
    if (used[i] || history[i].returned == absl::InfiniteDuration()) continue;
    all = false;
    first_return = std::min(first_return, history[i].returned);
  }
  if (all) return true;
  for (size_t i = 0; i < history.size(); ++i) {
    if (used[i] || history[i].called > first_return) continue;
    std::string after = state;
    if (!model.Step(history[i], &after)) continue;
    used[i] = true;
    if (Possible(history, used, after)) return true;
    used[i] = false;
  }
  return false;
}

TEST_CASE("the verdict on random histories is that of trying everything") {
  int violations = 0;
  for (uint64_t seed = 1; seed <= 3000; ++seed) {
    SimRandom random(seed);
    std::vector<Operation> history = RandomHistory(&random, 7);
    REQUIRE(Register(history) == Kind::kLinearizable);
    Operation& changed = history[random.Below(history.size())];
    const char* const answers[] = {"-", "=a", "=b"};
    if (changed.input == "get") changed.output = answers[random.Below(3)];
    if (changed.output == "0" || changed.output == "1") {
      changed.output = random.Below(2) == 0 ? "0" : "1";
    }
    const bool possible =
        Possible(history, std::vector<bool>(history.size()), RegisterModel().Initial());
    REQUIRE((Register(history) == Kind::kLinearizable) == possible);
    violations += !possible;
  }
  REQUIRE(violations > 300);
}

TEST_CASE("a long history is judged whole") {
  SimRandom random(7);
  REQUIRE(Register(RandomHistory(&random, 5000)) == Kind::kLinearizable);
  std::vector<Operation> history = RandomHistory(&random, 5000, /*unknown=*/false);
  REQUIRE(Register(history) == Kind::kLinearizable);
  history.push_back(Call(60'000, 60'001, "get", "=c"));
  REQUIRE(Register(history) == Kind::kNotLinearizable);
}

}  // namespace
}  // namespace zkq::testing
