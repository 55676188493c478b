// std::string_view at calls into Abseil. Our interfaces speak std::string_view;
// where Abseil was built for C++14 (Debian 12) its string_view is a type of its
// own that converts neither way.
#pragma once

#include <string_view>

#include "absl/strings/string_view.h"

namespace zkq {

inline absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view FromAbsl(absl::string_view text) { return {text.data(), text.size()}; }

}  // namespace zkq
