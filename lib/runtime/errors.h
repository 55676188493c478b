// The statuses zkq makes of its own accord, one function a kind, as in the table
// at the head of zkq/replica.h. Each call makes a new one: an absl::Status is
// moved between threads, never copied.
#pragma once

#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "zkq/message.h"
#include "zkq/status.h"

namespace zkq::runtime {

// What may have become of a call that has failed.
enum class Fate {
  kNothing,  // a read or a snapshot: it changes nothing
  kNotSent,  // a write that never left this replica's hands: it has not happened
  kAbsent,   // a write that was sent, is in no history, and waits to be sent again
  kSent,     // a write that may have happened, or may yet
};

// A call that ended before it was answered.
absl::Status TimedOut(Fate fate, std::optional<ServerId> leader);
absl::Status EndedByShutdown(Fate fate);
// `code`: HaltCode of what the replica halted for.
absl::Status EndedByHalt(Fate fate, absl::StatusCode code, std::string_view why);
// kDataLoss only if something durable may be lost, kResourceExhausted for want of room or
// descriptors, else kInternal.
absl::StatusCode HaltCode(const absl::Status& why);
absl::Status Rejected(RejectReason reason, std::optional<ServerId> leader);
// A change of the configuration. `text`: what is in the way, and `servers` who; by the leader.
absl::Status RejectedChange(RejectReason reason, std::string_view text,
                            const std::vector<uint64_t>& servers, std::optional<ServerId> leader);

// Calls that were never taken on.
absl::Status Overloaded(size_t outstanding_bytes_max);
absl::Status ShuttingDown();
absl::Status ShutDown();
absl::Status OnOwnThread(std::string_view call);
absl::Status NoStateMachine();
absl::Status TooLarge(size_t bytes, size_t bytes_max);
absl::Status TooStale(std::optional<ServerId> leader);

}  // namespace zkq::runtime
