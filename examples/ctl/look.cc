#include "look.h"

#include <algorithm>
#include <future>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"

namespace ctl {
namespace {

// Of the ensemble: who leads the newest epoch does, then who has the newest configuration. One that
// is not founded knows of none but its own list.
bool KnowsMore(const zkq::ReplicaStatus& a, const zkq::ReplicaStatus& b) {
  const auto rank = [](const zkq::ReplicaStatus& s) {
    return std::tuple(s.standing != zkq::Standing::kUnfounded, s.leads.value_or(0),
                      s.membership.version, s.leader.has_value(), s.epoch);
  };
  return rank(a) > rank(b);
}

}  // namespace

std::vector<Answer> AskEach(Servers& servers, const std::vector<std::string>& addresses,
                            absl::Duration patience) {
  std::vector<std::future<absl::StatusOr<zkq::ReplicaStatus>>> waiting;
  for (const std::string& address : addresses) {
    waiting.push_back(std::async(std::launch::async, [&servers, address, patience] {
      return servers.StatusOf(address, patience);
    }));
  }
  std::vector<Answer> answers;
  for (size_t i = 0; i < addresses.size(); ++i) {
    answers.emplace_back(addresses[i], waiting[i].get());
  }
  return answers;
}

absl::Status CheckOneEnsemble(const std::vector<Answer>& answers) {
  const Answer* first = nullptr;
  for (const Answer& one : answers) {
    if (!one.second.ok() || one.second->ensemble == zkq::EnsembleId{}) continue;
    if (first == nullptr) first = &one;
    if (one.second->ensemble == first->second->ensemble) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("the server at ", first->first, " is of ensemble ",
                     ToString(first->second->ensemble), ", and that at ", one.first, " of ",
                     ToString(one.second->ensemble), ": --servers has to name servers of one"));
  }
  return absl::OkStatus();
}

const zkq::ReplicaStatus* WhoKnowsMost(const std::vector<Answer>& answers) {
  const zkq::ReplicaStatus* best = nullptr;
  for (const auto& [address, answer] : answers) {
    if (answer.ok() && (best == nullptr || KnowsMore(*answer, *best))) best = &*answer;
  }
  return best;
}

absl::StatusOr<Seen> Look(Servers& servers, const std::vector<std::string>& addresses) {
  absl::Status error = absl::InvalidArgumentError("no server is given");
  const std::vector<Answer> answers = AskEach(servers, addresses);
  if (absl::Status s = CheckOneEnsemble(answers); !s.ok()) return s;
  for (const auto& [address, answer] : answers) {
    if (!answer.ok()) error = answer.status();
  }
  const zkq::ReplicaStatus* const best = WhoKnowsMost(answers);
  if (best == nullptr) return error;
  Seen seen{.any = *best};
  if (seen.any.leads) {
    seen.leader = seen.any;
  } else if (seen.any.leader) {
    const zkq::Member* const leader = FindMember(seen.any.membership, *seen.any.leader);
    if (leader == nullptr || leader->address.empty()) return seen;
    absl::StatusOr<zkq::ReplicaStatus> its = servers.StatusOf(leader->address, kAnswerTime);
    if (its.ok() && its->leads) seen.leader = *std::move(its);
  }
  return seen;
}

std::vector<Answer> AskAll(Servers& servers, const std::vector<std::string>& addresses) {
  std::set<std::string> asked(addresses.begin(), addresses.end());
  std::vector<Answer> answers = AskEach(servers, {asked.begin(), asked.end()});
  const zkq::ReplicaStatus* const best = WhoKnowsMost(answers);
  if (best == nullptr) return answers;
  std::set<zkq::ServerId> known;
  for (const auto& [address, answer] : answers) {
    if (answer.ok()) known.insert(answer->id);
  }
  std::vector<std::string> more;
  for (const zkq::Member& member : best->membership.members) {
    if (known.contains(member.id) || !asked.insert(member.address).second) continue;
    more.push_back(member.address);
  }
  for (Answer& answer : AskEach(servers, more)) answers.push_back(std::move(answer));
  return answers;
}

std::optional<std::string> AddressOf(Servers& servers, const std::vector<std::string>& addresses,
                                     zkq::ServerId sid, absl::Duration patience) {
  const zkq::Member* listed = nullptr;
  zkq::Zxid newest;
  const std::vector<Answer> answers = AskEach(servers, addresses, patience);
  for (const auto& [address, answer] : answers) {
    if (!answer.ok()) continue;
    if (answer->id == sid) return address;
    const zkq::Member* const member = FindMember(answer->membership, sid);
    if (member == nullptr || (listed != nullptr && answer->membership.version < newest)) continue;
    listed = member;
    newest = answer->membership.version;
  }
  if (listed == nullptr) return std::nullopt;
  return listed->address;
}

}  // namespace ctl
