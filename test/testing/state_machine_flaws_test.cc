// The state machines' suite passes a sound machine, and names what is wrong with
// each of the others: one flaw a claim.
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/absl/string_view.h"
#include "test/harness/catch.h"
#include "zkq/testing/conformance.h"

namespace zkq::testing {
namespace {

enum class MachineFlaw {
  kNone,
  kOpensElsewhere,
  kRefusesCommand,
  kRepliesBySelf,
  kStoresSelf,
  kReadsClock,
  kKeepsView,
  kRefusesNonsense,
  kCountsSnapshots,
  kWritesLate,
  kIgnoresWriter,
  kNoEmptySnapshot,
  kForgetsCount,
  kMerges,
  kIgnoresReader,
  kQueryInserts,
  kCountsQueries,
};

struct World {  // that a machine should know nothing of
  int machines = 0;
  int today = 0;
};

// "k=v" puts and "k" removes; the reply is what was there. A query gets.
class Store final : public StateMachine {
 public:
  Store(MachineFlaw flaw, World* world) : flaw_(flaw), world_(*world), self_(++world->machines) {}

  absl::StatusOr<Zxid> Open() override {
    return Is(MachineFlaw::kOpensElsewhere) ? Zxid{1, 1} : Zxid{};
  }

  absl::StatusOr<std::string> Apply(const Transaction& txn) override {
    ++applied_;
    last_ = txn.command;
    const size_t equals = txn.command.find('=');
    const std::string key(txn.command.substr(0, equals));
    if (Is(MachineFlaw::kRefusesNonsense) && key.size() != 1) {
      return absl::InvalidArgumentError("no such command");
    }
    std::string reply = Found(key);
    if (equals == std::string_view::npos) {
      if (Is(MachineFlaw::kRefusesCommand) && reply.empty())
        return absl::NotFoundError("no such key");
      entries_.erase(key);
    } else {
      entries_[key] = std::string(txn.command.substr(equals + 1)) + Stamp(txn);
    }
    if (Is(MachineFlaw::kRepliesBySelf)) reply += " by " + std::to_string(self_);
    if (Is(MachineFlaw::kForgetsCount)) reply += " #" + std::to_string(applied_);
    return reply;
  }

  absl::StatusOr<std::string> Query(std::string_view request) override {
    const std::string key(request);
    if (Is(MachineFlaw::kQueryInserts)) entries_[key];
    if (Is(MachineFlaw::kCountsQueries)) return Found(key) + std::to_string(++asked_);
    if (entries_.count(key) == 0) return absl::NotFoundError("no such key");
    return Found(key);
  }

  absl::StatusOr<SnapshotJob> Snapshot() override {
    auto copy = std::make_shared<Entries>(entries_);
    if (Is(MachineFlaw::kCountsSnapshots)) (*copy)["taken"] = std::to_string(++taken_);
    if (Is(MachineFlaw::kKeepsView)) (*copy)["last"] = last_;
    return [this, copy](SnapshotWriter& out) {
      for (const auto& [key, value] : Is(MachineFlaw::kWritesLate) ? entries_ : *copy) {
        const absl::Status written = out.WriteRecord(key + "=" + value);
        if (!written.ok() && !Is(MachineFlaw::kIgnoresWriter)) return written;
      }
      return absl::OkStatus();
    };
  }

  absl::Status Restore(SnapshotReader& in) override {
    if (!Is(MachineFlaw::kMerges)) entries_.clear();
    std::string record;
    for (int records = 0;; ++records) {
      const absl::StatusOr<bool> more = in.ReadRecord(&record);
      if (!more.ok() && Is(MachineFlaw::kIgnoresReader)) return absl::OkStatus();
      if (!more.ok()) return more.status();
      if (!*more && records == 0 && Is(MachineFlaw::kNoEmptySnapshot)) {
        return absl::DataLossError("an empty snapshot");
      }
      if (!*more) return absl::OkStatus();
      const size_t equals = record.find('=');
      entries_[record.substr(0, equals)] = record.substr(equals + 1);
    }
  }

 private:
  using Entries = std::map<std::string, std::string>;

  bool Is(MachineFlaw flaw) const { return flaw_ == flaw; }
  std::string Found(const std::string& key) const {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return "";
    return found->second.substr(0, found->second.find('@'));  // the stamp is not shown
  }
  std::string Stamp(const Transaction& txn) const {
    if (Is(MachineFlaw::kStoresSelf)) return "@" + std::to_string(self_);
    if (Is(MachineFlaw::kReadsClock)) return "@" + std::to_string(world_.today);
    return "@" + ToString(txn.zxid) + " " + std::to_string(absl::ToUnixMicros(txn.leader_time));
  }

  const MachineFlaw flaw_;
  World& world_;
  const int self_;
  Entries entries_;
  std::string_view last_;
  int applied_ = 0, asked_ = 0, taken_ = 0;
};

std::string RandomKey(SimRandom& random) { return {static_cast<char>('a' + random.Below(8))}; }
std::string RandomCommand(SimRandom& random) {
  const std::string key = RandomKey(random);
  return random.Below(4) == 0 ? key : key + "=" + std::to_string(random.Below(100));
}

absl::Status RunMachine(MachineFlaw flaw, std::string_view claim = {}) {
  World world;
  return RunStateMachineConformance(
      [&] { return std::make_unique<Store>(flaw, &world); },
      {.command = RandomCommand, .query = RandomKey, .let_time_pass = [&] { ++world.today; }},
      claim);
}

TEST_CASE("a sound machine keeps every promise") {
  CHECK(RunMachine(MachineFlaw::kNone).ToString() == "OK");
  for (const std::string& claim : StateMachineClaims()) {
    CHECK(RunMachine(MachineFlaw::kNone, claim).ToString() == "OK");
  }
}

TEST_CASE("each broken promise is reported as the claim that it breaks") {
  const std::vector<MachineFlaw> flaws = {
      MachineFlaw::kOpensElsewhere,  MachineFlaw::kRefusesCommand,  MachineFlaw::kRepliesBySelf,
      MachineFlaw::kStoresSelf,      MachineFlaw::kReadsClock,      MachineFlaw::kKeepsView,
      MachineFlaw::kRefusesNonsense, MachineFlaw::kCountsSnapshots, MachineFlaw::kWritesLate,
      MachineFlaw::kIgnoresWriter,   MachineFlaw::kNoEmptySnapshot, MachineFlaw::kForgetsCount,
      MachineFlaw::kMerges,          MachineFlaw::kIgnoresReader,   MachineFlaw::kQueryInserts,
      MachineFlaw::kCountsQueries};
  const std::vector<std::string> claims = StateMachineClaims();
  REQUIRE(flaws.size() == claims.size());
  for (size_t i = 0; i < claims.size(); ++i) {
    const absl::Status status = RunMachine(flaws[i]);
    CAPTURE(claims[i], status.ToString());
    CHECK(absl::IsFailedPrecondition(status));
    CHECK(FromAbsl(status.message()).starts_with(claims[i] + ": "));
  }
}

TEST_CASE("commands and queries may be listed") {
  World world;
  const auto factory = [&] { return std::make_unique<Store>(MachineFlaw::kQueryInserts, &world); };
  const StateMachineOptions options = {.commands = {"a=1", "b=2", "a"}, .queries = {"a", "c"}};
  const absl::Status status = RunStateMachineConformance(factory, options);
  CHECK(status.message() ==
        "a query changes nothing: after 0 commands the number of records is 2, not 0");
}

TEST_CASE("a machine need not read further than what it has written") {
  class Count final : public StateMachine {
   public:
    absl::StatusOr<std::string> Apply(const Transaction&) override {
      return std::to_string(++count_);
    }
    absl::StatusOr<std::string> Query(std::string_view) override { return std::to_string(count_); }
    absl::StatusOr<SnapshotJob> Snapshot() override {
      return SnapshotJob(
          [count = count_](SnapshotWriter& out) { return out.WriteRecord(std::to_string(count)); });
    }
    absl::Status Restore(SnapshotReader& in) override {
      std::string record;
      const absl::StatusOr<bool> read = in.ReadRecord(&record);
      if (read.ok() && *read) count_ = std::stoi(record);
      return read.status();
    }

   private:
    int count_ = 0;
  };
  CHECK(RunStateMachineConformance([] { return std::make_unique<Count>(); },
                                   {.commands = {"a", "b"}, .queries = {""}})
            .ok());
}

TEST_CASE("a suite without commands is refused, and so is a claim that is none") {
  World world;
  const auto factory = [&] { return std::make_unique<Store>(MachineFlaw::kNone, &world); };
  CHECK(absl::IsInvalidArgument(RunStateMachineConformance(factory, {})));
  CHECK(absl::IsInvalidArgument(RunMachine(MachineFlaw::kNone, "no such claim")));
}

}  // namespace
}  // namespace zkq::testing
