#include "lib/testing/checks/commit_rules.h"

#include <set>

namespace zkq::testing {

void CommitRules::SaidCommitted(Zxid zxid, const std::string& how) {
  if (zxid == Zxid{} || ledger_.violation || ledger_.histories.Contains(zxid, ledger_.committed))
    return;
  if (!ledger_.histories.Contains(ledger_.committed, zxid)) {
    return ledger_.Violate("INV-10 agreement", ToString(zxid) + ", " + how + ", and " +
                                                   ToString(ledger_.committed) +
                                                   " are both committed");
  }
  for (auto epoch = ledger_.established.upper_bound(zxid.epoch); epoch != ledger_.established.end();
       ++epoch) {
    const auto initial = ledger_.initial.find(*epoch);
    if (initial == ledger_.initial.end() || ledger_.histories.Contains(zxid, initial->second))
      continue;
    return ledger_.Violate(
        "INV-16 leader completeness",
        ToString(zxid) + ", " + how + ", is not in the initial history of epoch " +
            std::to_string(*epoch) + ", which ends with " + ToString(initial->second));
  }
  CheckHeldByQuorum(zxid, how);
  ledger_.committed = zxid;
}

void CommitRules::CheckHeldByQuorum(Zxid zxid, const std::string& how) {
  std::string holders;
  const auto holds = [&](const MemberId&, const Ledger::Server& server, Zxid of) {
    return server.damaged || ledger_.histories.Contains(of, server.disk.durable().last);
  };
  const bool held = ledger_.Decided(zxid, holds);
  if (held) return;
  for (const MemberId& member : ledger_.Those([&](const MemberId&of, const Ledger::Server&server) {
         return holds(of, server, zxid);
       })) {
    holders += " " + ToString(member.id);
  }
  ledger_.Violate("INV-15 committed durability",
                  ToString(zxid) + ", " + how + ", is durable at no quorum, only at:" + holders);
}

// That a server has taken `epoch` is durable: this may be what establishes it. From
// then on all of its initial history is committed, and nothing else was before: for
// nobody in this quorum has promised a later epoch. (One who has may have acknowledged
// this one earlier, so not every epoch that is established is seen here.)
void CommitRules::SawDurable(Epoch epoch) {
  const auto initial = ledger_.initial.find(epoch);
  if (initial == ledger_.initial.end() || ledger_.established.contains(epoch)) return;
  const auto took = [&](const MemberId&, const Ledger::Server& server) {
    const HardState& durable = server.disk.durable().state;
    return durable.current == epoch && durable.accepted.epoch == epoch;
  };
  if (!ledger_.IsQuorum(ledger_.RelevantTo(epoch), ledger_.Those(took))) return;
  ledger_.established.insert(epoch);
  if (ledger_.committed.epoch != epoch &&
      !ledger_.histories.Contains(ledger_.committed, initial->second)) {
    return ledger_.Violate("INV-16 leader completeness",
                           "epoch " + std::to_string(epoch) + " is established with " +
                               ToString(initial->second) + ", without the committed " +
                               ToString(ledger_.committed));
  }
  SaidCommitted(initial->second, "the initial history of epoch " + std::to_string(epoch));
}

// A leader knows what has been counted, whether or not anybody is left to be told; and
// it may apply it only when it leads no more.
void CommitRules::LearnCommitted(ServerId leader) {
  if (ledger_.at(leader).damaged) return;  // what its disk holds, and for which term, is not known
  const LogState& durable = ledger_.at(leader).disk.durable();
  const Ledger::Term term{leader, durable.state.boot, durable.state.current};
  std::set<Zxid> counted{durable.last};
  for (auto of = ledger_.standings.lower_bound({term, MemberId{}});
       of != ledger_.standings.end() && of->first.first == term; ++of) {
    if (of->second.acked) counted.insert(*of->second.acked);
  }
  std::erase_if(counted, [&](Zxid zxid) { return !ledger_.Counted(term, zxid); });
  if (counted.empty()) return;
  ledger_.ToldCommitted(leader, *counted.rbegin());
  SaidCommitted(*counted.rbegin(), "counted by server " + ToString(leader));
}

}  // namespace zkq::testing
