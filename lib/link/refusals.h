// Refusals: what a refused peer is told.
//
// A refusal travels as a status: its code and text are for people and for those who
// do not know zkq, a Refused is its payload (in gRPC: its details). A peer hears no
// more than that. The log of each side names both as far as that side knows them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "lib/link/codec.h"

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
// Said to who dialled, or by it (`self`): another machine answers than the one that was meant.
bool IsOfAnother(const Refused& refused, ServerId self);

// The same attempt would be refused again in a moment: something between the two is wrong.
bool IsLasting(const absl::Status& refusal);
// Under which name the Refused is a status's payload.
inline constexpr char kRefusedPayload[] = "zkq.wire.v1.Refused";

}  // namespace zkq::link
