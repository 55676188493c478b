#include "lib/core/membership.h"

#include <algorithm>
#include <utility>

#include "lib/wire/disk.h"

namespace zkq::core {
namespace {

bool AnyOf(const Configs& configs, ServerId sid, auto holds) {
  const auto in = [&](const Membership& membership) {
    const Member* member = FindMember(membership, sid);
    return member != nullptr && holds(*member);
  };
  return in(configs.committed) || (configs.pending && in(*configs.pending));
}

bool IsVoter(const Member& member) { return member.type == MemberType::kParticipant; }

}  // namespace

Memberships::Memberships(Membership committed, std::vector<Membership> logged,
                         Invariants* invariants)
    : configs_{.committed = std::move(committed)}, invariants_(invariants) {
  for (Membership& membership : logged) Append(std::move(membership));
}

void Memberships::Append(std::span<const Txn> txns) {
  for (const Txn& txn : txns) {
    if (txn.kind == TxnKind::kNoop) {
      const std::optional<Zxid> version = DecodeZxid(txn.command.view());
      if (version && *version != Zxid{}) AppendSettled(txn.zxid, *version);
    }
    if (txn.kind != TxnKind::kReconfig) continue;
    std::optional<Membership> next = DecodeMembership(txn.command.view());
    ZKQ_CHECK(next.has_value());  // it would not have been decoded
    next->version = txn.zxid;
    Append(*std::move(next));
  }
}

void Memberships::Append(Membership next) {
  if (configs_.pending) SetCommitted(*configs_.pending);
  SetPending(std::move(next));
}

// Only a leader that knows the configuration to be committed proposes this.
void Memberships::AppendSettled(Zxid entry, Zxid version) {
  settling_.push_back({entry, version});
  if (configs_.pending && configs_.pending->version == version) SetCommitted(*configs_.pending);
}

bool Memberships::SettlingIsLogged() const {
  return settled() || std::any_of(settling_.begin(), settling_.end(), [this](const Settling& one) {
           return one.version >= committed().version;
         });
}

void Memberships::Truncate(Zxid after) {
  std::erase_if(settling_, [after](const Settling& one) { return one.entry > after; });
  if (configs_.pending && configs_.pending->version > after) SetPending(std::nullopt);
}

void Memberships::Install(const Membership& base) {
  SetPending(std::nullopt);
  settling_.clear();
  if (base.version > committed().version) SetCommitted(base);
}

void Memberships::Commit(Zxid watermark) {
  while (!settling_.empty() && settling_.front().entry <= watermark) {
    settled_ = std::max(settled_, settling_.front().version);
    settling_.erase(settling_.begin());
  }
  if (!configs_.pending || configs_.pending->version > watermark) return;
  SetCommitted(*std::exchange(configs_.pending, std::nullopt));
}

void Memberships::Adopt(const Membership& membership) {
  if (membership.version >= committed().version) SetCommitted(membership);
}

void Memberships::Hear(const Membership& pending) {
  if (pending.version <= newest_version()) return;
  if (told_ && pending.version <= told_->version) return;
  told_ = pending;
  ++told_changes_;
}

void Memberships::Established(Epoch epoch) {
  if (!told_ || told_->version.epoch >= epoch) return;
  told_.reset();
  ++told_changes_;
}

void Memberships::ForgetTold() {
  if (!told_ || told_->version > newest_version()) return;
  told_.reset();
  ++told_changes_;
}

void Memberships::SetCommitted(Membership membership) {
  ZKQ_CHECK(membership.version >= committed().version);
  configs_.committed = std::move(membership);
  ++changes_;
  // An older reconfiguration is doomed, or is what was adopted.
  if (configs_.pending && configs_.pending->version <= committed().version) {
    configs_.pending.reset();
  }
  ForgetTold();
}

void Memberships::SetPending(std::optional<Membership> membership) {
  if (membership && membership->version <= committed().version) membership.reset();
  if (configs_.pending == membership) return;
  configs_.pending = std::move(membership);
  ++changes_;
  ForgetTold();
}

bool Memberships::Lists(ServerId sid, const DiskId& disk) const {
  return AnyOf(configs_, sid, [&](const Member& m) { return !IsVoter(m) || m.disk == disk; });
}

bool Memberships::ListsOtherDisk(ServerId sid, const DiskId& disk) const {
  return AnyOf(configs_, sid, IsVoter) && !Lists(sid, disk);
}

}  // namespace zkq::core
