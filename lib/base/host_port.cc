#include "lib/base/host_port.h"

#include "lib/base/read_number.h"

namespace zkq {
namespace {

constexpr size_t kNameMax = 253, kLabelMax = 63;  // RFC 1035
constexpr std::string_view kDigits = "0123456789";
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

bool IsIpv4(std::string_view text) {
  int bytes = 0;
  for (bool more = true; more; ++bytes) {
    more = text.find('.') != std::string_view::npos;
    uint8_t byte = 0;
    if (!ReadNumber(TakePart(&text, '.'), &byte)) return false;
  }
  return bytes == 4;
}

bool IsIpv6(std::string_view text) {
  text = text.substr(0, text.find('%'));  // the zone, a name of an interface
  int groups = 0;                         // of 16 bits
  bool gap = text.starts_with("::");      // stands for as many zeros as are missing
  if (gap) text.remove_prefix(2);
  while (!text.empty()) {
    const bool last = text.find(':') == std::string_view::npos;
    const std::string_view group = TakePart(&text, ':');
    const bool ipv4 = last && IsIpv4(group);
    if (!ipv4 && (group.empty() || group.size() > 4 || !HasOnly(group, "0123456789abcdefABCDEF"))) {
      return false;
    }
    groups += ipv4 ? 2 : 1;
    if (last) break;
    if (text.empty()) return false;  // it ends with one colon
    if (!text.starts_with(':')) continue;
    if (gap) return false;
    gap = true;
    text.remove_prefix(1);
  }
  return gap ? groups < 8 : groups == 8;
}

// A name of the DNS, or an IPv4 address: what ends with a number has to be one.
bool IsName(std::string_view text) {
  if (text.size() > kNameMax) return false;
  if (text.ends_with('.')) text.remove_suffix(1);
  if (HasOnly(text.substr(text.rfind('.') + 1), kDigits)) return IsIpv4(text);
  while (!text.empty()) {
    const std::string_view label = TakePart(&text, '.');
    if (label.empty() || label.size() > kLabelMax || !HasOnly(label, kLetters)) return false;
  }
  return true;
}

// The zone of IPv6 aside, and of an IPv4 address in IPv6 the IPv4 one.
std::string_view PlainAddress(std::string_view host) {
  host = host.substr(0, host.find('%'));
  for (const std::string_view mapped : {"::ffff:", "::FFFF:"}) {
    if (host.starts_with(mapped)) return host.substr(mapped.size());
  }
  return host;
}

// Of many, or of nobody yet: 224.0.0.0 and above, ff00:: and above.
bool IsNoServers(std::string_view address) {
  if (IsIpv4(address)) {
    uint8_t first = 0;
    return ReadNumber(TakePart(&address, '.'), &first) && first >= 224;
  }
  const bool full = address.find(':') == 4;  // else zeros are left out at the front
  return full && (address.starts_with("ff") || address.starts_with("FF"));
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
    return IsIpv6(read.host) ? std::optional(read) : std::nullopt;
  }
  return read.host.empty() || IsName(read.host) ? std::optional(read) : std::nullopt;
}

std::string_view WhyNotDialled(std::string_view address) {
  const std::optional<HostPort> read = ReadHostPort(address);
  if (!read && IsIpv6(address.substr(0, address.rfind(':')))) {
    return "an IPv6 address stands in brackets, as in [::1]:7001";
  }
  if (!read) return "it is not host:port";
  if (read->host.empty()) return "it names no host";
  const std::string_view host = PlainAddress(read->host);
  if (HasOnly(host, "0:.")) return "others cannot dial a wildcard address";
  if (IsNoServers(host)) return "it is a multicast or reserved address, of no server";
  if (read->port == 0) return "others cannot dial port 0";
  return {};
}

}  // namespace zkq
