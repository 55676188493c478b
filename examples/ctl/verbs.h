// What each verb of zkqctl does.
#pragma once

#include <ostream>

#include "arguments.h"
#include "servers.h"

namespace ctl {

enum ExitCode {
  kDone = 0,
  kNo = 1,  // check-stop, wait-ready
  kUsage = 2,
  kFailed = 3,   // nothing is changed
  kUnknown = 4,  // it may have been changed, or may yet be
};

// What was asked for goes to `out`, progress and what went wrong to `err`.
int Run(const Arguments& arguments, Servers& servers, std::ostream& out, std::ostream& err);

}  // namespace ctl
