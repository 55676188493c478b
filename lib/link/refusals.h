// Refusals: what a refused peer is told, and what operators are told.
//
// A refusal travels as a status: its code and text are for people and for those who
// do not know zkq, a Refused is its payload (in gRPC: its details). A peer hears no
// more than that. The log of each side names both as far as that side knows them.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "lib/link/codec.h"
#include "zkq/env.h"

namespace zkq::link {

// "another ensemble"
std::string_view ToString(RefusalCode code);

// The status of a refusal, with the Refused in it.
absl::Status ToStatus(const Refused& refused);
// Nothing: the status is no refusal, or one of a newer peer for a reason of its own.
std::optional<Refused> RefusedIn(const absl::Status& status);
// Why there is no link, for the people at `self`: one clause. Of what a peer says in its own
// words, kShownMax bytes, escaped.
absl::Status Explained(const absl::Status& why, ServerId self);
inline constexpr size_t kShownMax = 200;
// The same attempt would be refused again in a moment: something between the two is wrong.
bool IsLasting(const absl::Status& refusal);
// Under which name the Refused is a status's payload.
inline constexpr char kRefusedPayload[] = "zkq.wire.v1.Refused";

// What a line of the log is about. Each has a limit of its own, so that none hides another.
enum class Topic : uint8_t {
  kRefused,     // by this server; code: the RefusalCode
  kRefusedBy,   // the same by the peer; 0: a reason that this build does not know
  kBroken,      // a live link; code: the status's
  kUnanswered,  // an attempt; code: 0
  kFar,         // a peer for the tick; code: 0
};
struct Subject {
  ServerId peer{};  // kNoServer for all that are not members: strangers cannot fill the map
  Topic topic{};
  int code = 0;
  friend auto operator<=>(const Subject&, const Subject&) = default;
};

// Writes refusals to the log without a line for every attempt. Thread-safe.
class Refusals {
 public:
  explicit Refusals(std::shared_ptr<LogSink> sink) : sink_(std::move(sink)) {}

  // One line a minute for each subject.
  void Log(absl::Duration now, ServerId self, const Subject& about, std::string_view line);

 private:
  const std::shared_ptr<LogSink> sink_;
  std::mutex mutex_;
  std::map<Subject, absl::Duration> last_;
};

}  // namespace zkq::link
