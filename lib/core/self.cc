#include "lib/core/self.h"

#include <algorithm>
#include <utility>

#include "lib/core/founding.h"

namespace zkq::core {
namespace {

Configs ConfigsOf(const Membership& membership) { return {.committed = membership}; }

}  // namespace

// `history` is given this object's own Invariants before they are constructed:
// it keeps the address and does not look.
Self::Self(PeerOptions given, Recovered recovered)
    : options(std::move(given)),
      state(std::move(recovered.state)),
      history(recovered.log_begin, recovered.epochs, std::move(recovered.window),
              {.bytes_max = options.window_bytes_max, .txns_max = options.window_txns_max},
              &invariants_),
      outcomes(Origin{.sid = options.self, .boot = state.boot}),
      snapshot(recovered.base),
      commit(recovered.commit),
      delivered(recovered.applied),
      applied(recovered.applied) {
  history.NoteLeaderTime(std::max(recovered.last_leader_time, state.leader_time));
  SetMembership(state.ensemble == EnsembleId{} ? Membership{.members = options.members}
                                               : state.config);
}

void Self::SetMembership(Membership membership) {
  configs = ConfigsOf(membership);
  quorum = Quorum(configs);
}

void Self::SendTo(const LinkId& link, const Session& session, MessageBody body) {
  Emit(Send{{link}, Message{session, std::move(body)}});
}

WriteId Self::StoreState() {
  Emit(core::StoreState{++last_write, state});
  return last_write;
}

WriteId Self::Append(std::vector<Txn> txns) {
  history.Append(++last_write, txns);
  outcomes.Appended(txns);
  Emit(core::Append{last_write, std::move(txns)});
  return last_write;
}

WriteId Self::Truncate(Zxid after) {
  history.Truncate(++last_write, after);
  outcomes.Truncated(after);
  Emit(core::Truncate{last_write, after});
  return last_write;
}

WriteId Self::Install(Zxid installed) {
  history.Install(++last_write, installed);
  outcomes.Installed();
  Emit(InstallSnapshot{last_write, installed});
  return last_write;
}

void Self::Commit(Zxid known) {
  commit = std::max(commit, std::min(known, history.last()));
  Deliver();
}

void Self::Deliver() {
  const Zxid through = std::min(commit, history.durable());
  if (through <= delivered) return;
  delivered = through;
  outcomes.Delivered(through);
  Emit(core::Deliver{through});
}

void Self::RejectCalls(std::vector<uint64_t> tags, RejectReason reason) {
  if (!tags.empty()) Emit(Reject{std::move(tags), reason});
}

void Self::RefuseWithoutLeader(const Proposed& proposed) {
  RejectCalls(TagsOf(proposed.calls), RejectReason::kNoLeader);
}

void Self::RefuseWithoutLeader(const ReadAsked& asked) {
  RejectCalls(asked.tags, RejectReason::kNoLeader);
}

void Self::DecideCalls(uint64_t session) {
  Outcomes::Verdict verdict = outcomes.Decide(session);
  RejectCalls(std::move(verdict.abandoned), RejectReason::kAbandoned);
  RejectCalls(std::move(verdict.unknown), RejectReason::kUnknown);
}

bool Self::IsMember(const Identity& peer) const {
  if (state.ensemble == EnsembleId{} || peer.ensemble != state.ensemble) return false;
  return std::any_of(state.founders.begin(), state.founders.end(),
                     [&](const Founder& f) { return f.sid == peer.sid && f.disk == peer.disk; });
}

Identity Self::identity() const {
  return {.sid = options.self,
          .boot = state.boot,
          .ensemble = state.ensemble,
          .disk = state.disk,
          .founders = state.founders,
          .members = HashOfMembers(options.members),
          .config = state.config.version};
}

std::optional<LinkId> Self::LinkTo(ServerId sid) const {
  // Links are ordered by boot and count: the newest of a peer is the last.
  auto found = links.upper_bound(LinkId{sid, UINT64_MAX, UINT64_MAX});
  if (found == links.begin()) return std::nullopt;
  --found;
  if (found->first.sid != sid) return std::nullopt;
  return found->first;
}

}  // namespace zkq::core
