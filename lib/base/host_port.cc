#include "lib/base/host_port.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "lib/base/read_number.h"

namespace zkq {
namespace {

constexpr size_t kNameMax = 253, kLabelMax = 63;  // RFC 1035
constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kHexDigits = "0123456789abcdefABCDEF";
constexpr std::string_view kLetters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

bool HasOnly(std::string_view text, std::string_view allowed) {
  return text.find_first_not_of(allowed) == std::string_view::npos;
}

// Cuts the part before `separator` off the front of `*text`; all of it if there is none.
std::string_view TakePart(std::string_view* text, char separator) {
  const size_t end = text->find(separator);
  const std::string_view part = text->substr(0, end);
  text->remove_prefix(end == std::string_view::npos ? text->size() : end + 1);
  return part;
}

// An IPv6 address; one of IPv4 as IPv6 has it, ::ffff:10.0.0.7.
using IpBytes = std::array<uint8_t, 16>;
constexpr IpBytes kAnyIpv6 = {};
constexpr IpBytes kAnyIpv4 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr size_t kIpv4Begin = 12;

std::optional<IpBytes> ReadIpv4(std::string_view text) {
  if (std::count(text.begin(), text.end(), '.') != 3) return std::nullopt;
  IpBytes bytes = kAnyIpv4;
  for (size_t i = kIpv4Begin; i < bytes.size(); ++i) {
    const std::string_view part = TakePart(&text, '.');
    // Some read 010 as ten, others as eight.
    if (part.size() > 1 && part.starts_with('0')) return std::nullopt;
    if (!ReadNumber(part, &bytes[i])) return std::nullopt;
  }
  return bytes;
}

// Appends what stands before or after the gap of an IPv6 address, maybe nothing.
bool ReadGroups(std::string_view text, bool is_end, std::vector<uint8_t>* bytes) {
  for (bool more = !text.empty(); more;) {
    more = text.find(':') != std::string_view::npos;
    const std::string_view group = TakePart(&text, ':');
    if (const auto ipv4 = ReadIpv4(group); ipv4 && is_end && !more) {
      bytes->insert(bytes->end(), ipv4->begin() + kIpv4Begin, ipv4->end());
      return true;
    }
    uint16_t number = 0;
    if (group.empty() || group.size() > 4 || !HasOnly(group, kHexDigits)) return false;
    std::from_chars(group.data(), group.data() + group.size(), number, 16);
    bytes->push_back(static_cast<uint8_t>(number >> 8));
    bytes->push_back(static_cast<uint8_t>(number & 0xff));
  }
  return true;
}

// The zone is the name of an interface.
std::string_view WithoutZone(std::string_view ipv6) { return ipv6.substr(0, ipv6.find('%')); }

std::optional<IpBytes> ReadIpv6(std::string_view text) {
  text = WithoutZone(text);
  const size_t gap = text.find("::");  // stands for as many zeros as are missing
  const bool has_gap = gap != std::string_view::npos;
  std::vector<uint8_t> front, back;
  if (!ReadGroups(text.substr(0, gap), !has_gap, &front)) return std::nullopt;
  if (has_gap && !ReadGroups(text.substr(gap + 2), true, &back)) return std::nullopt;
  const size_t size = front.size() + back.size();
  IpBytes bytes = kAnyIpv6;
  if (has_gap ? size > bytes.size() - 2 : size != bytes.size()) return std::nullopt;
  std::copy(front.begin(), front.end(), bytes.begin());
  std::copy_backward(back.begin(), back.end(), bytes.end());
  return bytes;
}

std::optional<IpBytes> ReadIp(std::string_view host) {
  const std::optional<IpBytes> ipv4 = ReadIpv4(host);
  return ipv4 ? ipv4 : ReadIpv6(host);
}

// As inet_aton reads one: "7", "0x7f".
bool IsNumber(std::string_view label) {
  if (HasOnly(label, kDigits)) return true;
  return (label.starts_with("0x") || label.starts_with("0X")) &&
         HasOnly(label.substr(2), kHexDigits);
}

// A name of the DNS, or an IPv4 address: what ends with a number has to be one.
bool IsName(std::string_view text) {
  if (text.size() > kNameMax) return false;
  if (text.ends_with('.')) text.remove_suffix(1);
  if (IsNumber(text.substr(text.rfind('.') + 1))) return ReadIpv4(text).has_value();
  while (!text.empty()) {
    const std::string_view label = TakePart(&text, '.');
    if (label.empty() || label.size() > kLabelMax || !HasOnly(label, kLetters)) return false;
  }
  return true;
}

// All eight, in decimal: for comparison, not for people.
std::string Groups(const IpBytes& ip) {
  std::string text;
  for (size_t i = 0; i < ip.size(); i += 2) {
    text += ":" + std::to_string(ip[i] << 8 | ip[i + 1]);
  }
  return text;
}

// Of many, or of nobody: 0.0.0.0/8, 224.0.0.0 and above, ff00::/8.
bool IsNoServers(const IpBytes& ip) {
  const bool is_ipv4 = std::equal(ip.begin(), ip.begin() + kIpv4Begin, kAnyIpv4.begin());
  return is_ipv4 ? ip[kIpv4Begin] == 0 || ip[kIpv4Begin] >= 224 : ip[0] == 0xff;
}

}  // namespace

std::optional<HostPort> ReadHostPort(std::string_view address) {
  const size_t colon = address.rfind(':');
  HostPort read{.host = address.substr(0, colon)};
  if (colon == std::string_view::npos || !ReadNumber(address.substr(colon + 1), &read.port)) {
    return std::nullopt;
  }
  if (read.host.starts_with('[') && read.host.ends_with(']')) {
    read.host = read.host.substr(1, read.host.size() - 2);
    return ReadIpv6(read.host) ? std::optional(read) : std::nullopt;
  }
  return read.host.empty() || IsName(read.host) ? std::optional(read) : std::nullopt;
}

std::string_view WhyNotDialled(std::string_view address) {
  const std::optional<HostPort> read = ReadHostPort(address);
  if (!read && ReadIpv6(address.substr(0, address.rfind(':')))) {
    return "an IPv6 address stands in brackets, as in [::1]:7001";
  }
  if (!read) return "it is not host:port";
  if (read->host.empty()) return "it names no host";
  if (const std::optional<IpBytes> ip = ReadIp(read->host)) {
    if (ip == kAnyIpv4 || ip == kAnyIpv6) return "others cannot dial a wildcard address";
    if (IsNoServers(*ip)) return "it is a multicast or reserved address, of no server";
  }
  if (read->port == 0) return "others cannot dial port 0";
  return {};
}

std::string PlainSpelling(std::string_view address) {
  const std::optional<HostPort> read = ReadHostPort(address);
  if (!read) return std::string(address);
  std::string host(read->host);
  if (const std::optional<IpBytes> ip = ReadIp(read->host)) {
    host = "[" + Groups(*ip) + host.substr(WithoutZone(host).size()) + "]";
  } else {
    std::transform(host.begin(), host.end(), host.begin(),
                   [](char c) { return 'A' <= c && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  }
  return host + ":" + std::to_string(read->port);
}

}  // namespace zkq
