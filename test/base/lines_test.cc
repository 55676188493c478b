// The lines of the log and the table that explains them are the same ones, and code that ships
// names each. That it is said when it should be is for the tests of what it tells.
#include "lib/base/lines.h"

#include <cctype>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "test/harness/catch.h"

namespace zkq {
namespace {

using Rows = std::set<std::string>;

const std::filesystem::path kLib = std::filesystem::path(ZKQ_TEST_DATA_DIR) / "../../lib";

std::string ReadAll(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// "| `name` | level | comes |", the columns that both have.
Rows OfCode() {
  constexpr std::string_view kLevels[] = {"debug", "info", "warning", "error"};
  Rows rows;
  for (const LineInfo& info : kLines) {
    rows.insert("| `" + std::string(info.name) + "` | " +
                std::string(kLevels[static_cast<size_t>(info.level)]) + " | " +
                (info.pace == Pace::kEach ? "each" : "minute") + " |");
  }
  return rows;
}

Rows OfManual() {
  Rows rows;
  std::istringstream lines(ReadAll(kLib / "runtime/LOG.md"));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("| `")) continue;
    size_t end = 0;
    for (int column = 0; column < 3; ++column) end = line.find('|', end + 1);
    rows.insert(line.substr(0, end + 1));
  }
  return rows;
}

// peer-unreachable: Line::kPeerUnreachable.
std::string Enumerator(std::string_view name) {
  std::string camel = "Line::k";
  bool upper = true;
  for (const char c : name) {
    if (c != '-') camel += upper ? static_cast<char>(std::toupper(c)) : c;
    upper = c == '-';
  }
  return camel;
}

// True if `text` has `word`, and not as the beginning of a longer one.
bool Has(const std::string& text, const std::string& word) {
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    if (!std::isalnum(static_cast<unsigned char>(text[at + word.size()]))) return true;
  }
  return false;
}

TEST_CASE("each line of the log stands in LOG.md, with its level and its pace") {
  CHECK(OfCode() == OfManual());
  CHECK(OfCode().size() == std::size(kLines));
}

TEST_CASE("warnings and errors come once a minute, but for those that zkq/log.h names") {
  Rows each;
  for (const LineInfo& info : kLines) {
    if (info.level >= LogLevel::kWarning && info.pace == Pace::kEach) each.emplace(info.name);
  }
  CHECK(each == Rows{"admin-from-anywhere", "log-dropped", "members-contradict"});
}

TEST_CASE("each line of the log is named in code that ships, as it is called in the log") {
  std::string sources;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kLib)) {
    const std::filesystem::path& path = entry.path();
    const bool is_code = path.extension() == ".cc" || path.extension() == ".h";
    if (is_code && path.filename() != "lines.h") sources += ReadAll(path);
  }
  for (const LineInfo& info : kLines) {
    CAPTURE(info.name);
    CHECK(Has(sources, Enumerator(info.name)));
  }
}

}  // namespace
}  // namespace zkq
