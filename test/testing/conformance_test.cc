// The kit's conformance suites as their manual has them.
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "test/harness/catch.h"
#include "zkq/testing/conformance.h"

namespace zkq::testing {
namespace {

// The lines "// - claim" of the header.
std::vector<std::string> ClaimsOfManual() {
  std::ifstream header(ZKQ_TEST_DATA_DIR "/../../include/zkq/testing/conformance.h");
  std::vector<std::string> claims;
  for (std::string line; std::getline(header, line);) {
    if (line.starts_with("// - ")) claims.push_back(line.substr(5));
  }
  return claims;
}

TEST_CASE("the manual lists every claim, in the order they are tried") {
  std::vector<std::string> claims;
  for (const auto& suite : {FileSystemClaims(), TransportClaims(), StateMachineClaims()}) {
    claims.insert(claims.end(), suite.begin(), suite.end());
  }
  CHECK(ClaimsOfManual() == claims);
}

}  // namespace
}  // namespace zkq::testing
