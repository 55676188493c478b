// What zkqctl is asked to do, read from its command line. Pure.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "edit.h"

namespace ctl {

enum class Output { kTable, kJson };

struct Arguments {
  std::vector<std::string> servers = {};
  absl::Duration timeout = absl::Minutes(1);
  Output output = Output::kTable;
  bool dry_run = false;
  bool help = false;
  std::string verb = {};
  Change change = {};                   // of a verb that changes the configuration
  std::vector<zkq::ServerId> ids = {};  // of check-stop and wait-ready
};

// Whether the verb changes the configuration.
bool Changes(const std::string& verb);

// Options stand anywhere, as --name=value or --name value. kInvalidArgument names what cannot be
// used, and says what can.
absl::StatusOr<Arguments> ParseArguments(const std::vector<std::string>& words);

// What --help prints.
std::string Usage();

}  // namespace ctl
