#include "lib/testing/conformance/spoiled_commands.h"

#include <algorithm>

namespace zkq::testing {

std::optional<std::string> SpoiledCommands::Next() {
  if (std::optional<std::string> prefix = NextPrefix()) return prefix;
  if (mutations_++ == kMutations) return std::nullopt;
  std::string command = Any();
  for (uint64_t changes = 1 + random_.Below(3); changes > 0; --changes) Change(&command);
  return command;
}

std::optional<std::string> SpoiledCommands::NextPrefix() {
  for (; command_ < commands_.size(); ++command_, length_ = 0) {
    const std::string& command = commands_[command_];
    if (length_ == kWholeMax) length_ = std::max(kWholeMax, command.size() - kTails);
    if (length_ < command.size()) return command.substr(0, length_++);
  }
  return std::nullopt;
}

void SpoiledCommands::Change(std::string* command) {
  const size_t at = random_.Below(command->size() + 1);
  const size_t size = std::min<size_t>(random_.Below(16), command->size() - at);
  switch (random_.Below(7)) {
    case 0:
      if (at < command->size()) (*command)[at] ^= static_cast<char>(1 << random_.Below(8));
      break;
    case 1:
      if (at < command->size()) (*command)[at] = AnyByte();
      break;
    case 2:
      command->insert(at, 1 + random_.Below(8), AnyByte());
      break;
    case 3:
      command->erase(at, size);
      break;
    case 4: {
      const std::string piece = command->substr(at, size);
      for (uint64_t copies = random_.Below(20); copies > 0; --copies) command->insert(at, piece);
      break;
    }
    case 5: {
      const std::string& other = Any();
      command->replace(at, std::string::npos, other.substr(random_.Below(other.size() + 1)));
      break;
    }
    default:
      Nest(command, at);
  }
}

// Many brackets, one in the other: as texts write them, and protobuf its groups.
void SpoiledCommands::Nest(std::string* command, size_t at) {
  const size_t depth = 1 + random_.Below(200);
  const char open = AnyByte();
  const char close = static_cast<char>(open + 1 + static_cast<char>(random_.Below(2)));
  command->insert(at, std::string(depth, open) + std::string(depth, close));
}

}  // namespace zkq::testing
