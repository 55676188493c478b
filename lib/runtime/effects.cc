// The protocol strand carries out what the peer wants done.
#include <utility>

#include "lib/runtime/errors.h"
#include "lib/runtime/node.h"
#include "lib/runtime/protocol.h"

namespace zkq::runtime {
namespace {

template <typename Effect>
constexpr bool kToPeers = false;
template <>
constexpr bool kToPeers<core::Send> = true;
template <>
constexpr bool kToPeers<core::Notify> = true;
template <>
constexpr bool kToPeers<core::DropLink> = true;
template <>
constexpr bool kToPeers<core::Introduce> = true;

}  // namespace

// Order counts within one destination only. What other strands have to do goes
// first, so that they are under way while messages are handed to the transport.
void Protocol::PerformAll(Zxid committed, absl::Duration now) {
  for (core::Effect& effect : effects_) {
    std::visit(
        [this](auto& e) {
          if constexpr (!kToPeers<std::decay_t<decltype(e)>>) Perform(e);
        },
        effect);
  }
  if (node_.halted()) return effects_.clear();
  node_.journal.Add(std::exchange(writes_, {}), committed, now);
  for (core::Effect& effect : effects_) {
    std::visit(
        [this](auto& e) {
          if constexpr (kToPeers<std::decay_t<decltype(e)>>) Perform(e);
        },
        effect);
  }
  effects_.clear();
}

// --- to peers ------------------------------------------------------------------------

void Protocol::Perform(core::Send& send) {
  node_.options.transport->Send(send.to, std::move(send.message));
}

void Protocol::Perform(core::Notify& notify) {
  node_.options.transport->Notify(notify.to, notify.notification);
}

void Protocol::Perform(core::DropLink& drop) {
  node_.Say(LogLevel::kWarning, "drops the link to server ", ToString(drop.link.sid), ": ",
            drop.why);
  node_.options.transport->DropLink(drop.link);
}

void Protocol::Perform(core::Introduce& introduce) {
  node_.options.transport->SetIdentity(introduce.self);
}

// --- to the journal --------------------------------------------------------------------

void Protocol::Perform(core::Append& append) {
  node_.applier.Append(append.txns);
  writes_.push_back(std::move(append));
}

void Protocol::Perform(core::Truncate& truncate) {
  node_.applier.Truncate(truncate.after);
  writes_.push_back(truncate);
}

void Protocol::Perform(core::StoreState& store) { writes_.push_back(std::move(store)); }

void Protocol::Perform(core::InstallSnapshot& install) {
  node_.applier.ExpectInstall();
  writes_.push_back(install);
}

void Protocol::Perform(core::ReadLog& read) { node_.transfers.ReadLog(read); }

void Protocol::Perform(core::FetchSnapshot& fetch) { node_.transfers.Fetch(fetch); }

// --- to the user ------------------------------------------------------------------------

void Protocol::Perform(core::Deliver& deliver) { node_.applier.Deliver(deliver.through); }

void Protocol::Perform(core::Reject& reject) {
  const std::optional<ServerId> leader = node_.board.leader();
  node_.calls.Fail(std::move(reject.tags),
                   [reason = reject.reason, leader](Fate) { return Rejected(reason, leader); });
}

void Protocol::Perform(core::AnswerReads& answer) {
  node_.applier.Answer(std::move(answer.tags), answer.at);
}

void Protocol::Perform(core::RoleChanged& changed) {
  const core::Role& role = changed.role;
  node_.Say(LogLevel::kInfo, ToString(role.state), ", ", ToString(role.phase), ", epoch ",
            std::to_string(role.epoch), ", leader ",
            role.leader == kNoServer ? "none" : ToString(role.leader));
}

void Protocol::Perform(core::Note& note) {
  constexpr LogLevel kLevels[] = {LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError};
  node_.Say(kLevels[static_cast<size_t>(note.level)], note.line);
}

void Protocol::Perform(core::Halt& halt) {
  node_.Halt(MakeError(absl::StatusCode::kDataLoss, halt.what));
}

}  // namespace zkq::runtime
