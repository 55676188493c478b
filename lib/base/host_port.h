// "host:port" by its form alone: no name is looked up here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace zkq {

// Views of the text it was read from.
struct HostPort {
  std::string_view host = {};  // without the brackets of IPv6; empty: every address of this machine
  uint16_t port = 0;           // 0: any free one
};

// "name:7001", "10.0.0.7:7001", "[::1]:7001", ":7001". Nothing if it is none of these.
std::optional<HostPort> ReadHostPort(std::string_view address);

// Why no other server could dial `address`, whatever the network looks like: a few
// words for people. Empty if its form is good: then it names a host and a port.
std::string_view WhyNotDialled(std::string_view address);

// The same text for all spellings of one host and port: in lower case, the port without zeros in
// front, an IP address in a form of its own. For comparison, not for people. A name is not looked
// up. What is no host:port stays as it is.
std::string PlainSpelling(std::string_view address);

}  // namespace zkq
