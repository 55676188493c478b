// Numbers in texts that people write.
#pragma once

#include <charconv>
#include <concepts>
#include <string_view>

namespace zkq {

// Decimal digits and nothing else, no sign and no space; false as well if the number
// is too large for T. Sets `number` only if it was read.
template <std::unsigned_integral T>
bool ReadNumber(std::string_view text, T* number) {
  T read = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), read);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  *number = read;
  return true;
}

}  // namespace zkq
