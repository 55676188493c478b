// Reads the list of mutants; its form is in README.md.
#pragma once

#include <string>
#include <vector>

namespace zkq::mutants {

struct Edit {
  std::string file;
  std::string original, woven;
};
struct Entry {
  std::string name;
  std::string is;       // what mistake
  std::string rare;     // what has to meet, if finding it takes thousands of seeds; or ""
  std::string profile;  // of the runs that it is looked for in; "": all in turn
  std::vector<Edit> edits;
};

// Throws std::runtime_error naming the line that cannot be read.
std::vector<Entry> ReadList(const std::string& path);

}  // namespace zkq::mutants
