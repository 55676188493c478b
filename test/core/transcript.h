// Transcript: a case whose input lines are steps. It is answered by every step
// as it stands, and indented under it what it caused.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "test/core/text.h"
#include "test/harness/script.h"

namespace zkq::core {

// Returns the lines that the step caused.
using StepInterpreter = std::function<std::vector<std::string>(Words step)>;

// A step that begins with a dot is set-up: it is done, but not shown.
inline std::string Transcript(const testing::Command& command, const StepInterpreter& step) {
  std::string transcript;
  for (const std::string& line : command.input) {
    const bool silent = line.starts_with(".");
    const std::vector<std::string> caused = step(Words(silent ? line.substr(1) : line));
    if (silent) continue;
    transcript += line + "\n";
    for (const std::string& effect : caused) transcript += "  " + effect + "\n";
  }
  return transcript;
}

}  // namespace zkq::core
