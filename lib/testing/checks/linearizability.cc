// The search goes through the ends of all calls in the order of time. A call may be
// put next if no other call that is still to be put has returned before it began:
// that is, while no return has been passed. A search that is stuck at a return takes
// back the last call that was put. What was tried is remembered as (which calls have
// been put, the state they led to): the order among them cannot matter any more.
#include "zkq/testing/linearizability.h"

#include <algorithm>
#include <functional>
#include <map>
#include <unordered_set>
#include <utility>

namespace zkq::testing {
inline namespace v1 {
namespace {

using Kind = Verdict::Kind;
using Operations = std::vector<Operation>;

// The words of an input: a verb and up to two arguments.
struct Words {
  std::string_view verb, first, second;
};
Words Split(std::string_view input) {
  Words words;
  for (std::string_view* word : {&words.verb, &words.first, &words.second}) {
    const size_t space = input.find(' ');
    *word = input.substr(0, space);
    if (space == std::string_view::npos) break;
    input.remove_prefix(space + 1);
  }
  return words;
}

bool Answers(const Operation& operation, std::string_view answer) {
  return !operation.output || *operation.output == answer;
}

// One key's calls, and which of them have been put in order.
class Search {
 public:
  Search(const Operations& operations, const SequentialModel& model, uint64_t states_max)
      : operations_(operations), model_(model), states_max_(states_max) {
    ListEnds();
    state_ = model.Initial();
    done_.assign((operations.size() + 7) / 8, '\0');
  }

  Kind Run() {
    int at = next_[kHead];
    while (open_ > 0) {
      if (at != kTail && IsCall(at)) {
        at = Put(at) ? next_[kHead] : next_[at];
        if (tried_.size() > states_max_) return Kind::kUndecided;
      } else if (put_.empty()) {
        return Kind::kNotLinearizable;
      } else {
        at = TakeBack();
      }
    }
    return Kind::kLinearizable;
  }

 private:
  // Ends are numbered from 1; the list is circular over kHead, which is kTail too.
  static constexpr int kHead = 0, kTail = 0;
  struct End {
    absl::Duration when;
    int operation = 0;
    bool is_call = false;
  };
  struct Step {
    int call = 0;
    std::string before;
  };

  bool IsCall(int end) const { return ends_[end].is_call; }

  void ListEnds() {
    ends_.push_back({});
    for (size_t i = 0; i < operations_.size(); ++i) {
      const Operation& operation = operations_[i];
      ends_.push_back({operation.called, static_cast<int>(i), true});
      if (operation.returned == absl::InfiniteDuration()) continue;
      ends_.push_back({operation.returned, static_cast<int>(i), false});
      ++open_;
    }
    // At one instant calls come first: then they overlap what returns there.
    std::stable_sort(ends_.begin() + 1, ends_.end(), [](const End& a, const End& b) {
      return a.when != b.when ? a.when < b.when : a.is_call && !b.is_call;
    });
    const int count = static_cast<int>(ends_.size());
    return_of_.assign(operations_.size(), 0);
    for (int end = 0; end < count; ++end) {
      next_.push_back((end + 1) % count);
      before_.push_back((end + count - 1) % count);
      if (end > 0 && !IsCall(end)) return_of_[ends_[end].operation] = end;
    }
  }

  void Unlink(int end) {
    next_[before_[end]] = next_[end];
    before_[next_[end]] = before_[end];
  }
  void Link(int end) {
    next_[before_[end]] = end;
    before_[next_[end]] = end;
  }

  bool Put(int call) {
    const int operation = ends_[call].operation;
    std::string after = state_;
    if (!model_.Step(operations_[operation], &after)) return false;
    done_[operation / 8] = static_cast<char>(done_[operation / 8] | 1 << operation % 8);
    if (!tried_.insert(done_ + after).second) {
      Forget(operation);
      return false;
    }
    put_.push_back({call, std::exchange(state_, std::move(after))});
    Unlink(call);
    if (const int end = return_of_[operation]; end != 0) {
      Unlink(end);
      --open_;
    }
    return true;
  }

  // Returns what is to be tried next.
  int TakeBack() {
    Step step = std::move(put_.back());
    put_.pop_back();
    const int operation = ends_[step.call].operation;
    state_ = std::move(step.before);
    Forget(operation);
    if (const int end = return_of_[operation]; end != 0) {
      Link(end);
      ++open_;
    }
    Link(step.call);
    return next_[step.call];
  }

  void Forget(int operation) {
    done_[operation / 8] = static_cast<char>(done_[operation / 8] & ~(1 << operation % 8));
  }

  const Operations& operations_;
  const SequentialModel& model_;
  const uint64_t states_max_;
  std::vector<End> ends_;
  std::vector<int> next_, before_;
  std::vector<int> return_of_;  // the end at which it returned; 0: it never did
  size_t open_ = 0;             // calls that returned and are not put yet
  std::string state_;
  std::string done_;  // a bit a call
  std::vector<Step> put_;
  std::unordered_set<std::string> tried_;
};

constexpr uint64_t kStatesToShrink = 1'000;

bool Contradicts(const Operations& operations, const SequentialModel& model, uint64_t states_max) {
  return Search(operations, model, states_max).Run() == Kind::kNotLinearizable;
}

void Forget(Operation* operation) {
  operation->returned = absl::InfiniteDuration();
  operation->output.reset();
}

// What was known at `end`: later calls are not there, and what waits has no answer.
Operations Until(absl::Duration end, Operations operations) {
  std::erase_if(operations, [&](const Operation& one) { return one.called > end; });
  for (Operation& one : operations) {
    if (one.returned > end) Forget(&one);
  }
  return operations;
}

// The shortest beginning that cannot be put in order: what returns at its end is what
// cannot be explained.
Operations FailingBeginning(const Operations& operations, const SequentialModel& model) {
  std::vector<absl::Duration> ends;
  for (const Operation& one : operations) {
    if (one.returned != absl::InfiniteDuration()) ends.push_back(one.returned);
  }
  std::sort(ends.begin(), ends.end());
  const auto end = std::partition_point(ends.begin(), ends.end(), [&](absl::Duration when) {
    return !Contradicts(Until(when, operations), model, kStatesToShrink);
  });
  return end == ends.end() ? operations : Until(*end, operations);
}

// Of `others`, which may have happened at any time or not, those that may explain `kept`,
// or what explains it.
Operations Explaining(const Operations& kept, Operations others, const SequentialModel& model) {
  Operations explained = kept;
  for (bool more = true; more;) {
    const auto matters = [&](const Operation& other) {
      return std::any_of(explained.begin(), explained.end(),
                         [&](const Operation& one) { return model.MayExplain(other, one); });
    };
    const auto found = std::partition(others.begin(), others.end(), std::not_fn(matters));
    more = found != others.end();
    explained.insert(explained.end(), found, others.end());
    others.erase(found, others.end());
  }
  return explained;
}

// Leaves out call after call as long as the others cannot be put in order, wherever
// those that were left out take effect.
Operations Shrunk(const Operations& all, const SequentialModel& model) {
  constexpr size_t kPairsMax = 10'000'000;  // looked at: about a second
  Operations kept = FailingBeginning(all, model), left_out;
  size_t pairs = 0;
  for (size_t piece = kept.size() / 2; piece > 0; piece /= 2) {
    for (size_t at = 0; at + piece <= kept.size() && pairs < kPairsMax;) {
      const auto begin = static_cast<std::ptrdiff_t>(at);
      const auto end = static_cast<std::ptrdiff_t>(at + piece);
      Operations fewer = kept, out = left_out;
      out.insert(out.end(), kept.begin() + begin, kept.begin() + end);
      for (Operation& one : out) Forget(&one);
      fewer.erase(fewer.begin() + begin, fewer.begin() + end);
      pairs += (fewer.size() + out.size()) * out.size();
      if (Contradicts(Explaining(fewer, out, model), model, kStatesToShrink)) {
        kept = std::move(fewer);
        left_out = std::move(out);
      } else {
        at += piece;
      }
    }
  }
  return kept;
}

std::string Line(const Operation& operation) {
  const bool known = operation.returned != absl::InfiniteDuration();
  return "  " + absl::FormatDuration(operation.called) + " … " +
         (known ? absl::FormatDuration(operation.returned) : "?") + "  client " +
         std::to_string(operation.client) + "  " + operation.input + " -> " +
         (operation.output ? "\"" + *operation.output + "\"" : "unknown") + "\n";
}

Verdict Judge(const std::string& key, Operations operations, const SequentialModel& model,
              uint64_t states_max) {
  Verdict verdict{.kind = Search(operations, model, states_max).Run()};
  if (verdict.kind == Kind::kUndecided) {
    verdict.counter_example =
        "key " + key + ": more than " + std::to_string(states_max) + " states, given up\n";
  } else if (verdict.kind == Kind::kNotLinearizable) {
    const size_t all = operations.size();
    operations = Shrunk(operations, model);
    std::stable_sort(operations.begin(), operations.end(),
                     [](const Operation& a, const Operation& b) { return a.called < b.called; });
    verdict.counter_example = "key " + key + ": no order of these calls explains the answers\n";
    for (const Operation& operation : operations) verdict.counter_example += Line(operation);
    const size_t others = all - operations.size();
    if (others > 0) {
      verdict.counter_example += "  (whatever the " + std::to_string(others) + " others did)\n";
    }
  }
  return verdict;
}

}  // namespace

// --- the models ----------------------------------------------------------------------

std::string RegisterModel::Initial() const { return "-"; }

bool RegisterModel::Step(const Operation& operation, std::string* state) const {
  const Words words = Split(operation.input);
  if (words.verb == "get") return Answers(operation, *state);
  if (words.verb == "put") {
    *state = "=" + std::string(words.first);
    return Answers(operation, "");
  }
  const bool acts = words.verb == "del" ? *state != "-" : *state == "=" + std::string(words.first);
  if (acts) *state = words.verb == "del" ? "-" : "=" + std::string(words.second);
  return Answers(operation, acts ? "1" : "0");
}

bool RegisterModel::MayExplain(const Operation& other, const Operation& kept) const {
  const Words did = Split(other.input), asked = Split(kept.input);
  if (did.verb == "get" || asked.verb == "put") return false;
  if (asked.verb != "get" || !kept.output) return true;
  if (did.verb == "del") return *kept.output == "-";
  return *kept.output == "=" + std::string(did.verb == "cas" ? did.second : did.first);
}

std::string QueueModel::Initial() const { return ""; }

// The state is its values, each after a "=".
bool QueueModel::Step(const Operation& operation, std::string* state) const {
  const Words words = Split(operation.input);
  if (words.verb == "enq") {
    *state += "=" + std::string(words.first);
    return Answers(operation, "");
  }
  if (state->empty()) return Answers(operation, "-");
  const size_t end = std::min(state->find('=', 1), state->size());
  const std::string first = state->substr(0, end);
  state->erase(0, end);
  return Answers(operation, first);
}

Verdict CheckLinearizable(const std::vector<Operation>& history, const SequentialModel& model,
                          uint64_t states_max) {
  std::map<std::string, Operations> by_key;
  for (const Operation& operation : history) by_key[operation.key].push_back(operation);
  Verdict worst;
  for (auto& [key, operations] : by_key) {
    Verdict verdict = Judge(key, std::move(operations), model, states_max);
    if (verdict.kind == Kind::kNotLinearizable) return verdict;
    if (!verdict.ok()) worst = std::move(verdict);
  }
  return worst;
}

}  // namespace v1
}  // namespace zkq::testing
