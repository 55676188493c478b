// Which mistake the woven library makes: one, or none.
#pragma once

#include <cstdint>

namespace zkq {

// A mutant's name, by a hash that the compiler makes of it.
struct MutantName {
  constexpr MutantName(const char* name) {  // NOLINT: read as the name it is
    for (; *name != '\0'; ++name)
      hash = (hash ^ static_cast<unsigned char>(*name)) * 0x100'0000'01b3;
  }
  uint64_t hash = 0xcbf2'9ce4'8422'2325;
};

extern uint64_t chosen_mutant;  // 0: none

inline bool Mutant(const MutantName& name) { return name.hash == chosen_mutant; }

}  // namespace zkq
