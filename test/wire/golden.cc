#include "test/wire/golden.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <regex>
#include <stdexcept>

#include "lib/wire/codec.h"

namespace zkq::testing {
namespace {

constexpr size_t kBytesALine = 12;

std::string Hex(std::string_view bytes) {
  std::string text;
  for (char byte : bytes) {
    char digits[4];
    std::snprintf(digits, sizeof(digits), "%02x ", static_cast<unsigned char>(byte));
    text += digits;
  }
  return text;
}

bool AllZero(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char byte) { return byte == 0; });
}

std::string Quoted(std::string_view bytes) {
  const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
  if (!std::all_of(bytes.begin(), bytes.end(), printable))
    return std::to_string(bytes.size()) + " bytes";
  return "\"" + std::string(bytes) + "\"";
}

}  // namespace

std::string Commented(std::string_view bytes, const std::string& what) {
  std::string text;
  if (bytes.size() > 2 * kBytesALine && AllZero(bytes)) {
    text = "00 x " + std::to_string(bytes.size());
    bytes = {};
  }
  std::string comment = "# " + what;
  do {
    text += Hex(bytes.substr(0, kBytesALine));
    text.resize(std::max(text.size(), comment.empty() ? 0 : text.rfind('\n') + 1 + 3 * kBytesALine),
                ' ');
    text += comment;
    while (text.ends_with(' ')) text.pop_back();
    text += '\n';
    comment.clear();
    bytes.remove_prefix(std::min(bytes.size(), kBytesALine));
  } while (!bytes.empty());
  return text;
}

Schema::Schema(const std::string& proto) {
  Load(proto + "/zkq/wire/v1/message.proto");
  Load(proto + "/zkq/v1/quorum.proto");
}

void Schema::Load(const std::string& path) {
  static const std::regex message("^message (\\w+) \\{(\\}?)");
  static const std::regex field("^ +(repeated |optional )?([\\w.]+) (\\w+) = (\\d+);");
  std::ifstream file(path);
  if (!file) throw std::runtime_error(path + ": cannot be read");
  std::string in;  // the message that the line belongs to
  std::smatch match;
  for (std::string line; std::getline(file, line);) {
    if (std::regex_search(line, match, message)) {
      in = match[1];
      messages_[in];
      if (match[2].length() > 0) in.clear();
    } else if (line == "}") {
      in.clear();
    } else if (!in.empty() && std::regex_search(line, match, field)) {
      const std::string type = match[2];
      messages_[in][static_cast<uint32_t>(std::stoul(match[4]))] = {
          .type = type.substr(type.rfind('.') + 1),
          .name = match[3],
          .repeated = match[1] == "repeated "};
    }
  }
}

std::string Schema::ValueText(const Field& field, std::string_view bytes) const {
  wire::Reader in(bytes);
  in.Next();
  if (field.type == "fixed64" && field.repeated)
    return std::to_string(in.Bytes().size() / 8) + " of 8 bytes";
  if (field.type == "fixed64") return std::to_string(in.Fixed64());
  if (field.type == "fixed32") return Hex(std::string_view(bytes).substr(bytes.size() - 4));
  if (field.type == "bytes" || field.type == "string") return Quoted(in.Bytes());
  return std::to_string(in.Varint());
}

std::string Schema::Text(const std::string& message, std::string_view bytes, size_t indent) {
  std::string text;
  wire::Reader in(bytes);
  for (size_t begin = 0; in.Next(); begin = bytes.size() - in.rest()) {
    const auto found = messages_.at(message).find(in.field());
    if (found == messages_.at(message).end()) throw std::runtime_error(message + ": unknown field");
    const Field& field = found->second;
    seen_.insert(message + "." + field.name);
    const std::string_view whole = bytes.substr(begin, bytes.size() - in.rest() - begin);
    const std::string what = std::string(2 * indent, ' ') + field.name;
    if (messages_.contains(field.type)) {
      const std::string_view nested = in.Bytes();
      const std::string size = std::to_string(nested.size());
      text += Commented(whole.substr(0, whole.size() - nested.size()),
                        what + ": " + field.type + ", " + size + " bytes");
      text += Text(field.type, nested, indent + 1);
    } else {
      text += Commented(whole, what + " " + ValueText(field, whole));
    }
  }
  if (!in.ok()) throw std::runtime_error(message + ": malformed");
  return text;
}

std::string Schema::FromLaterVersion(const std::string& message, std::string_view bytes) const {
  std::string later;
  wire::AppendAll([](auto& encoder) { encoder(1000, 7); }, &later);
  wire::Reader in(bytes);
  for (size_t begin = 0; in.Next(); begin = bytes.size() - in.rest()) {
    const Field& field = messages_.at(message).at(in.field());
    if (messages_.contains(field.type)) {
      // Present, even if it were empty.
      const std::string nested = FromLaterVersion(field.type, in.Bytes());
      wire::AppendAll([&](auto& encoder) { encoder(in.field(), nested); }, &later);
    } else {
      later += bytes.substr(begin, bytes.size() - in.rest() - begin);
    }
  }
  wire::AppendAll([](auto& encoder) { encoder(1001, "from a later version"); }, &later);
  return later;
}

std::string Schema::Unseen(const std::set<std::string>& messages) const {
  std::string unseen;
  for (const std::string& message : messages) {
    for (const auto& [number, field] : messages_.at(message)) {
      const std::string name = message + "." + field.name;
      if (!seen_.contains(name)) unseen += (unseen.empty() ? "" : " ") + name;
    }
  }
  return unseen;
}

std::set<std::string> Schema::messages() const {
  std::set<std::string> names;
  for (const auto& [name, fields] : messages_) names.insert(name);
  return names;
}

}  // namespace zkq::testing
