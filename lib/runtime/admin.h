// Admin: answers those who ask this server from outside, a tool say, by the transport's
// questions (PROTOCOL §5.6; zkq/admin.h asks them). What changes anything becomes a call of
// this replica.
//
//   kind          bytes                  answer
//   status        none                   StatusReport
//   reconfigure   ChangeRequest          ChangeReport, of a failed change too
//
// Thread-safe.
#pragma once

#include <string_view>

#include "zkq/quorum_transport.h"

namespace zkq::runtime {

class Node;

inline constexpr std::string_view kAskStatus = "status";
inline constexpr std::string_view kAskReconfigure = "reconfigure";

class Admin {
 public:
  explicit Admin(Node* node) : node_(*node) {}

  // As QuorumTransport::Receiver::OnAsked.
  void Answer(const Asker& asker, Question question, absl::Duration time_left,
              QuorumTransport::Answer reply);

 private:
  void Change(const Asker& asker, Question question, absl::Duration time_left,
              QuorumTransport::Answer reply);

  Node& node_;
};

}  // namespace zkq::runtime
