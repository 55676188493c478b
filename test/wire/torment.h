// Hostile bytes for decoders.
#pragma once

#include <string>

namespace zkq {

// Whatever the bytes are: no crash, nothing read outside of them (AddressSanitizer
// watches), and what is accepted can be encoded.
template <typename Decode>
void Torment(const std::string& sample, Decode decode) {
  for (size_t size = 0; size < sample.size(); ++size) decode(sample.substr(0, size));
  for (size_t bit = 0; bit < sample.size() * 8; ++bit) {
    std::string flipped = sample;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    decode(flipped);
  }
}

}  // namespace zkq
