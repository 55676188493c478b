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
  asked_under_[call] = ledger_.Configured();
}

// By a quorum of the configuration that was committed when the read was asked, or of a later one:
// the leader of those before it may have been replaced by then.
bool CallRules::Confirms(Zxid since, const std::set<MemberId>& members) const {
  for (Zxid version = ledger_.Configured();;) {
    if (ledger_.configurations.IsQuorum(version, members)) return true;
    if (version.counter == 0 || version <= since) return false;
    version = ledger_.configurations.In(ledger_.histories.Before(version), ledger_.histories);
  }
}

void CallRules::CheckConfirmed(uint64_t call) {
  const Zxid since = asked_under_[call];
  for (const auto& [sid, server] : ledger_.servers) {
    if (Confirms(since, {MemberId{SeatOf(sid), server.id()}})) return;  // it needs nobody else
  }
  for (ReadConfirmations::Confirmed& confirmed : ledger_.confirmations.Of(call)) {
    confirmed.by.insert(ledger_.MemberOf(confirmed.leader, confirmed.boot));
    if (Confirms(since, confirmed.by)) return;
  }
  ledger_.Violate(
      "INV-26 linearizable reads",
      "call " + std::to_string(call) + " is answered, and no quorum has confirmed a leader since");
}

// Of a command that was just proposed, or whose caller was just refused. Several may have called
// with it: each of those that were not refused may have become one transaction.
void CallRules::CheckDead(std::string_view command) {
  if (!ledger_.calls.WasRefused(command)) return;
  if (ledger_.BeginningsAreUnknown()) return;
  std::set<Zxid> alive = ledger_.calls.Logged(command);
  std::erase_if(alive, [&](Zxid zxid) { return ledger_.IsDead(zxid); });
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

}  // namespace zkq::testing
