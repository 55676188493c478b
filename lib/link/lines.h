// The lines that links write to the host's log. Each has a short name that stays, so that people
// can look it up (lib/link/README.md) and programs can wait for it.
#pragma once

#include <string_view>

#include "zkq/env.h"

namespace zkq::link {

struct Line {
  std::string_view name = {};
  LogLevel level = LogLevel::kInfo;
};

inline constexpr Line kLinked = {"linked", LogLevel::kInfo};
inline constexpr Line kUnlinked = {"unlinked", LogLevel::kInfo};
inline constexpr Line kLinkSilent = {"link-silent", LogLevel::kWarning};
inline constexpr Line kLinkBroken = {"link-broken", LogLevel::kWarning};
inline constexpr Line kPeerUnreachable = {"peer-unreachable", LogLevel::kWarning};
inline constexpr Line kPeerRefused = {"peer-refused", LogLevel::kWarning};
inline constexpr Line kRefusedByPeer = {"refused-by-peer", LogLevel::kWarning};
inline constexpr Line kStrangerRefused = {"stranger-refused", LogLevel::kWarning};
inline constexpr Line kPeerFar = {"peer-far", LogLevel::kWarning};
inline constexpr Line kPathMtu = {"path-mtu", LogLevel::kWarning};

// All of them.
inline constexpr Line kLinkLines[] = {
    kLinked,      kUnlinked,      kLinkSilent,      kLinkBroken, kPeerUnreachable,
    kPeerRefused, kRefusedByPeer, kStrangerRefused, kPeerFar,    kPathMtu};

}  // namespace zkq::link
