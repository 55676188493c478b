// Layers: which folder may see which, and what would make runs of one seed differ.
// The table of lib/README.md, executable.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace zkq::testing {

// Contents by path, relative to the repository's root.
using SourceTree = std::map<std::string, std::string>;

// The sources of include/, lib/ and examples/ under `root`.
SourceTree ReadSourceTree(const std::string& root);

// Every violation in `tree`, one line each, sorted: an include, followed to its
// end through our own headers, that its folder may not see; and calls that bring
// in real time, real randomness or an order that memory addresses decide.
std::vector<std::string> FindViolations(const SourceTree& tree);

}  // namespace zkq::testing
