#include "test/harness/script.h"

#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "test/harness/catch.h"

namespace zkq::testing {
namespace {

std::string Interpret(const Command& command) {
  std::string out;
  if (command.name == "echo") {
    for (const std::string& arg : command.args) out += (out.empty() ? "[" : " [") + arg + "]";
  } else if (command.name == "input") {
    for (const std::string& line : command.input) out += line + "\n";
  } else if (command.name == "claim") {
    out = command.claim;
  }
  return out;
}

// A script in a file of its own, gone with it.
class TemporaryScript {
 public:
  explicit TemporaryScript(const std::string& text) {
    ::close(::mkstemp(path_.data()));
    std::ofstream(path_) << text;
  }
  ~TemporaryScript() { ::unlink(path_.c_str()); }

  const std::string& path() const { return path_; }
  std::string Run() const { return RunScriptFile(path_, Interpret); }
  std::string Text() const {
    std::ostringstream text;
    text << std::ifstream(path_).rdbuf();
    return text.str();
  }

 private:
  std::string path_ = "script_test.XXXXXX";
};

class Rewriting {
 public:
  Rewriting() { ::setenv("ZKQ_REWRITE", "1", 1); }
  ~Rewriting() { ::unsetenv("ZKQ_REWRITE"); }
};

TEST_CASE("a script that says what happens passes") {
  REQUIRE(RunScript("testdata/passes.txt", Interpret) == "");
}

TEST_CASE("a difference is reported by file, line, claim, and both sides") {
  const TemporaryScript script("# Echo shouts.\necho a\n----\n[A]\n\necho b\n----\n[b]\n");
  REQUIRE(script.Run() == script.path() +
                              ":2: Echo shouts.\n"
                              "  expected:\n    [A]\n"
                              "  actual:\n    [a]\n");
}

TEST_CASE("every case runs, also after one that differs") {
  const TemporaryScript script("echo a\n----\n\necho b\n----\n[b]\nmore\n");
  REQUIRE(script.Run().find(":1:") != std::string::npos);
  REQUIRE(script.Run().find(":4:") != std::string::npos);
}

TEST_CASE("a script that checks nothing fails") {
  REQUIRE(TemporaryScript("").Run().find("no case") != std::string::npos);
  REQUIRE(TemporaryScript("# Only words.\n").Run().find("no case") != std::string::npos);
  REQUIRE(RunScriptFile("no/such/script", Interpret).find("cannot be read") != std::string::npos);
}

TEST_CASE("a case without an end is an error, not an expectation") {
  REQUIRE(TemporaryScript("echo a\n").Run().find("no ----") != std::string::npos);
  REQUIRE(TemporaryScript("echo a\n----\n----\n[a]\n").Run().find("not closed") !=
          std::string::npos);
}

TEST_CASE("rewriting changes the expectations and nothing else") {
  const TemporaryScript script(
      "# Prose.\n\n\n# Claim.\necho a\n----\nold\n\ninput\n\nx\n----\n\n# The end.\n");
  {
    const Rewriting rewriting;
    REQUIRE(script.Run() == "");
  }
  REQUIRE(script.Text() ==
          "# Prose.\n\n\n# Claim.\necho a\n----\n[a]\n\ninput\n\nx\n----\n----\n\nx\n----\n----\n"
          "\n# The end.\n");
  REQUIRE(script.Run() == "");
}

TEST_CASE("rewriting leaves a script that passes alone") {
  const std::string text = "echo a\n----\n[a]";
  const TemporaryScript script(text);
  const Rewriting rewriting;
  REQUIRE(script.Run() == "");
  REQUIRE(script.Text() == text);
}

}  // namespace
}  // namespace zkq::testing
