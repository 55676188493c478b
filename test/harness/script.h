// Scripts: tests that read as documents. A script file is a list of cases:
//
//   # Two of three hold what the shorter of them holds.     the claim: comments
//   held 4:7 4:5 _                                          the command line
//   more input, if the command takes any                    input lines
//   ----
//   4:5                                                     what is expected
//
// The expectation ends at an empty line or at the end of the file. One that
// itself contains empty lines stands between double fences:
//
//   ----
//   ----
//   first
//
//   third
//   ----
//   ----
//
// Comments that an empty line separates from a command are prose and claim
// nothing. With ZKQ_REWRITE=1 in the environment a script is rewritten in place
// to expect what was produced, and nothing else of it changes: read the diff, and
// commit only what you can explain.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace zkq::testing {

struct Command {
  std::string name;                // first word of the command line
  std::vector<std::string> args;   // its other words
  std::vector<std::string> input;  // the lines between it and the fence
  std::string claim;               // the comment above it, without the marks
};
using Interpreter = std::function<std::string(const Command&)>;

// Runs every case of `file` in order. Returns "" if each produced exactly what
// is expected, apart from a newline at the end; otherwise a report of every
// difference by file, line and claim. A script without a case, or one that cannot
// be read, is a failure too.
std::string RunScriptFile(const std::string& file, const Interpreter& interpreter);

// The same; `path` is relative to the folder of the test's CMakeLists.txt, which
// zkq_test() names.
#ifndef ZKQ_TEST_DATA_DIR
#define ZKQ_TEST_DATA_DIR "."
#endif
inline std::string RunScript(std::string_view path, const Interpreter& interpreter) {
  return RunScriptFile(std::string(ZKQ_TEST_DATA_DIR "/").append(path), interpreter);
}

}  // namespace zkq::testing
