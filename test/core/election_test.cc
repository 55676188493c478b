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
// look epoch 1 zxid 1:5 · ask         begins a round: as a candidate, or asking only
// from 2 leader 2 epoch 1 zxid 1:5 round 1 looking connected
// tick 50ms                           so much later
// up 2 · down 2 · settle following leader 2 epoch 2 zxid 1:5
// wake                                when the next tick is wanted
class ElectionScript {
 public:
  explicit ElectionScript(const std::vector<std::string>& args) {
    Words words(args);
    const std::string up = words.Setting("up");
    self_ = ToServerId(words.Next());
    const int voters = static_cast<int>(ToNumber(words.After("of")));
    election_ = NewFastLeaderElection({});
    election_->SetConfigs({self_, {}}, {.committed = VotersUpTo(voters)});
    for (char sid : up) {
      if (sid != ',') election_->PeerUp({ToServerId(std::string(1, sid)), {}}, now_, &out_);
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
  void Do(const std::string& name, Words* step) {
    if (name == "look") {
      const auto epoch = static_cast<Epoch>(ToNumber(step->After("epoch")));
      election_->Look(Vote{epoch, ToZxid(step->After("zxid")), self_}, now_, &out_);
    } else if (name == "ask") {
      election_->Look(Vote{}, now_, &out_);
    } else if (name == "from") {
      const MemberId from{ToServerId(step->Next()), {}};
      election_->Receive(from, ToNotification(step), now_, &out_);
    } else if (name == "tick") {
      now_ += ToTime(step->Next());
      election_->Tick(now_, &out_);
    } else if (name == "up") {
      election_->PeerUp({ToServerId(step->Next()), {}}, now_, &out_);
    } else if (name == "down") {
      election_->PeerDown({ToServerId(step->Next()), {}}, now_, &out_);
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

}  // namespace
}  // namespace zkq::core
