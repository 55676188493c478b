// Golden texts: the bytes of a format with a comment at each line that says what they are.
// The names in them are read from the .proto files, so they say what the schema means, not
// what the code that wrote the bytes does.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace zkq::testing {

// "0a 2e       # what", 12 bytes a line, the comment at the first of them.
std::string Commented(std::string_view bytes, const std::string& what);

// The messages of zkq's .proto files.
class Schema {
 public:
  // `proto`: the folder of that name.
  explicit Schema(const std::string& proto);

  // The golden text of one message, `indent` steps in.
  std::string Text(const std::string& message, std::string_view bytes, size_t indent = 0);
  // The same message as a later version might write it: with a field more at the beginning
  // and one at the end, of each message in it as well.
  std::string FromLaterVersion(const std::string& message, std::string_view bytes) const;
  // The fields of `messages` that stood in no text so far.
  std::string Unseen(const std::set<std::string>& messages) const;
  std::set<std::string> messages() const;

 private:
  struct Field {
    std::string type;
    std::string name;
    bool repeated = false;
  };
  void Load(const std::string& path);
  std::string ValueText(const Field& field, std::string_view bytes) const;

  std::map<std::string, std::map<uint32_t, Field>> messages_;
  std::set<std::string> seen_;  // "Zxid.epoch"
};

}  // namespace zkq::testing
