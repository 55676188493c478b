// A change of the configuration: read, edit, and ask for it; again if another came first.
#pragma once

#include <ostream>

#include "arguments.h"
#include "servers.h"

namespace ctl {

// The exit code. The configuration as it is then goes to `out`.
int RunChange(const Arguments& arguments, Servers& servers, std::ostream& out, std::ostream& err);

// What to do about a change that has failed so; empty: its own text says all there is to say.
std::string Advice(const absl::Status& why);

}  // namespace ctl
