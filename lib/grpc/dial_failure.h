// Why nobody is reached at an address, in one clause for people. What gRPC says of it begins with
// what it has tried, and ends with the reason.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace zkq::transport {

// "no such name: db3.example", "connection refused by 10.0.0.3:7003": what gRPC 1.51 means by
// `text`, after `address` was dialled. `text` itself, if it speaks of something else.
std::string DialFailure(const std::string& address, std::string_view text);

// The same for the status of a call.
absl::Status ShortenDialFailure(const std::string& address, absl::Status status);

// `status` has ended the first call to `address`, and nothing came before it. If no server of zkq
// would say so, the text tells that too: "something else answers at db2:8002 (UNIMPLEMENTED)".
absl::Status NameStranger(const std::string& address, absl::Status status);

}  // namespace zkq::transport
