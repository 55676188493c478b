// What the service hands to its replica, as bytes, and what it reads of the answer.
//
// A command that the state machine cannot read would be committed all the same, and
// applied by every replica, again after each restart. So a command is made of the
// fields that this server knows, whatever else a client has sent, and is read back
// before it is proposed.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "state.pb.h"

namespace kv {

namespace pb = zkq::kv::v1;

// kInvalidArgument: it has no op, or cannot be read back.
absl::StatusOr<std::string> EncodeCommand(pb::Command command);
std::string EncodeQuery(pb::Query query);

// Reads what Apply or Query has answered. kInternal: it is no such response; the
// outcome in the status says whether the command may have changed something.
absl::Status ReadAnswer(const std::string& answer, google::protobuf::MessageLite* response);

}  // namespace kv
