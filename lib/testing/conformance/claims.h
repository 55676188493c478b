// What the conformance suites are made of: claims, each with a check that tries
// it, and the trial that keeps what was seen.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "zkq/types.h"

namespace zkq::testing {

// Bytes for people: quoted, cut when long, what cannot be printed in hex.
std::string Shown(std::string_view bytes);
std::string Shown(const std::vector<std::string>& names);
std::string Shown(std::integral auto number) { return std::to_string(number); }

// One claim while it is tried. Checks go on with what makes sense after a failed
// expectation, or return: only the first one counts.
class Trial {
 public:
  // Returns `held`; if it does not, `seen` says what was seen instead.
  bool Expect(bool held, std::string_view seen);
  // `call` is what returned the status.
  bool ExpectOk(const absl::Status& status, std::string_view call);
  // A refusal with this code that names `path`.
  bool ExpectRefused(const absl::Status& status, std::string_view call, absl::StatusCode code,
                     std::string_view path);
  bool ExpectEqual(const auto& seen, const auto& wanted, std::string_view what) {
    return Expect(seen == wanted, seen == wanted ? std::string()
                                                 : std::string(what) + " is " + Shown(seen) +
                                                       ", not " + Shown(wanted));
  }
  // The claim cannot be tried.
  void GiveUp(const absl::Status& why);

  bool ok() const { return status_.ok(); }
  const absl::Status& status() const { return status_; }

 private:
  absl::Status status_;
};

template <typename Check>
struct Claim {
  std::string_view name;
  Check check;
};
template <typename Check>
using Claims = std::vector<Claim<Check>>;

template <typename Check>
std::vector<std::string> NamesOf(const Claims<Check>& claims) {
  std::vector<std::string> names;
  for (const Claim<Check>& claim : claims) names.emplace_back(claim.name);
  return names;
}

absl::Status NoSuchClaim(std::string_view name);
// The trial's status, with the claim in front.
absl::Status InClaim(std::string_view claim, const absl::Status& status);

// Tries the claim of the name `only`, or all when it is empty, in order and until
// one is broken: run(check, trial).
template <typename Check, typename Run>
absl::Status TryClaims(const Claims<Check>& claims, std::string_view only, const Run& run) {
  bool tried = false;
  for (const Claim<Check>& claim : claims) {
    if (!only.empty() && claim.name != only) continue;
    tried = true;
    Trial trial;
    run(claim.check, &trial);
    if (!trial.ok()) return InClaim(claim.name, trial.status());
  }
  return tried ? absl::OkStatus() : NoSuchClaim(only);
}

}  // namespace zkq::testing
