#include "lib/core/own_changes.h"

#include <utility>

namespace zkq::core {

std::vector<OwnChanges::Ask> OwnChanges::Take(uint64_t session) {
  std::vector<Ask> asks;
  for (auto& [tag, change] : changes_) {
    const bool waits = change.session == 0 && change.zxid == Zxid{} && !change.nothing_to_do_at;
    if (!waits) continue;
    change.session = session;
    asks.push_back(change.ask);
  }
  return asks;
}

void OwnChanges::Expire(Time now) {
  std::erase_if(changes_, [now](const auto& one) { return now >= one.second.ask.deadline; });
}

void OwnChanges::Appended(std::span<const Txn> txns) {
  for (const Txn& txn : txns) {
    const bool ours = txn.origin.sid == self_.sid && txn.origin.boot == self_.boot;
    if (txn.kind != TxnKind::kReconfig || !ours) continue;
    const auto change = changes_.find(txn.origin.call);
    if (change != changes_.end()) change->second.zxid = txn.zxid;
  }
}

void OwnChanges::Truncated(Zxid after) {
  for (auto& [tag, change] : changes_) {
    if (change.zxid > after) change.zxid = Zxid{};
  }
}

std::vector<uint64_t> OwnChanges::Installed(Zxid version) {
  std::vector<uint64_t> unknown;
  for (auto& [tag, change] : changes_) {
    if (change.zxid == Zxid{}) {
      if (change.session != 0 && !change.committed) unknown.push_back(tag);
      // The entry that settles what it was answered with may lie under the snapshot: so the leader
      // is asked anew.
      if (change.committed) change.Resume();
    } else if (change.zxid < version) {
      unknown.push_back(tag);  // the other one has replaced it, or it was in no such history
    } else if (change.zxid == version) {
      // Whether it is settled its leader can tell: there is nothing left to change then.
      change.committed = true;
      change.Resume();
    } else {
      change.zxid = {};  // it went with the history
    }
  }
  for (uint64_t tag : unknown) changes_.erase(tag);
  return unknown;
}

void OwnChanges::Decide(uint64_t session) {
  for (auto& [tag, change] : changes_) {
    if (change.session != session && change.zxid == Zxid{}) change.session = 0;
  }
}

OwnChanges::Fate OwnChanges::Refused(uint64_t tag, RejectReason reason, Zxid newest) {
  const auto change = changes_.find(tag);
  if (change == changes_.end()) return Fate::kNotOurs;
  if (change->second.committed && reason == RejectReason::kOtherVersion) {
    change->second.nothing_to_do_at = newest;
    return Fate::kDone;
  }
  const bool committed = change->second.committed;
  changes_.erase(change);
  return committed ? Fate::kUnknown : Fate::kRefused;
}

bool OwnChanges::Answered(uint64_t tag, Zxid at) {
  const auto change = changes_.find(tag);
  if (change == changes_.end()) return false;
  change->second.nothing_to_do_at = at;
  return true;
}

// The next configuration is proposed only when the one before is settled. If there is a next one
// they are told that one, and wait for it, too.
std::vector<uint64_t> OwnChanges::TakeDone(Zxid commit, Zxid settled, Zxid unsettled) {
  std::vector<uint64_t> done;
  for (const auto& [tag, change] : changes_) {
    const bool in_force = change.zxid != Zxid{} && change.zxid <= settled && unsettled == Zxid{};
    const bool nothing_to_do = change.nothing_to_do_at && *change.nothing_to_do_at <= commit &&
                               unsettled <= *change.nothing_to_do_at;
    if (in_force || nothing_to_do) done.push_back(tag);
  }
  for (uint64_t tag : done) changes_.erase(tag);
  return done;
}

}  // namespace zkq::core
