#include "test/harness/script.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace zkq::testing {
namespace {

using Lines = std::vector<std::string>;
constexpr std::string_view kFence = "----";

// One case as it stands in the file: `before` are the raw lines ahead of the
// fence, so that a rewrite keeps all but the expectation as it was.
struct Case {
  size_t line = 0;  // of the command, from 1
  Lines before;
  Command command;
  Lines expected;
};

struct Script {
  std::vector<Case> cases;
  Lines tail;         // what follows the last case
  std::string error;  // why it cannot be read; "" if it can
};

Lines SplitLines(const std::string& text) {
  Lines lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

bool IsComment(std::string_view line) { return !line.empty() && line.front() == '#'; }

std::string ClaimOf(std::string_view comment) {
  comment.remove_prefix(comment.starts_with("# ") ? 2 : 1);
  return std::string(comment);
}

// Reads the lines of one file from the top; `at` is the next one.
class Parser {
 public:
  explicit Parser(Lines lines) : lines_(std::move(lines)) {}

  Script Parse() {
    Script script;
    while (script.error.empty() && SkipToCommand(&script.tail)) {
      Case parsed;
      parsed.before.swap(script.tail);
      parsed.command.claim = std::move(claim_);
      script.error = ParseCase(&parsed);
      script.cases.push_back(std::move(parsed));
    }
    if (script.error.empty() && script.cases.empty()) script.error = "the script has no case";
    return script;
  }

 private:
  bool AtEnd() const { return at_ == lines_.size(); }
  const std::string& line() const { return lines_[at_]; }
  bool AtDoubleFence() const {
    return at_ + 1 < lines_.size() && lines_[at_] == kFence && lines_[at_ + 1] == kFence;
  }

  bool SkipToCommand(Lines* skipped) {
    claim_.clear();
    for (; !AtEnd() && (line().empty() || IsComment(line())); ++at_) {
      if (line().empty()) {
        claim_.clear();
      } else {
        claim_ += (claim_.empty() ? "" : " ") + ClaimOf(line());
      }
      skipped->push_back(line());
    }
    return !AtEnd();
  }

  std::string ParseCase(Case* out) {
    out->line = at_ + 1;
    std::istringstream words(line());
    words >> out->command.name;
    for (std::string word; words >> word;) out->command.args.push_back(word);
    out->before.push_back(line());
    for (++at_; !AtEnd() && line() != kFence; ++at_) {
      out->command.input.push_back(line());
      out->before.push_back(line());
    }
    if (AtEnd()) return "line " + std::to_string(out->line) + ": no ---- after this command";
    return ParseExpected(out);
  }

  std::string ParseExpected(Case* out) {
    const bool fenced = AtDoubleFence();
    at_ += fenced ? 2 : 1;
    for (; !AtEnd(); ++at_) {
      if (fenced ? AtDoubleFence() : line().empty()) break;
      out->expected.push_back(line());
    }
    if (!fenced) return "";
    if (AtEnd()) return "line " + std::to_string(out->line) + ": its double ---- is not closed";
    at_ += 2;
    return "";
  }

  const Lines lines_;
  size_t at_ = 0;
  std::string claim_;
};

void Write(const Lines& lines, std::string_view indent, std::ostream& out) {
  for (const std::string& line : lines) out << indent << line << '\n';
}

void Rewrite(const Script& script, const std::vector<Lines>& actual, std::ostream& out) {
  for (size_t i = 0; i < script.cases.size(); ++i) {
    Write(script.cases[i].before, "", out);
    const bool fenced = std::count(actual[i].begin(), actual[i].end(), "") > 0;
    const std::string fence = fenced ? "----\n----\n" : "----\n";
    out << fence;
    Write(actual[i], "", out);
    if (fenced) out << fence;
  }
  Write(script.tail, "", out);
}

std::string Difference(const std::string& file, const Case& expected, const Lines& actual) {
  std::ostringstream out;
  out << file << ':' << expected.line << ": " << expected.command.claim << "\n  expected:\n";
  Write(expected.expected, "    ", out);
  out << "  actual:\n";
  Write(actual, "    ", out);
  return out.str();
}

bool Rewriting() {
  const char* rewrite = std::getenv("ZKQ_REWRITE");
  return rewrite != nullptr && std::string_view(rewrite) == "1";
}

}  // namespace

std::string RunScriptFile(const std::string& file, const Interpreter& interpreter) {
  std::ifstream in(file);
  if (!in) return file + ": cannot be read\n";
  std::ostringstream text;
  text << in.rdbuf();
  const Script script = Parser(SplitLines(text.str())).Parse();
  if (!script.error.empty()) return file + ": " + script.error + "\n";

  std::string differences;
  std::vector<Lines> actual;
  for (const Case& one : script.cases) {
    actual.push_back(SplitLines(interpreter(one.command)));
    if (actual.back() != one.expected) differences += Difference(file, one, actual.back());
  }
  if (differences.empty() || !Rewriting()) return differences;
  std::ofstream out(file, std::ios::trunc);
  Rewrite(script, actual, out);
  return out.flush() ? "" : file + ": cannot be rewritten\n";
}

}  // namespace zkq::testing
