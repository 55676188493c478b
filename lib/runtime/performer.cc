#include "lib/runtime/performer.h"

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "lib/base/checks.h"
#include "lib/runtime/errors.h"
#include "lib/wire/disk.h"

namespace zkq::runtime {
namespace {

template <typename Effect, typename... Others>
constexpr bool kIsOneOf = (std::is_same_v<Effect, Others> || ...);
template <typename Effect>
constexpr bool kToPeers =
    kIsOneOf<Effect, core::Send, core::Notify, core::DropLink, core::Introduce>;

// The effects of one drain.
class Performance {
 public:
  explicit Performance(const Performer::Ports& ports) : ports_(ports) {}

  template <bool to_peers>
  void DoAll(core::Effects* effects) {
    for (core::Effect& effect : *effects) {
      std::visit(
          [&](auto& e) {
            if constexpr (kToPeers<std::decay_t<decltype(e)>> == to_peers) Do(e);
          },
          effect);
    }
  }
  bool halted() const { return halted_; }
  std::vector<Journal::Write> TakeWrites() { return std::move(writes_); }

 private:
  // To peers.
  void Do(core::Send& send) { ports_.transport->Send(send.to, std::move(send.message)); }
  void Do(core::Notify& notify) { ports_.transport->Notify(notify.to, notify.notification); }
  void Do(core::DropLink& drop) {
    const ServerId sid = drop.link.sid;
    ports_.voice->SayAbout(sid, Line::kLinkDropped, "to server ", ToString(sid), ": ", drop.why);
    ports_.transport->DropLink(drop.link);
  }
  void Do(core::Introduce& introduce) { ports_.transport->SetIdentity(introduce.self); }

  // To the disk.
  void Do(core::Append& append) { writes_.push_back(std::move(append)); }
  void Do(core::Truncate& truncate) { writes_.push_back(truncate); }
  void Do(core::StoreState& store) { writes_.push_back(std::move(store)); }
  void Do(core::InstallSnapshot& install) {
    ports_.applier->ExpectInstall();
    writes_.push_back(install);
  }
  void Do(core::ReadLog& read) { ports_.transfers->ReadLog(read); }
  void Do(core::FetchSnapshot& fetch) { ports_.transfers->Fetch(fetch); }

  // To the user.
  void Do(core::Deliver& deliver) {
    ports_.applier->Deliver(deliver.through, std::move(deliver.txns));
  }
  void Do(core::Reject& reject) {
    const std::optional<ServerId> leader = ports_.board->leader();
    ports_.calls->Fail(std::move(reject.tags),
                       [reason = reject.reason, leader](Fate) { return Rejected(reason, leader); });
  }
  void Do(core::RejectChange& reject) {
    const std::optional<ServerId> leader = ports_.board->leader();
    ports_.calls->Fail({reject.tag}, [reject, leader](Fate) {
      return RejectedChange(reject.reason, reject.text, reject.servers, leader);
    });
  }
  void Do(core::Reconfigured& done) {
    std::vector<Calls::Result> results;
    results.push_back(
        {done.tag, Reply{done.membership.version, EncodeMembership(done.membership)}});
    ports_.calls->Finish(std::move(results));
  }
  void Do(core::ProposeAgain& again) { ports_.calls->PutBack(again.tags, again.sent); }
  void Do(core::AnswerReads& answer) { ports_.applier->Answer(std::move(answer.tags), answer.at); }
  void Do(core::RoleChanged& changed) {
    const core::Role& role = changed.role;
    ports_.voice->Say(Line::kRole, ToString(role.state), ", ", ToString(role.phase), ", epoch ",
                      std::to_string(role.epoch), ", leader ",
                      role.leader == kNoServer ? "none" : ToString(role.leader));
  }
  void Do(core::Note& note) { ports_.voice->SayAbout(note.about, note.line, note.text); }
  void Do(core::Halt& halt) {
    halted_ = true;
    const auto code = halt.lost ? absl::StatusCode::kDataLoss : absl::StatusCode::kInternal;
    ports_.halter->Halt(MakeError(code, halt.what));
  }

  const Performer::Ports& ports_;
  std::vector<Journal::Write> writes_ = {};
  bool halted_ = false;
};

}  // namespace

void Performer::Perform(core::Effects* effects, Zxid committed, absl::Duration now) {
  ZKQ_CHECK(ports_.strand->Inside());
  Performance performance(ports_);
  performance.DoAll<false>(effects);
  if (!performance.halted()) {
    ports_.journal->Add(performance.TakeWrites(), committed, now);
    performance.DoAll<true>(effects);
  }
  effects->clear();
}

}  // namespace zkq::runtime
