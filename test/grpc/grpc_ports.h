// Ports on the loopback for tests.
#pragma once

#include <string>

namespace zkq::testing {

// "127.0.0.1:port" that nobody listens on at present, and that this process has
// not been given before.
std::string FreeAddress();

}  // namespace zkq::testing
