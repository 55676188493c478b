// What a history knows of itself, and what a leader makes of a learner's.
#include "lib/core/history.h"

#include "lib/core/sync_plan.h"
#include "test/core/text.h"
#include "test/harness/catch.h"
#include "test/harness/script.h"

namespace zkq::core {
namespace {

using testing::Command;
using testing::RunScript;

// history [begin=1:3] [epochs=1:5,2:4] [window=…] [txns_max=4] [bytes_max=…]
//     begins anew: `epochs` the highest counter of each, `window` transactions
// append w1 2:1<1:5..2:3 · truncate w2 1:4 · install w3 4:9 · synced w2 · purged 1:4
//     and how it stands then
// contains 1:3 · count 1:0 2:3 · table · window 1:3 upto=2:1 [bytes=1]
//     · newest 1:3 upto=2:1
// divergence 1:5 2:3 [begin=1:0]      of one that has this table
// plan 1:5 2:3 [last=2:3] [base=1:0] [snapshot=2:1] [diff=3]
class HistoryScript {
 public:
  HistoryScript() { Reset(Words("")); }

  std::string Run(const Command& command) {
    Words words(command.args);
    const std::string& name = command.name;
    if (name == "history") return Reset(words);
    if (name == "contains") return history_->epochs().Contains(ToZxid(words.Next())) ? "yes" : "no";
    if (name == "table") return Zxids(history_->epochs().Table());
    if (name == "count") return Count(&words);
    if (name == "window") return Window(&words);
    if (name == "newest") return Newest(&words);
    if (name == "divergence") return Divergence(&words);
    if (name == "plan") return Plan(&words);
    return Change(name, &words);
  }

 private:
  std::string Reset(Words words) {
    txns_ = Transactions();
    invariants_ = Invariants();
    const History::Limits limits{.bytes_max = ToNumber(words.Setting("bytes_max", "1000000")),
                                 .txns_max = ToNumber(words.Setting("txns_max", "1000"))};
    const Zxid begin = ToZxid(words.Setting("begin", "0:0"));
    const auto epochs = ToZxids(words.Setting("epochs"));
    Words window(words.Setting("window"));
    history_.emplace(Epochs(begin, epochs), txns_.AllNamed(&window), limits, &invariants_);
    return Standing();
  }

  std::string Change(const std::string& name, Words* words) {
    const std::string word = words->Next();
    const WriteId write = word.front() == 'w' ? ToNumber(word.substr(1)) : 0;
    if (name == "append") {
      history_->Append(write, txns_.AllNamed(words));
    } else if (name == "truncate") {
      history_->Truncate(write, ToZxid(words->Next()));
    } else if (name == "install") {
      history_->Install(write, ToZxid(words->Next()));
    } else if (name == "synced") {
      history_->Synced(write);
    } else if (name == "purged") {
      history_->Purged(ToZxid(word));
    } else {
      return "no such command";
    }
    return Standing();
  }

  std::string Standing() const {
    if (!invariants_.ok()) {
      const std::string what = invariants_.what();
      return "broken: " + what.substr(0, what.find(" at "));
    }
    return "begin " + ToString(history_->begin()) + " last " + ToString(history_->last()) +
           " durable " + ToString(history_->durable());
  }

  std::string Count(Words* words) {
    const Zxid from = ToZxid(words->Next());
    return std::to_string(history_->epochs().Count(from, ToZxid(words->Next())));
  }

  std::string Window(Words* words) {
    const Zxid upto = ToZxid(words->Setting("upto", "1000000:0"));
    const size_t bytes = ToNumber(words->Setting("bytes", "1000000"));
    std::vector<Zxid> found;
    for (const Txn& txn : history_->After(ToZxid(words->Next()), upto, bytes)) {
      found.push_back(txn.zxid);
    }
    return Zxids(found);
  }

  std::string Newest(Words* words) {
    const Zxid upto = ToZxid(words->Setting("upto"));
    std::vector<Zxid> found;
    for (const Txn& txn : history_->Newest(ToZxid(words->Next()), upto)) {
      found.push_back(txn.zxid);
    }
    return Zxids(found);
  }

  std::string Divergence(Words* words) {
    const Zxid begin = ToZxid(words->Setting("begin", "0:0"));
    const auto shared = history_->epochs().Divergence(ToZxids(words->Rest()), begin);
    return shared ? ToString(*shared) : "none";
  }

  std::string Plan(Words* words) {
    AckEpoch learner;
    learner.base = ToZxid(words->Setting("base", "0:0"));
    const Zxid snapshot = ToZxid(words->Setting("snapshot", "0:0"));
    const uint64_t diff = ToNumber(words->Setting("diff", "1000"));
    const std::string last = words->Setting("last");
    const Zxid end = ToZxid(words->Setting("end", ToString(history_->last())));
    learner.table = ToZxids(words->Rest());
    if (!learner.table.empty()) learner.last = learner.table.back();
    if (!last.empty()) learner.last = ToZxid(last);
    const SyncPlan plan = ChoosePlan(*history_, end, snapshot, learner, diff);
    switch (plan.kind) {
      case SyncPlan::Kind::kDiff:
        return "diff from " + ToString(plan.from);
      case SyncPlan::Kind::kTrunc:
        return "trunc to " + ToString(plan.from);
      case SyncPlan::Kind::kSnap:
        return "snap " + ToString(plan.snapshot);
      case SyncPlan::Kind::kNone:
        return "none";
    }
    return "?";
  }

  static std::string Zxids(const std::vector<Zxid>& zxids) {
    std::vector<std::string> parts;
    for (Zxid zxid : zxids) parts.push_back(ToString(zxid));
    return parts.empty() ? "nothing" : Joined(parts);
  }

  Invariants invariants_;
  Transactions txns_;
  std::optional<History> history_;
};

std::string Run(const char* script) {
  HistoryScript interpreter;
  return RunScript(script, [&](const Command& command) { return interpreter.Run(command); });
}

TEST_CASE("a history knows what is durable") { REQUIRE(Run("testdata/history/durable.txt") == ""); }
TEST_CASE("a history knows its epochs and keeps its newest entries") {
  REQUIRE(Run("testdata/history/window.txt") == "");
}
TEST_CASE("two epoch tables tell where two histories part") {
  REQUIRE(Run("testdata/history/divergence.txt") == "");
}
TEST_CASE("a leader plans how a learner is brought up") {
  REQUIRE(Run("testdata/history/sync_plan.txt") == "");
}

// Against the definition: the histories are written out, and compared.
TEST_CASE("the point of divergence is the newest shared entry of any two histories") {
  // Histories that log matching allows: a later epoch starts after any entry of
  // an earlier one, and one epoch stands after the same entry everywhere.
  const std::vector<std::pair<Epoch, Zxid>> starts = {
      {1, {0, 0}}, {2, {1, 2}}, {3, {1, 1}}, {4, {2, 1}}, {5, {3, 2}}};
  std::map<Zxid, std::vector<Zxid>> histories = {{Zxid{}, {}}};  // by their last entry
  for (const auto& [epoch, behind] : starts) {
    std::vector<Zxid> entries = histories.at(behind);
    for (uint32_t counter = 1; counter <= 3; ++counter) {
      entries.push_back({epoch, counter});
      histories[entries.back()] = entries;
    }
  }
  const auto table_of = [](const std::vector<Zxid>& entries) {
    std::map<Epoch, Zxid> highest = {{0, {}}};
    for (Zxid zxid : entries) highest[zxid.epoch] = zxid;
    EpochTable table;
    for (const auto& [epoch, zxid] : highest) table.push_back(zxid);
    return table;
  };
  for (const auto& [last_a, a] : histories) {
    Invariants invariants;
    const History history(Epochs({}, table_of(a)), {}, {}, &invariants);
    for (const auto& [last_b, b] : histories) {
      Zxid shared;
      for (size_t i = 0; i < std::min(a.size(), b.size()) && a[i] == b[i]; ++i) shared = a[i];
      INFO(ToString(last_a) << " and " << ToString(last_b));
      const auto found = history.epochs().Divergence(table_of(b), {});
      REQUIRE(found.has_value());
      REQUIRE(ToString(*found) == ToString(shared));
    }
  }
}

}  // namespace
}  // namespace zkq::core
