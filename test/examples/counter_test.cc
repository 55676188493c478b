#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

#include "test/harness/catch.h"

namespace {

std::string Read(const std::string& path) {
  std::ifstream in(std::string(ZKQ_SOURCE_DIR) + path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("a durable replicated map, server and shell, takes at most 60 lines") {
  const std::string source = Read("/examples/counter/counter.cc");
  const auto lines = std::count(source.begin(), source.end(), '\n');
  CHECK(lines > 0);
  CHECK(lines <= 60);  // all of them: comments and blank lines too
}

TEST_CASE("the README shows the counter as it is") {
  CHECK(Read("/README.md").find("```cpp\n" + Read("/examples/counter/counter.cc") + "```\n") !=
        std::string::npos);
}
