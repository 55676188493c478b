// Flags as both programs take them.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace kv {

// Sets the absl flags named in the arguments (--name=value, --name value, or
// --name for a bool) and returns the other arguments. --help is answered on stdout
// and ends the process. What cannot be used is an error that names the flag and the
// value; absl's own parser would end the process with a code of its own.
absl::StatusOr<std::vector<std::string>> ParseFlags(int argc, char** argv);

// Reads `name = value` lines, # for comments. A flag given before keeps its value.
absl::Status ReadConfig(const std::string& path);

}  // namespace kv
