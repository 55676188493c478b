#include "test/sim/leaving_out.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

namespace zkq::sim {
namespace {

using testing::SimCluster;

class LeavingOut {
 public:
  LeavingOut(uint64_t seed, const std::vector<ServerId>& lost, SimCluster* cluster)
      : random_(seed * 17 + 4), lost_(lost), cluster_(*cluster) {}

  // Whom it was left to, of whom each has to take a write; nobody: there was nothing to judge.
  std::vector<ServerId> Run() {
    if (random_.Below(2) == 0) StopSome();
    constexpr int kTries = 8;
    for (int tries = 0; tries < kTries && !cluster_.violation(); ++tries) {
      const Zxid before = cluster_.membership().version;
      const auto now = Change(Wanted());
      if (!now) break;
      if (now->ok() && (*now)->version > before) return StopOthers(**now);
      cluster_.RunFor(absl::Seconds(1));  // what stood in its way may be over
    }
    return {};
  }

 private:
  ServerId Any() {
    const std::vector<ServerId>& all = cluster_.servers();
    return all[random_.Below(all.size())];
  }
  bool IsThere(ServerId sid) const {
    return cluster_.server(sid).up() && cluster_.HasItsId(sid) &&
           std::find(lost_.begin(), lost_.end(), sid) == lost_.end();
  }

  static std::vector<ServerId> Seats(std::vector<ServerId> places) {
    for (ServerId& place : places) place = testing::SeatOf(place);
    return places;
  }

  // A change must not be begun that those who are up cannot end.
  void StopSome() {
    const Membership now = cluster_.membership();
    std::vector<ServerId> up;
    for (const ServerId sid : cluster_.servers()) {
      if (cluster_.counts(sid) && IsThere(sid)) up.push_back(sid);
    }
    for (const ServerId sid : std::vector(up)) {
      std::vector<ServerId> others = up;
      std::erase(others, sid);
      if (sid == cluster_.leader() || random_.Below(2) == 0 || !IsQuorum(now, Seats(others))) {
        continue;
      }
      cluster_.server(sid).Crash();
      up = std::move(others);
    }
    cluster_.RunFor(absl::Seconds(1));  // that is noticed
  }

  // A voter or two go, half of the time with the leader, and somebody comes to vote.
  Membership Wanted() {
    Membership next = cluster_.membership();
    const std::optional<ServerId> leader = cluster_.leader();
    if (leader && random_.Below(2) == 0) next = Without(std::move(next), testing::SeatOf(*leader));
    if (random_.Below(2) == 0 && !next.members.empty()) {
      next = Without(next, next.members[random_.Below(next.members.size())].id);
    }
    const ServerId any = Any(), comes = testing::SeatOf(any);
    const Member* const is = FindMember(next, comes);
    const bool votes = is != nullptr && is->type == MemberType::kParticipant;
    if (random_.Below(3) == 0 && IsThere(any) && !votes) {
      next = With(Without(next, comes), VoterLike(next, comes));
    }
    return next;
  }
  static Member VoterLike(const Membership& others, ServerId sid) {
    Member voter{.id = sid};
    for (const Member& other : others.members) {
      if (!other.address.empty()) voter.address = "h" + ToString(sid) + ":1";
      voter.group = std::max(voter.group, other.group);
    }
    return voter;
  }

  // None: it should have been made, or refused for what it asks, and was not.
  std::optional<absl::StatusOr<Membership>> Change(const Membership& next) {
    ServerId by = Any();
    while (!IsThere(by)) by = Any();
    absl::StatusOr<Membership> answer = Ask(by, next);
    // It may have come just when its leader renewed the epoch, or when the server that was asked
    // got a snapshot.
    constexpr int kTries = 20;
    const auto again = [&] {
      return absl::IsUnavailable(answer.status()) || absl::IsUnknown(answer.status());
    };
    for (int tries = 1; tries < kTries && again(); ++tries) {
      cluster_.RunFor(absl::Milliseconds(200));
      answer = Ask(by, next);
    }
    if (cluster_.violation()) return std::nullopt;
    const absl::Status& status = answer.status();
    const bool told = status.ok() || absl::IsAborted(status) || absl::IsInvalidArgument(status) ||
                      absl::IsFailedPrecondition(status);
    if (told) return answer;
    cluster_.Report("LIV-6 calls", "a change to " + ToString(next) + " is not made in peace: " +
                                       status.ToString() + "\n" + cluster_.Describe());
    return std::nullopt;
  }

  absl::StatusOr<Membership> Ask(ServerId by, const Membership& next) {
    constexpr absl::Duration kTimeout = absl::Seconds(60);
    const auto answer = std::make_shared<std::optional<absl::StatusOr<Membership>>>();
    cluster_.server(by).Reconfigure(
        next, kTimeout, [answer](absl::StatusOr<Membership> now) { *answer = std::move(now); });
    cluster_.RunUntil([&] { return answer->has_value(); }, 2 * kTimeout);
    return answer->has_value() ? **answer : absl::DeadlineExceededError("no answer");
  }

  // Stops all whom `now` leaves out, and lets the leader die; that one comes back at once if the
  // others are no quorum without it.
  std::vector<ServerId> StopOthers(const Membership& now) {
    const std::optional<ServerId> leader = cluster_.leader();
    std::vector<ServerId> others;
    for (const ServerId sid : cluster_.servers()) {
      if (FindMember(now, testing::SeatOf(sid)) == nullptr) cluster_.server(sid).Crash();
      if (sid != leader && cluster_.counts(sid) && IsThere(sid)) others.push_back(sid);
    }
    if (leader) {
      cluster_.server(*leader).Crash();
      if (!IsQuorum(now, Seats(others))) {
        (void)cluster_.server(*leader).Start();  // nothing is wrong with it
        others.push_back(*leader);
      }
    }
    constexpr absl::Duration kLed = absl::Seconds(60);
    if (cluster_.RunUntil([&] { return cluster_.leader().has_value(); }, kLed)) return others;
    if (!cluster_.violation()) {
      cluster_.Report("LIV-5 settled",
                      "nobody leads after " + ToString(now) + "\n" + cluster_.Describe());
    }
    return {};
  }

  testing::SimRandom random_;
  const std::vector<ServerId>& lost_;
  SimCluster& cluster_;
};

}  // namespace

bool LeaveOut(uint64_t seed, const std::vector<ServerId>& lost, Clients* clients,
              SimCluster* cluster) {
  const std::vector<ServerId> others = LeavingOut(seed, lost, cluster).Run();
  if (others.empty() || cluster->violation()) return false;
  constexpr absl::Duration kCommits = absl::Seconds(30);
  if (!clients->WriteThroughEach(others, kCommits) && !cluster->violation()) {
    cluster->Report("LIV-5 settled",
                    "those whom a change lists commit nothing\n" + cluster->Describe());
  }
  return true;
}

}  // namespace zkq::sim
