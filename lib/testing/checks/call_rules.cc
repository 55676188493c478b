#include "lib/testing/checks/call_rules.h"

#include <algorithm>
#include <set>
#include <string>

namespace zkq::testing {

void CallRules::OnLogged(const Txn& txn) {
  ledger_.calls.OnLogged(txn.zxid, txn.command.view());
  ledger_.Keep(order_.OnLogged(txn, ledger_.histories));
  CheckDead(txn.command.view());
}

void CallRules::OnReadAsked(uint64_t call) {
  (void)ledger_.calls.OnReadAsked(call);
  ledger_.confirmations.OnAsked(call);
  asked_under_[call] = Configured();
}

Zxid CallRules::Configured() const {
  return ledger_.configurations.In(ledger_.committed, ledger_.histories);
}

// By a quorum of the configuration that was committed when the read was asked, or of a later one:
// the leader of those before it may have been replaced by then.
bool CallRules::Confirms(Zxid since, const std::set<MemberId>& members) const {
  for (Zxid version = Configured();;) {
    if (ledger_.configurations.IsQuorum(version, members)) return true;
    if (version.counter == 0 || version <= since) return false;
    version = ledger_.configurations.In(ledger_.histories.Before(version), ledger_.histories);
  }
}

void CallRules::CheckConfirmed(uint64_t call) {
  const Zxid since = asked_under_[call];
  for (const auto& [sid, server] : ledger_.servers) {
    if (Confirms(since, {MemberId{sid, server.id()}})) return;  // it needs nobody else
  }
  for (ReadConfirmations::Confirmed& confirmed : ledger_.confirmations.Of(call)) {
    confirmed.by.insert(ledger_.MemberOf(confirmed.leader, confirmed.boot));
    if (Confirms(since, confirmed.by)) return;
  }
  ledger_.Violate(
      "INV-26 linearizable reads",
      "call " + std::to_string(call) + " is answered, and no quorum has confirmed a leader since");
}

// Nothing outside the initial history of an established epoch is ever committed.
bool CallRules::IsDead(Zxid zxid) const {
  return std::any_of(ledger_.initial.begin(), ledger_.initial.end(), [&](const auto& initial) {
    return initial.first > zxid.epoch && !ledger_.histories.Contains(zxid, initial.second) &&
           ledger_.MayBeEstablished(initial.first);
  });
}

// Of a command that was just proposed, or whose caller was just refused. Several may have called
// with it: each of those that were not refused may have become one transaction.
void CallRules::CheckDead(std::string_view command) {
  if (!ledger_.calls.WasRefused(command)) return;
  const bool unknown = std::any_of(ledger_.servers.begin(), ledger_.servers.end(),
                                   [](const auto& one) { return one.second.tainted; });
  if (unknown) return;  // an epoch may have begun with what nobody knows
  std::set<Zxid> alive = ledger_.calls.Logged(command);
  std::erase_if(alive, [&](Zxid zxid) { return IsDead(zxid); });
  if (alive.size() <= ledger_.calls.MayBecome(command)) return;
  ledger_.Violate("INV-31 calls", "the command of " + ToString(*alive.rbegin()) +
                                      " is told not to be committed, and may be yet");
}

void CallRules::OnDone(uint64_t call, const absl::StatusOr<Reply>& result) {
  if (result.ok() && ledger_.confirmations.Waits(call)) CheckConfirmed(call);
  ledger_.confirmations.OnDone(call);
  asked_under_.erase(call);
  ledger_.Keep(ledger_.calls.OnDone(call, result));
  if (!result.ok() && GetErrorInfo(result.status()).outcome == Outcome::kNotCommitted) {
    CheckDead(ledger_.calls.CommandOf(call));
  }
}

// A change is answered once a quorum of those who decide from then on knows by itself that it is
// committed.
void CallRules::OnReconfigured(const Membership& asked, const absl::StatusOr<Membership>& result) {
  if (!result.ok() || ledger_.violation) return;
  const Zxid version = result->version;
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
  CheckMade(asked, version);
}

namespace {

// But for disks, which leaders fill in.
bool SameMembers(const Membership& a, const Membership& b) {
  const auto listed_by = [](const Membership& other) {
    return [&other](const Member& member) {
      const Member* const found = FindMember(other, member.id);
      if (found == nullptr) return false;
      Member same = *found;
      same.disk = member.disk;
      return same == member;
    };
  };
  return a.members.size() == b.members.size() &&
         std::all_of(a.members.begin(), a.members.end(), listed_by(b));
}

}  // namespace

// Of the configurations up to the one that it is answered with one is what was asked for.
void CallRules::CheckMade(const Membership& asked, Zxid version) {
  const Zxid told = version;
  for (;;) {
    const Membership* const made = ledger_.configurations.Find(version);
    if (made != nullptr && SameMembers(asked, *made)) return;
    if (version.counter == 0) break;
    version = ledger_.configurations.In(ledger_.histories.Before(version), ledger_.histories);
  }
  ledger_.Violate("a change that is answered was made",
                  "the change to " + ToString(asked) + " is answered with " + ToString(told) +
                      ", and no configuration up to that is what was asked for");
}

}  // namespace zkq::testing
