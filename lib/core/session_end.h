// What a leader means by the end of a learner's session, in words for the people at that learner.
#pragma once

#include <string_view>

#include "zkq/message.h"

namespace zkq::core {

// "it leads no more"
std::string_view Meaning(SessionEndReason of_leader);

}  // namespace zkq::core
