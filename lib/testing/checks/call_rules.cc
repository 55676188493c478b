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
}

void CallRules::CheckConfirmed(uint64_t call) {
  if (ledger_.servers.size() == 1) return;
  for (const std::set<ServerId>& by : ledger_.confirmations.Of(call)) {
    std::set<MemberId> members;
    for (ServerId sid : by) members.insert({sid, {}});
    if (ledger_.quorum.Contains(members)) return;
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
  ledger_.Keep(ledger_.calls.OnDone(call, result));
  if (!result.ok() && GetErrorInfo(result.status()).outcome == Outcome::kNotCommitted) {
    CheckDead(ledger_.calls.CommandOf(call));
  }
}

}  // namespace zkq::testing
