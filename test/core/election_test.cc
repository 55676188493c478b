// FastLeaderElection alone, as scripts.
#include <algorithm>
#include <memory>

#include "test/core/text.h"
#include "test/core/transcript.h"
#include "test/harness/catch.h"
#include "test/harness/script.h"
#include "zkq/election.h"

namespace zkq::core {
namespace {

using testing::Command;
using testing::RunScript;

// election 1 of 3 [up=2,3]            server 1 of an ensemble of three, linked already
//     [config=5:1=1+2+3:9]             committed, with disks; server 2 has disk 2 unless said
//     otherwise [pending=5:7=1+2+4] [disk=9]     in this server's log; its disk
// look epoch 1 zxid 1:5 · ask         begins a round: as a candidate, or asking only
// from 2[:9] leader 2 epoch 1 zxid 1:5 round 1 looking connected [pending=5:7=1+2+4]
// tick 50ms                           so much later
// up 2 · down 2 · settle following leader 2 epoch 2 zxid 1:5
// wake                                when the next tick is wanted
class ElectionScript {
 public:
  explicit ElectionScript(const std::vector<std::string>& args) {
    Words words(args);
    const std::string up = words.Setting("up"), config = words.Setting("config");
    const std::string pending = words.Setting("pending"), disk = words.Setting("disk");
    has_disks_ = !config.empty();
    const std::string self = words.Next();
    self_ = ToServerId(self);
    const int voters = static_cast<int>(ToNumber(words.After("of")));
    election_ = NewFastLeaderElection({});
    Configs configs{.committed = has_disks_ ? ToMembership(config) : VotersUpTo(voters)};
    if (!pending.empty()) configs.pending = ToMembership(pending);
    election_->SetConfigs(ToMemberId(disk.empty() ? self : self + ":" + disk), configs);
    for (char sid : up) {
      if (sid != ',') election_->PeerUp(ToMemberId(std::string(1, sid)), now_, &out_);
    }
    out_.clear();
  }

  std::vector<std::string> Step(Words step) {
    const std::string name = step.Next();
    const bool decided = election_->outcome().has_value();
    if (name == "wake") return {Wake()};
    Do(name, &step);
    std::vector<std::string> lines = TakeOutbox();
    if (election_->outcome() && (!decided || name == "look")) lines.push_back(Outcome());
    return lines;
  }

 private:
  MemberId ToMemberId(const std::string& word) const {
    const Member member = ToMembers(word).front();
    return {member.id, has_disks_ ? member.disk : DiskId{}};
  }

  void Do(const std::string& name, Words* step) {
    if (name == "look") {
      const auto epoch = static_cast<Epoch>(ToNumber(step->After("epoch")));
      election_->Look(Vote{epoch, ToZxid(step->After("zxid")), self_}, now_, &out_);
    } else if (name == "ask") {
      election_->Look(Vote{}, now_, &out_);
    } else if (name == "from") {
      const MemberId from = ToMemberId(step->Next());
      const std::string pending = step->Setting("pending");
      Notification notification = ToNotification(step);
      if (!pending.empty()) notification.pending = ToMembership(pending);
      election_->Receive(from, notification, now_, &out_);
    } else if (name == "tick") {
      now_ += ToTime(step->Next());
      election_->Tick(now_, &out_);
    } else if (name == "up") {
      election_->PeerUp(ToMemberId(step->Next()), now_, &out_);
    } else if (name == "down") {
      election_->PeerDown(ToMemberId(step->Next()), now_, &out_);
    } else if (name == "settle") {
      const bool leads = step->Next() == "leading";
      election_->Settle(leads ? PeerState::kLeading : PeerState::kFollowing, ToVote(step), &out_);
    } else {
      throw std::invalid_argument("no such step: " + name);
    }
  }

  // One line for all who are told the same.
  std::vector<std::string> TakeOutbox() {
    std::vector<std::pair<std::string, std::string>> told;  // what, to whom
    for (const auto& [sid, notification] : std::exchange(out_, {})) {
      const std::string what = ToString(notification).substr(sizeof("notification"));
      const auto same =
          std::find_if(told.begin(), told.end(), [&](const auto& t) { return t.first == what; });
      if (same == told.end()) {
        told.emplace_back(what, ToString(sid));
      } else {
        same->second += "," + ToString(sid);
      }
    }
    std::vector<std::string> lines;
    for (const auto& [what, to] : told) lines.push_back("to " + to + ": " + what);
    return lines;
  }

  std::string Outcome() const {
    const Decision decision = *election_->outcome();
    return "decides: " + std::string(ToString(decision.state)) + ", " + ToString(decision.vote);
  }

  std::string Wake() const {
    const auto wake = election_->NextWake();
    if (!wake) return "not before another event";
    return "in " + std::to_string((*wake - now_).count() / 1000) + "ms";
  }

  bool has_disks_ = false;
  ServerId self_{};
  std::unique_ptr<Election> election_;
  Time now_{};
  Outbox out_;
};

std::string Run(const char* script) {
  return RunScript(script, [](const Command& command) {
    ElectionScript election(command.args);
    return Transcript(command, [&](Words step) { return election.Step(std::move(step)); });
  });
}

TEST_CASE("a peer proposes the best candidate it has heard of") {
  REQUIRE(Run("testdata/election/proposing.txt") == "");
}
TEST_CASE("a quorum's choice is held open for a short while, then decided") {
  REQUIRE(Run("testdata/election/deciding.txt") == "");
}
TEST_CASE("an established ensemble is joined on the word of a quorum and its leader") {
  REQUIRE(Run("testdata/election/joining.txt") == "");
}
TEST_CASE("questions, strangers and late comers are answered") {
  REQUIRE(Run("testdata/election/answering.txt") == "");
}
TEST_CASE("a peer that only asks finds a leader and elects nobody") {
  REQUIRE(Run("testdata/election/asking.txt") == "");
}
TEST_CASE("candidates without links to a quorum are passed over for a while") {
  REQUIRE(Run("testdata/election/connectivity.txt") == "");
}

TEST_CASE("who may be elected stands in a configuration that counts, or that a voter tells of") {
  REQUIRE(Run("testdata/election/candidates.txt") == "");
}

}  // namespace
}  // namespace zkq::core
