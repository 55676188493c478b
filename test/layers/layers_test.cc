#include "test/layers/layers.h"

#include "test/harness/catch.h"
#include "test/harness/script.h"

namespace zkq::testing {
namespace {

std::string Joined(const std::vector<std::string>& lines) {
  std::string all;
  for (const std::string& line : lines) all += line + "\n";
  return all;
}

// tree: "== path" begins a file, the lines after it are its contents.
std::string Interpret(const Command& command) {
  SourceTree tree;
  std::string* file = nullptr;
  for (const std::string& line : command.input) {
    if (line.starts_with("== ")) {
      file = &tree[line.substr(3)];
    } else {
      file->append(line).append("\n");
    }
  }
  return Joined(FindViolations(tree));
}

TEST_CASE("planted violations are found, and what is allowed is not") {
  REQUIRE(RunScript("testdata/layers.txt", Interpret) == "");
}

TEST_CASE("no source breaks its layer") {
  const SourceTree tree = ReadSourceTree(ZKQ_TEST_DATA_DIR "/../..");
  REQUIRE(tree.count("include/zkq/types.h") == 1);
  REQUIRE(tree.count("lib/core/event.h") == 1);
  REQUIRE(Joined(FindViolations(tree)) == "");
}

}  // namespace
}  // namespace zkq::testing
