#include <fstream>
#include <string>

#include "test/harness/catch.h"

TEST_CASE("a durable replicated map, server and shell, takes at most 60 lines") {
  std::ifstream source(ZKQ_COUNTER_SOURCE);
  int lines = 0;
  for (std::string line; std::getline(source, line);) ++lines;
  CHECK(lines > 0);
  CHECK(lines <= 60);  // all of them: comments and blank lines too
}
