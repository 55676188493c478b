// Commands that nobody has meant to make: what a machine's own become when bytes are
// missing or wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "zkq/testing/sim.h"

namespace zkq::testing {

// First every prefix of each command (of one that is longer than kWholeMax: those up
// to that length, and the longest kTails), then kMutations random changes of them.
// The same for the same seed.
class SpoiledCommands {
 public:
  static constexpr size_t kWholeMax = 1'000;
  static constexpr size_t kTails = 10;
  static constexpr size_t kMutations = 10'000;

  // `commands` are not empty.
  SpoiledCommands(std::vector<std::string> commands, uint64_t seed)
      : commands_(std::move(commands)), random_(seed) {}

  // The next one; nothing at the end.
  std::optional<std::string> Next();

 private:
  std::optional<std::string> NextPrefix();
  const std::string& Any() { return commands_[random_.Below(commands_.size())]; }
  char AnyByte() { return static_cast<char>(random_.Below(256)); }
  void Change(std::string* command);
  void Nest(std::string* command, size_t at);

  const std::vector<std::string> commands_;
  SimRandom random_;
  size_t command_ = 0, length_ = 0;  // of the next prefix
  size_t mutations_ = 0;             // so far
};

}  // namespace zkq::testing
