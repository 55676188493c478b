// weave LIST SOURCE_DIR TARGET_DIR FILE…: copies the files, with every mutant of the list
// woven in. Each edit must find its original exactly once, in the file as the edits before
// it have left it: so the list keeps in step with the code.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>

#include "test/mutants/list.h"

namespace {

using zkq::mutants::Edit;
using zkq::mutants::Entry;

std::string Contents(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error(path + ": cannot be read");
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// The first and last line of an original may be a part of a line of the file.
std::string Trimmed(std::string text) {
  if (!text.empty()) text.pop_back();
  return text;
}

void Weave(const Entry& mutant, const Edit& edit, std::string* text) {
  const std::string original = Trimmed(edit.original);
  const size_t at = text->find(original);
  const bool once = at != std::string::npos && text->find(original, at + 1) == std::string::npos;
  if (!once) {
    throw std::runtime_error("mutant " + mutant.name + ": " + edit.file +
                             " does not have just once\n" + original);
  }
  text->replace(at, original.size(), Trimmed(edit.woven));
}

// Writes only what has changed, so that nothing is compiled for nothing.
void Write(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  if (std::filesystem::exists(path) && Contents(path) == text) return;
  std::ofstream(path) << text;
}

void WeaveAll(const std::vector<std::string>& args) {
  const std::string source = args[1] + "/", target = args[2] + "/";
  std::map<std::string, std::string> texts;
  for (size_t i = 3; i < args.size(); ++i) texts[args[i]] = Contents(source + args[i]);
  std::set<std::string> woven;
  for (const Entry& mutant : zkq::mutants::ReadList(args[0])) {
    for (const Edit& edit : mutant.edits) {
      const auto text = texts.find(edit.file);
      if (text == texts.end()) {
        throw std::runtime_error("mutant " + mutant.name + ": " + edit.file + " is not woven");
      }
      Weave(mutant, edit, &text->second);
      woven.insert(edit.file);
    }
  }
  for (auto& [file, text] : texts) {
    if (woven.contains(file)) text = "#include \"test/mutants/mutant.h\"\n" + text;
    Write(target + file, text);
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc < 5) throw std::runtime_error("usage: weave LIST SOURCE_DIR TARGET_DIR FILE…");
    WeaveAll({argv + 1, argv + argc});
    return 0;
  } catch (const std::exception& failure) {
    std::cerr << "weave: " << failure.what() << "\n";
    return 1;
  }
}
