#include "json.h"

#include "absl/strings/str_format.h"

namespace ctl::json {

// What zkq says is ASCII but for what strangers gave it. JSON is UTF-8, so a byte that is neither
// is shown as U+FFFD.
std::string Text(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20) {
      quoted += absl::StrFormat("\\u%04x", c);
    } else {
      quoted += static_cast<unsigned char>(c) < 0x80 ? std::string(1, c) : "\xEF\xBF\xBD";
    }
  }
  return quoted + "\"";
}

std::string Bool(bool value) { return value ? "true" : "false"; }

std::string Array(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) text += (text.empty() ? "" : ",") + value;
  return "[" + text + "]";
}

std::string Object(const std::vector<Field>& fields) {
  std::string text;
  for (const auto& [name, value] : fields) {
    text += (text.empty() ? "" : ",") + Text(name) + ":" + value;
  }
  return "{" + text + "}";
}

}  // namespace ctl::json
