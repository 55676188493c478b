#include "commands.h"

#include "state_machine.h"
#include "zkq/status.h"

namespace kv {

absl::StatusOr<std::string> EncodeCommand(pb::Command command) {
  command.DiscardUnknownFields();
  std::string bytes = command.SerializeAsString();
  pb::Command read;
  if (!read.ParseFromString(bytes) || read.op_case() == pb::Command::OP_NOT_SET) {
    return zkq::MakeError(absl::StatusCode::kInvalidArgument, "not a command of this store",
                          {.outcome = zkq::Outcome::kNotCommitted});
  }
  return bytes;
}

std::string EncodeQuery(pb::Query query) {
  query.DiscardUnknownFields();
  return query.SerializeAsString();
}

absl::Status ReadAnswer(const std::string& answer, google::protobuf::MessageLite* response) {
  if (answer == kNotACommand) {
    return zkq::MakeError(absl::StatusCode::kInternal, "the servers could not read the command",
                          {.outcome = zkq::Outcome::kNotCommitted});
  }
  if (!response->ParseFromString(answer)) {
    return zkq::MakeError(absl::StatusCode::kInternal, "the answer cannot be read",
                          {.outcome = zkq::Outcome::kUnknown});
  }
  return absl::OkStatus();
}

}  // namespace kv
