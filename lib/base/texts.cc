#include "lib/base/texts.h"

#include <algorithm>

namespace zkq {

std::string TimeText(std::chrono::microseconds time) {
  const int64_t ms = std::max<int64_t>(time.count(), 0) / 1000;
  if (ms < 1000) return std::to_string(ms) + " ms";
  if (ms < 10'000) return std::to_string(ms / 1000) + "." + std::to_string(ms / 100 % 10) + " s";
  return std::to_string(ms / 1000) + " s";
}

std::string BytesText(uint64_t bytes) {
  constexpr uint64_t kEnough = 10 * 1024;  // of a unit, to go on to the next
  if (bytes < kEnough) return std::to_string(bytes) + " bytes";
  if (bytes >> 10 < kEnough) return std::to_string(bytes >> 10) + " KiB";
  if (bytes >> 20 < kEnough) return std::to_string(bytes >> 20) + " MiB";
  return std::to_string(bytes >> 30) + " GiB";
}

std::string ServersText(const std::set<ServerId>& servers) {
  std::string text;
  for (const ServerId sid : servers) text += (text.empty() ? "" : ", ") + ToString(sid);
  return text;
}

std::string ServersText(const std::set<MemberId>& members) {
  std::set<ServerId> servers;
  for (const MemberId& member : members) servers.insert(member.id);
  return ServersText(servers);
}

}  // namespace zkq
