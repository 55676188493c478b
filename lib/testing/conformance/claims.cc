#include "lib/testing/conformance/claims.h"

#include "lib/base/absl/string_view.h"

namespace zkq::testing {
namespace {

constexpr size_t kShownMax = 60;
constexpr char kHex[] = "0123456789abcdef";

}  // namespace

std::string Shown(std::string_view bytes) {
  std::string text = "\"";
  for (const char c : bytes.substr(0, kShownMax)) {
    if (c >= ' ' && c <= '~') {
      text += c;
    } else {
      text += {'\\', 'x', kHex[static_cast<unsigned char>(c) >> 4], kHex[c & 15]};
    }
  }
  text += '"';
  if (bytes.size() > kShownMax) text += "… (" + std::to_string(bytes.size()) + " bytes)";
  return text;
}

std::string Shown(const std::vector<std::string>& names) {
  std::string text = "[";
  for (const std::string& name : names) text += (text.size() > 1 ? " " : "") + Shown(name);
  return text + "]";
}

bool Trial::Expect(bool held, std::string_view seen) {
  if (!held && ok()) status_ = absl::FailedPreconditionError(ToAbsl(seen));
  return held;
}

bool Trial::ExpectOk(const absl::Status& status, std::string_view call) {
  return Expect(status.ok(), std::string(call) + " says " + status.ToString());
}

bool Trial::ExpectRefused(const absl::Status& status, std::string_view call, absl::StatusCode code,
                          std::string_view path) {
  const bool refused =
      status.code() == code && FromAbsl(status.message()).find(path) != std::string_view::npos;
  return Expect(refused, std::string(call) + " says " + status.ToString() + ", not " +
                             absl::StatusCodeToString(code) + " with the path " +
                             std::string(path));
}

void Trial::GiveUp(const absl::Status& why) {
  if (ok()) status_ = why;
}

absl::Status NoSuchClaim(std::string_view name) {
  return absl::InvalidArgumentError(ToAbsl("no claim is called " + Shown(name)));
}

absl::Status InClaim(std::string_view claim, const absl::Status& status) {
  const std::string text = std::string(claim) + ": " + std::string(FromAbsl(status.message()));
  return {status.code(), ToAbsl(text)};
}

}  // namespace zkq::testing
