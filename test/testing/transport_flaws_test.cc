// The transports' suite names what is wrong with a transport: a sound one with one
// flaw on top.
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/absl/string_view.h"
#include "test/harness/catch.h"
#include "test/testing/sim_world.h"

namespace zkq::testing {
namespace {

enum class Flaw {
  kNone,
  kForgetsConfig,
  kStartsAnyway,
  kKeepsDropped,
  kDropsAny,
  kNoNewLife,
  kTellsNoReason,
  kForgetsSession,
  kLosesSome,
  kSendsOnce,
  kSwapsPings,
  kNoAnswers,
  kSendsToNext,
  kCountsFramesAlone,
  kTellsOnce,
  kTellsFirst,
  kHoldsForEver,
  kReadsOn,
  kCountsAll,
  kLosesWhatIsTooMuch,
  kNoHolds,
  kKeepsIdentity,
  kTakesForeign,
  kTakesOtherElections,
  kNeedsEnsemble,
  kTakesListedAlone,
  kCutsLinks,
  kFromTheStart,
  kHidesErrors,
  kAsksOn,
  kGivesOn,
  kDeadIsLive,
  kGarbles,
  kHidesWhose,
  kForgetsWhoWaits,
  kStaysUp,
};

class FlawedTransport final : public QuorumTransport, public QuorumTransport::Receiver {
 public:
  FlawedTransport(Flaw flaw, std::unique_ptr<QuorumTransport> sound)
      : flaw_(flaw), sound_(std::move(sound)) {}
  ~FlawedTransport() override {
    receiver_ = nullptr;  // it goes before what stays up
    sound_->Shutdown();
  }

  absl::Status Start(const Env& env, const Identity& self,
                     QuorumTransport::Receiver* receiver) override {
    receiver_ = receiver;
    Identity shown = self;
    if (Is(Flaw::kNoNewLife)) shown.boot = 1;
    if (Is(Flaw::kTakesForeign)) shown.ensemble = {7, 7};
    if (Is(Flaw::kTakesOtherElections)) shown.election = "any";
    if (Is(Flaw::kNeedsEnsemble) && shown.ensemble == EnsembleId{}) shown.ensemble = {1, 1};
    const absl::Status started = sound_->Start(env, shown, this);
    return Is(Flaw::kStartsAnyway) ? absl::OkStatus() : started;
  }
  void SetIdentity(const Identity& self) override {
    if (!Is(Flaw::kKeepsIdentity)) sound_->SetIdentity(self);
  }
  void SetMembers(absl::Span<const Member> members) override {
    members_.clear();
    for (const Member& member : members) members_.insert(member.id);
    sound_->SetMembers(members);
    const std::map<ServerId, LinkId> links = links_;
    for (const auto& [sid, link] : links) {
      if (Is(Flaw::kCutsLinks) && !members_.contains(sid)) sound_->DropLink(link);
    }
  }

  void Send(std::span<const LinkId> to, Message message) override {
    if (Is(Flaw::kSendsOnce)) to = to.first(1);
    if (Is(Flaw::kForgetsSession)) message.session = {};
    sent_ += SizeOf(message);
    ++count_;
    if (Is(Flaw::kLosesSome) && count_ % 1000 == 0) return;
    if (Is(Flaw::kNoAnswers) && inside_) return;
    if (Is(Flaw::kLosesWhatIsTooMuch) && sent_ > (512 << 10)) return;
    if (Is(Flaw::kCountsAll) && sent_ > (4 << 20)) return sound_->DropLink(to.front());
    if (Is(Flaw::kSwapsPings) && std::holds_alternative<Ping>(message.body)) {
      return SwapPings(to, message);
    }
    if (!Is(Flaw::kSendsToNext)) return sound_->Send(to, std::move(message));
    for (const LinkId& link : to) {
      const LinkId next = links_.count(link.sid) > 0 ? links_[link.sid] : link;
      sound_->Send(std::span(&next, 1), message);
    }
  }
  void Notify(ServerId to, const Notification& notification) override {
    if (!Is(Flaw::kTellsFirst) || told_.insert(to).second) sound_->Notify(to, notification);
  }
  void DropLink(const LinkId& link) override {
    if (Is(Flaw::kKeepsDropped)) return;
    const bool newer = Is(Flaw::kDropsAny) && links_.count(link.sid) > 0;
    sound_->DropLink(newer ? links_[link.sid] : link);
  }
  void FetchSnapshot(const LinkId& link, const SnapshotRequest& request,
                     SnapshotSink sink) override {
    SnapshotRequest asked = request;
    if (Is(Flaw::kFromTheStart)) asked.offset = 0;
    const bool newer = Is(Flaw::kDeadIsLive) && links_.count(link.sid) > 0;
    auto told = [this, sink = std::move(sink)](auto chunk, Hold hold) mutable {
      if (Is(Flaw::kHidesErrors) && !chunk.ok()) return false;
      const bool more = sink(std::move(chunk), Is(Flaw::kAsksOn) ? nullptr : std::move(hold));
      return more || Is(Flaw::kGivesOn);
    };
    sound_->FetchSnapshot(newer ? links_[link.sid] : link, asked, std::move(told));
  }
  void Ask(ServerId to, Question question, absl::Duration timeout, Answer done) override {
    if (Is(Flaw::kGarbles)) question.bytes.clear();
    if (Is(Flaw::kForgetsWhoWaits)) {
      done = [done = std::move(done)](absl::StatusOr<std::string> answer) mutable {
        if (answer.ok() || AnsweredBy(answer.status())) std::move(done)(std::move(answer));
      };
    }
    if (Is(Flaw::kHidesWhose)) {
      done = [done = std::move(done)](absl::StatusOr<std::string> answer) mutable {
        if (answer.ok()) return std::move(done)(std::move(answer));
        std::move(done)(absl::Status(answer.status().code(), answer.status().message()));
      };
    }
    sound_->Ask(to, std::move(question), timeout, std::move(done));
  }
  LinkCounters counters() const override {
    LinkCounters counters = sound_->counters();
    if (Is(Flaw::kCountsFramesAlone)) counters.bytes_read = counters.bytes_written = 0;
    return counters;
  }
  std::vector<LinkState> links() const override {
    std::vector<LinkState> links = sound_->links();
    for (LinkState& link : links) {
      if (Is(Flaw::kTellsNoReason)) link.error = absl::OkStatus();
    }
    return links;
  }
  void Shutdown() override {
    if (!Is(Flaw::kStaysUp)) sound_->Shutdown();
  }

  void OnLinkUp(const LinkId& link, const Identity& peer) override {
    if (Is(Flaw::kTakesListedAlone) && !members_.contains(link.sid)) return sound_->DropLink(link);
    links_[link.sid] = link;
    Identity shown = peer;
    if (Is(Flaw::kForgetsConfig)) shown.config.reset();
    receiver_->OnLinkUp(link, shown);
  }
  void OnIntroduced(const LinkId& link, const Identity& peer) override {
    receiver_->OnIntroduced(link, peer);
  }
  void OnMessage(const LinkId& link, Message message, Hold hold) override {
    if (Is(Flaw::kHoldsForEver)) holds_.push_back(hold);
    if (Is(Flaw::kReadsOn)) hold = std::make_shared<int>();
    if (Is(Flaw::kNoHolds)) hold = nullptr;
    inside_ = true;
    receiver_->OnMessage(link, std::move(message), std::move(hold));
    inside_ = false;
  }
  void OnNotification(const LinkId& link, const Notification& notification) override {
    if (!Is(Flaw::kTellsOnce) || heard_.insert(link.sid).second) {
      receiver_->OnNotification(link, notification);
    }
  }
  void OnLinkDown(const LinkId& link, const absl::Status& why) override {
    if (links_.erase(link.sid) > 0 && receiver_ != nullptr) receiver_->OnLinkDown(link, why);
  }
  void OnSnapshotAsked(const LinkId& link, const SnapshotRequest& request,
                       absl::AnyInvocable<void(absl::StatusOr<SnapshotChunk>) &&> reply) override {
    receiver_->OnSnapshotAsked(link, request, std::move(reply));
  }
  void OnAsked(const Asker& asker, Question question, absl::Duration time_left,
               Answer reply) override {
    receiver_->OnAsked(asker, std::move(question), time_left, std::move(reply));
  }

 private:
  bool Is(Flaw flaw) const { return flaw_ == flaw; }
  // The first of every two goes after the second.
  void SwapPings(std::span<const LinkId> to, const Message& ping) {
    if (!ping_.has_value()) {
      ping_ = ping;
      return;
    }
    sound_->Send(to, ping);
    sound_->Send(to, *std::exchange(ping_, std::nullopt));
  }

  const Flaw flaw_;
  const std::unique_ptr<QuorumTransport> sound_;
  QuorumTransport::Receiver* receiver_ = nullptr;
  std::map<ServerId, LinkId> links_;  // up
  std::set<ServerId> members_, told_, heard_;
  std::optional<Message> ping_;
  std::vector<Hold> holds_;
  size_t sent_ = 0, count_ = 0;
  bool inside_ = false;  // a call of the receiver
};

class FlawedWorld final : public TransportWorld {
 public:
  FlawedWorld(Flaw flaw, const TransportWorldOptions& options) : flaw_(flaw), sound_(options) {}

  std::unique_ptr<QuorumTransport> NewTransport(ServerId sid) override {
    return std::make_unique<FlawedTransport>(flaw_, sound_.NewTransport(sid));
  }
  std::vector<Member> Members(const std::vector<ServerId>& sids) override {
    return sound_.Members(sids);
  }
  Env EnvOf(ServerId sid) override { return sound_.EnvOf(sid); }
  bool RunUntil(absl::FunctionRef<bool()> condition) override { return sound_.RunUntil(condition); }
  void Settle() override { sound_.Settle(); }

 private:
  const Flaw flaw_;
  SimWorld sound_;
};

absl::Status Run(Flaw flaw, std::string_view claim) {
  return RunTransportConformance(
      [flaw](const auto& options) { return std::make_unique<FlawedWorld>(flaw, options); }, claim);
}

TEST_CASE("a transport without a flaw keeps every promise") {
  CHECK(Run(Flaw::kNone, {}).ToString() == "OK");
}

TEST_CASE("each broken promise of a transport is reported as the claim that it breaks") {
  // The last two can only be broken by a crash, or by a thread that calls late.
  const Flaw flaws[] = {Flaw::kForgetsConfig,
                        Flaw::kStartsAnyway,
                        Flaw::kKeepsDropped,
                        Flaw::kDropsAny,
                        Flaw::kNoNewLife,
                        Flaw::kTellsNoReason,
                        Flaw::kForgetsSession,
                        Flaw::kLosesSome,
                        Flaw::kSendsOnce,
                        Flaw::kSwapsPings,
                        Flaw::kNoAnswers,
                        Flaw::kSendsToNext,
                        Flaw::kCountsFramesAlone,
                        Flaw::kTellsOnce,
                        Flaw::kTellsFirst,
                        Flaw::kHoldsForEver,
                        Flaw::kReadsOn,
                        Flaw::kCountsAll,
                        Flaw::kLosesWhatIsTooMuch,
                        Flaw::kNoHolds,
                        Flaw::kKeepsIdentity,
                        Flaw::kTakesForeign,
                        Flaw::kTakesOtherElections,
                        Flaw::kNeedsEnsemble,
                        Flaw::kTakesListedAlone,
                        Flaw::kCutsLinks,
                        Flaw::kFromTheStart,
                        Flaw::kHidesErrors,
                        Flaw::kAsksOn,
                        Flaw::kGivesOn,
                        Flaw::kHidesErrors,
                        Flaw::kDeadIsLive,
                        Flaw::kGarbles,
                        Flaw::kHidesWhose,
                        Flaw::kForgetsWhoWaits,
                        Flaw::kForgetsWhoWaits,
                        Flaw::kStaysUp};
  const std::vector<std::string> claims = TransportClaims();
  REQUIRE(std::size(flaws) + 2 == claims.size());
  for (size_t i = 0; i < std::size(flaws); ++i) {
    const absl::Status status = Run(flaws[i], claims[i]);
    CAPTURE(claims[i], status.ToString());
    CHECK(absl::IsFailedPrecondition(status));
    CHECK(FromAbsl(status.message()).starts_with(claims[i] + ": "));
  }
}

}  // namespace
}  // namespace zkq::testing
