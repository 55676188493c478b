// FNV-1a with 128 bits: names things by their content, such as an ensemble by
// its founders. Spreads well, and stops nobody who wants a collision.
#pragma once

#include <string_view>

#include "zkq/types.h"

namespace zkq {

inline constexpr Id128 kFnv1aBasis = {0x6c62272e07bb0142, 0x62b821756295c58d};

// Continues `hash` over `bytes`.
constexpr Id128 Fnv1a128(std::string_view bytes, Id128 hash = kFnv1aBasis) {
  using U128 = unsigned __int128;
  constexpr U128 kPrime = (U128{1} << 88) + 0x13b;
  U128 value = (U128{hash.high} << 64) | hash.low;
  for (char c : bytes) value = (value ^ static_cast<unsigned char>(c)) * kPrime;
  return {static_cast<uint64_t>(value >> 64), static_cast<uint64_t>(value)};
}

}  // namespace zkq
