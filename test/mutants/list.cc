#include "test/mutants/list.h"

#include <fstream>
#include <stdexcept>

namespace zkq::mutants {
namespace {

class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path), in_(path) {
    if (!in_) Fail("cannot be read");
  }

  std::vector<Entry> Read() {
    for (std::string line; Next(&line);) {
      if (line.empty() || line[0] == '#') continue;
      const size_t space = line.find(' ');
      const std::string word = line.substr(0, space), rest = line.substr(space + 1);
      if (word == "mutant") {
        list_.emplace_back().name = rest;
      } else if (list_.empty()) {
        Fail("a mutant is expected");
      } else if (word == "is") {
        list_.back().is = rest;
      } else if (word == "rare") {
        list_.back().rare = rest;
      } else if (word == "profile") {
        list_.back().profile = rest;
      } else if (word == "in") {
        list_.back().edits.push_back(ReadEdit(rest));
      } else if (word != "woven") {  // with another mutant, which has the edit
        Fail("\"" + word + "\" is no word of a mutant");
      }
    }
    return std::move(list_);
  }

 private:
  bool Next(std::string* line) {
    ++number_;
    return static_cast<bool>(std::getline(in_, *line));
  }
  [[noreturn]] void Fail(const std::string& what) const {
    throw std::runtime_error(path_ + ":" + std::to_string(number_) + ": " + what);
  }
  std::string ReadUntil(const std::string& end) {
    std::string text;
    for (std::string line; Next(&line);) {
      if (line == end) return text;
      text += line + "\n";
    }
    Fail(end + " is missing");
  }
  Edit ReadEdit(const std::string& file) {
    std::string line;
    if (!Next(&line) || line != "<<<<") Fail("<<<< is expected");
    Edit edit{.file = file, .original = ReadUntil("===="), .woven = {}};
    edit.woven = ReadUntil(">>>>");
    return edit;
  }

  const std::string path_;
  std::ifstream in_;
  int number_ = 0;
  std::vector<Entry> list_;
};

}  // namespace

std::vector<Entry> ReadList(const std::string& path) { return Reader(path).Read(); }

}  // namespace zkq::mutants
