// Finding out how an ensemble stands when some of its servers can be asked.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "servers.h"

namespace ctl {

// For one server to answer, at most.
inline constexpr absl::Duration kAnswerTime = absl::Seconds(3);

// By the address where it was asked.
using Answer = std::pair<std::string, absl::StatusOr<zkq::ReplicaStatus>>;
std::vector<Answer> AskEach(Servers& servers, const std::vector<std::string>& addresses,
                            absl::Duration patience = kAnswerTime);
// kFailedPrecondition: those that answer are of two ensembles; who is of which.
absl::Status CheckOneEnsemble(const std::vector<Answer>& answers);

struct Seen {
  zkq::ReplicaStatus any = {};                    // of the one that knows most
  std::optional<zkq::ReplicaStatus> leader = {};  // of who leads, if that one answers
  const zkq::ReplicaStatus& best() const { return leader ? *leader : any; }
};

// Asks all `addresses`, and then who leads by the word of the one that knows most. An error: nobody
// answers, or they are of two ensembles.
absl::StatusOr<Seen> Look(Servers& servers, const std::vector<std::string>& addresses);

// The status of who leads the newest epoch, else has the newest configuration; an unfounded one
// only if all are. Null: none has answered.
const zkq::ReplicaStatus* WhoKnowsMost(const std::vector<Answer>& answers);

// Of all `addresses`, and of all that are listed, each once.
std::vector<Answer> AskAll(Servers& servers, const std::vector<std::string>& addresses);

// Where the server `sid` is: of `addresses` the one where it answers, else as it is listed by who
// has the newest configuration. Nothing: neither.
std::optional<std::string> AddressOf(Servers& servers, const std::vector<std::string>& addresses,
                                     zkq::ServerId sid, absl::Duration patience);

}  // namespace ctl
