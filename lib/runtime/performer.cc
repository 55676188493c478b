#include "lib/runtime/performer.h"

#include <string>
#include <utility>

#include "lib/base/checks.h"
#include "lib/runtime/errors.h"

namespace zkq::runtime {
namespace {

template <typename Effect, typename... Others>
constexpr bool kIsOneOf = (std::is_same_v<Effect, Others> || ...);
template <typename Effect>
constexpr bool kToPeers =
    kIsOneOf<Effect, core::Send, core::Notify, core::DropLink, core::Introduce>;

}  // namespace

void Performer::Perform(core::Effects* effects, Zxid committed, absl::Duration now) {
  ZKQ_CHECK(ports_.strand->Inside());
  DoAll<false>(effects);
  if (!halted_) {
    ports_.journal->Add(std::exchange(writes_, {}), committed, now);
    DoAll<true>(effects);
  }
  effects->clear();
}

template <bool to_peers>
void Performer::DoAll(core::Effects* effects) {
  for (core::Effect& effect : *effects) {
    std::visit(
        [&](auto& e) {
          if constexpr (kToPeers<std::decay_t<decltype(e)>> == to_peers) Do(e);
        },
        effect);
  }
}

// --- to peers ------------------------------------------------------------------------

void Performer::Do(core::Send& send) { ports_.transport->Send(send.to, std::move(send.message)); }

void Performer::Do(core::Notify& notify) {
  ports_.transport->Notify(notify.to, notify.notification);
}

void Performer::Do(core::DropLink& drop) {
  ports_.voice->Say(LogLevel::kWarning, "drops the link to server ", ToString(drop.link.sid), ": ",
                    drop.why);
  ports_.transport->DropLink(drop.link);
}

void Performer::Do(core::Introduce& introduce) { ports_.transport->SetIdentity(introduce.self); }

// --- to the disk -----------------------------------------------------------------------

void Performer::Do(core::Append& append) { writes_.push_back(std::move(append)); }

void Performer::Do(core::Truncate& truncate) { writes_.push_back(truncate); }

void Performer::Do(core::StoreState& store) { writes_.push_back(std::move(store)); }

void Performer::Do(core::InstallSnapshot& install) {
  ports_.applier->ExpectInstall();
  writes_.push_back(install);
}

void Performer::Do(core::ReadLog& read) { ports_.transfers->ReadLog(read); }

void Performer::Do(core::FetchSnapshot& fetch) { ports_.transfers->Fetch(fetch); }

// --- to the user ------------------------------------------------------------------------

void Performer::Do(core::Deliver& deliver) {
  ports_.applier->Deliver(deliver.through, std::move(deliver.txns));
}

void Performer::Do(core::Reject& reject) {
  const std::optional<ServerId> leader = ports_.board->leader();
  ports_.calls->Fail(std::move(reject.tags),
                     [reason = reject.reason, leader](Fate) { return Rejected(reason, leader); });
}

void Performer::Do(core::AnswerReads& answer) {
  ports_.applier->Answer(std::move(answer.tags), answer.at);
}

void Performer::Do(core::RoleChanged& changed) {
  const core::Role& role = changed.role;
  ports_.voice->Say(LogLevel::kInfo, ToString(role.state), ", ", ToString(role.phase), ", epoch ",
                    std::to_string(role.epoch), ", leader ",
                    role.leader == kNoServer ? "none" : ToString(role.leader));
}

void Performer::Do(core::Note& note) {
  constexpr LogLevel kLevels[] = {LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError};
  ports_.voice->Say(kLevels[static_cast<size_t>(note.level)], note.line);
}

void Performer::Do(core::Halt& halt) {
  halted_ = true;
  const auto code = halt.lost ? absl::StatusCode::kDataLoss : absl::StatusCode::kInternal;
  ports_.halter->Halt(MakeError(code, halt.what));
}

}  // namespace zkq::runtime
