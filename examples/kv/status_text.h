// How the servers stand, in the forms that `zkq-kv status` prints. Pure.
#pragma once

#include <string>

#include "kv.pb.h"

namespace kv {

namespace pb = zkq::kv::v1;

// For people: a row a server, then a row a link, then what has no room there and what is wrong.
// At most 100 columns wide, but for words and addresses that are longer. May change.
std::string StatusTable(const pb::StatusReport& report);

// For scripts: a line a server, `ADDRESS name=value name=value …`, the free text of health at its
// end. Names are added, never changed. Links are in the JSON only.
std::string StatusLines(const pb::StatusReport& report);

// The report as protobuf prints it: in many lines to be read, or in one.
std::string StatusJson(const pb::StatusReport& report, bool one_line);

}  // namespace kv
