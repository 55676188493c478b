// What zkqctl prints, as a table or as JSON. Pure.
#pragma once

#include <string>
#include <vector>

#include "arguments.h"
#include "look.h"

namespace ctl {

// A status as people read it: "UNAVAILABLE: text", without what is attached.
std::string Words(const absl::Status& status);

std::string StatusText(const std::vector<Answer>& answers, Output output);
std::string MembersText(const zkq::Membership& membership, Output output);

// The answer to a question that a verb asks, and of a no why.
std::string AnswerText(bool yes, const std::string& why, Output output);

// What --dry-run says of a change: what it would make of the configuration, and whether that
// could decide now.
std::string DryRunText(const zkq::Membership& next, const absl::Status& decides, Output output);

}  // namespace ctl
