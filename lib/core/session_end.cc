#include "lib/core/session_end.h"

namespace zkq::core {

std::string_view Meaning(SessionEndReason of_leader) {
  switch (of_leader) {
    case SessionEndReason::kNotLeading:
      return "it does not lead";
    case SessionEndReason::kResign:
      return "it leads no more";
    case SessionEndReason::kEpochAhead:
      return "this server has promised a higher epoch";
    case SessionEndReason::kLeaderBehind:
      return "this server's history is ahead of its own";
    case SessionEndReason::kAheadConfig:
      return "this server's configuration is newer than its own";
    case SessionEndReason::kNotDecided:
      return "this server has promised the epoch to another leader";
    case SessionEndReason::kGap:
      return "what this server says or needs does not follow from its history";
    case SessionEndReason::kTimeout:
      return "this server was silent, or stood still, for too long";
    case SessionEndReason::kLeaving:
      return "this server follows it no more";
    case SessionEndReason::kAttachAsFollower:
      return "this server is to attach as a follower";
    case SessionEndReason::kAttachAsObserver:
      return "this server is to attach as an observer";
    case SessionEndReason::kEpochAbsurd:
      return "no history leads to the epoch of this server";
    case SessionEndReason::kBusy:
      return "it brings up as many observers as it may";
  }
  return "for a reason that is not known here";
}

}  // namespace zkq::core
