#include "lib/testing/checks/change_rules.h"

#include <algorithm>
#include <string>

namespace zkq::testing {

// --- asked for -----------------------------------------------------------------------

ChangeRules::Key ChangeRules::KeyOf(const Life& life, const Membership& asked) {
  std::vector<Member> members = asked.members;
  for (Member& member : members) member.disk = {};
  std::sort(members.begin(), members.end());
  return {life, std::move(members)};
}

void ChangeRules::OnAsked(uint64_t call, ServerId sid, const Membership& asked) {
  const Life life(SeatOf(sid), ledger_.at(sid).disk.durable().state.boot);
  Change& change = open_[call];
  change = {.life = life, .asked = asked, .floor = ledger_.Configured()};
  for (const auto& [other, server] : ledger_.servers)
    change.met.insert({SeatOf(other), server.id()});
  for (const auto& [to, from, boot, link] : links_) change.met.insert(ledger_.MemberOf(from, boot));
  ++alike_[KeyOf(life, asked)].asked;
}

// --- who is there --------------------------------------------------------------------

void ChangeRules::Meet(const MemberId& member) {
  for (auto& [call, change] : open_) change.met.insert(member);
}

void ChangeRules::OnStarted(ServerId sid) { Meet({SeatOf(sid), ledger_.at(sid).id()}); }

void ChangeRules::OnLinkUp(const Route& route) {
  links_.emplace(route.to, route.from, route.from_boot, route.link);
  Meet(ledger_.MemberOf(route.from, route.from_boot));
}

void ChangeRules::OnLinkDown(const Route& route) {
  links_.erase({route.to, route.from, route.from_boot, route.link});
}

void ChangeRules::OnCrashed(ServerId sid) {
  std::erase_if(links_, [sid](const auto& link) { return std::get<0>(link) == sid; });
}

// --- in the history ------------------------------------------------------------------

void ChangeRules::OnLogged(const Txn& txn) {
  if (txn.kind != TxnKind::kReconfig || txn.origin.sid == kNoServer) return;
  const Life life(txn.origin.sid, txn.origin.boot);
  made_by_[txn.zxid] = life;
  std::set<Zxid>& same = entries_[{txn.origin.sid, txn.origin.boot, txn.origin.call}];
  for (const Zxid other : same) {
    if (!ledger_.histories.Contains(other, txn.zxid)) continue;
    return ledger_.Violate("INV-31 calls", "one change is made as " + ToString(other) +
                                               ", and again as " + ToString(txn.zxid));
  }
  same.insert(txn.zxid);
  const Membership* const made = ledger_.configurations.Find(txn.zxid);
  if (made == nullptr) return;
  const Key key = KeyOf(life, *made);
  const auto alike = alike_.find(key);
  if (alike == alike_.end()) return;  // it was not asked for through the cluster
  alike->second.entries[txn.origin.call].insert(txn.zxid);
  CheckRefused(key);
}

// Of those that ask for the same as many as were not refused may be made.
void ChangeRules::CheckRefused(const Key& key) {
  const Alike& alike = alike_.at(key);
  if (alike.refused == 0 || ledger_.BeginningsAreUnknown()) return;
  const auto may_be_made = [&](const auto& one) {
    return std::any_of(one.second.begin(), one.second.end(),
                       [&](Zxid zxid) { return !ledger_.IsDead(zxid); });
  };
  const auto alive = std::count_if(alike.entries.begin(), alike.entries.end(), may_be_made);
  if (static_cast<size_t>(alive) + alike.refused <= alike.asked) return;
  ledger_.Violate("INV-31 calls", "a change that server " + ToString(key.first.first) +
                                      " was asked for is told not to be committed, and is, or "
                                      "may be yet: " +
                                      ToString(Membership{.members = key.second}));
}

// --- answered --------------------------------------------------------------------------

void ChangeRules::OnAnswered(uint64_t call, const absl::StatusOr<Membership>& result) {
  const auto open = open_.extract(call);
  if (open.empty() || ledger_.violation) return;
  const Change& change = open.mapped();
  if (!result.ok()) {
    if (GetErrorInfo(result.status()).outcome != Outcome::kNotCommitted) return;
    const Key key = KeyOf(change.life, change.asked);
    ++alike_[key].refused;
    return CheckRefused(key);
  }
  const Membership* const known = ledger_.configurations.Find(result->version);
  if (known == nullptr || *known != *result) {
    return ledger_.Violate("INV-20 config", "a change is answered with " + ToString(*result) +
                                                ", and no entry says so");
  }
  CheckSettled(result->version);
  CheckMade(change, result->version);
}

// A quorum of those who decide from then on knows by itself that it is committed.
void ChangeRules::CheckSettled(Zxid version) {
  const auto settling = ledger_.settling.find(version);
  const bool settled =
      version.counter == 0 ||
      (settling != ledger_.settling.end() &&
       std::any_of(settling->second.begin(), settling->second.end(), [&](Zxid entry) {
         return ledger_.histories.Contains(entry, ledger_.committed);
       }));
  if (!settled) {
    return ledger_.Violate("LIV-5 settled",
                           "the change to " + ToString(version) +
                               " is answered, and no entry that settles it is committed");
  }
  ledger_.answered = std::max(ledger_.answered, version);
}

// Of the configurations from that which was committed when it was asked for, up to the one that it
// is answered with, one is what was asked for.
void ChangeRules::CheckMade(const Change& change, Zxid told) {
  for (Zxid version = told; version >= change.floor;) {
    if (IsAsAsked(change, version)) return;
    if (version.counter == 0) break;
    version = ledger_.configurations.In(ledger_.histories.Before(version), ledger_.histories);
  }
  ledger_.Violate("a change that is answered was made",
                  "the change to " + ToString(change.asked) + ", asked for under " +
                      ToString(change.floor) + ", is answered with " + ToString(told) +
                      ", and no configuration between them is what was asked for");
}

bool ChangeRules::IsAsAsked(const Change& change, Zxid version) const {
  const Membership* const made = ledger_.configurations.Find(version);
  if (made == nullptr || KeyOf({}, *made) != KeyOf({}, change.asked)) return false;
  return std::all_of(change.asked.members.begin(), change.asked.members.end(),
                     [&](const Member& asked) {
                       const DiskId disk = FindMember(*made, asked.id)->disk;
                       return HasDisk(change, asked, disk, version);
                     });
}

// A voter that stays keeps its disk if none is asked for; any other gets one that its server had
// meanwhile, as far as it could be known.
bool ChangeRules::HasDisk(const Change& change, const Member& asked, DiskId disk,
                          Zxid version) const {
  if (asked.type == MemberType::kObserver) return disk == DiskId{};
  if (asked.disk != DiskId{} && asked.disk != kPresentDisk) return disk == asked.disk;
  const auto by = made_by_.find(version);
  const bool by_it = version > change.floor && by != made_by_.end() && by->second == change.life;
  if (asked.disk == DiskId{}) {
    if (!by_it) return true;  // it was so already
    const Zxid before =
        ledger_.configurations.In(ledger_.histories.Before(version), ledger_.histories);
    if (ledger_.configurations.IsVoter(before, {asked.id, disk})) return true;
    const Membership* const known = ledger_.configurations.Find(before);
    const Member* const was = known == nullptr ? nullptr : FindMember(*known, asked.id);
    if (was != nullptr && was->type == MemberType::kParticipant) return false;
  }
  return change.met.contains({asked.id, disk});
}

void ChangeRules::OnEnd() {
  if (open_.empty()) return;
  ledger_.Violate("LIV-6 calls",
                  "a change to " + ToString(open_.begin()->second.asked) + " was never answered");
}

}  // namespace zkq::testing
