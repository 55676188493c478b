#include "lib/core/invariants.h"

#include <algorithm>

namespace zkq::core {
namespace {

// A snapshot is being installed: the history begins with it, and nothing of it is
// durable yet.
bool Installs(const Marks& m) { return m.durable < m.begin; }

const char* CheckHistory(const Marks& m) {
  if (m.begin > m.last) return "the history begins before it ends";
  if (m.last.counter == 0 && m.last != Zxid{}) return "INV-5: no transaction has counter 0";
  if (m.durable > m.last) return "what is durable is in the history";
  if (m.commit > m.last) return "INV-18: what is committed is in the history";
  if (m.delivered > m.commit) return "INV-18: what is delivered is committed";
  if (m.delivered > m.durable && !Installs(m)) return "INV-18: what is delivered is durable here";
  // A snapshot may be applied before the peer hears that its installation is durable.
  const Zxid handed_out = Installs(m) ? std::max(m.delivered, m.begin) : m.delivered;
  if (m.applied > handed_out) return "INV-18: what is applied was delivered";
  if (m.snapshot > m.commit && !Installs(m)) return "INV-18: a snapshot is of what is committed";
  if (m.synced > m.last_write) return "what is synced was written";
  if (m.pending != Zxid{} && m.pending <= m.config) {
    return "INV-21: a pending configuration is newer than the committed one";
  }
  if (m.pending > m.last) return "INV-21: a pending configuration is in the history";
  return nullptr;
}

const char* CheckRole(const Marks& m) {
  if (m.current > m.accepted) return "INV-1: the current epoch is promised";
  if (m.epoch_told && !m.epoch_durable) return "INV-4: an epoch is durable before it is told";
  if (m.promise_told && !m.promise_durable) return "INV-4: a promise is durable before it is told";
  if (m.acked > m.durable) return "INV-4: what is acknowledged is durable";
  if (m.promise_told && !m.promised) return "INV-3: a term's promise is to its leader";
  const bool looks = m.state == PeerState::kLooking;
  if (looks != (m.phase == ZabPhase::kElection)) return "who is in the election looks";
  if (looks) return nullptr;
  if (m.ensemble == 0) return "who takes part is founded";
  if (m.epoch > m.accepted && !m.observes) return "INV-3: the epoch of a term is promised";
  if (m.serving && m.epoch > m.current) return "INV-9: an established epoch is the current one";
  if (m.phase == ZabPhase::kBroadcast && !m.serving) return "who broadcasts is established";
  const bool leads = m.state == PeerState::kLeading;
  if (leads && !m.listed) return "INV-29: who leads is listed with its disk";
  if (leads) return nullptr;
  if (m.attached && !m.linked) return "a session is the newest, and has its link";
  if (m.phase > ZabPhase::kDiscovery && !m.attached) return "who is synchronised has a session";
  return nullptr;
}

const char* CheckGrowth(const Marks& before, const Marks& after) {
  if (after.accepted < before.accepted) return "INV-1: a promise is kept";
  if (after.current < before.current) return "INV-1: the current epoch never falls";
  if (after.config < before.config) return "INV-1: the committed configuration never goes back";
  if (after.commit < before.commit) return "INV-1: the commit watermark never falls";
  if (after.delivered < before.delivered) return "what is delivered stays delivered";
  if (after.applied < before.applied) return "what is applied stays applied";
  if (after.begin < before.begin) return "a history never grows at its beginning";
  if (after.snapshot < before.snapshot) return "the newest snapshot stays";
  if (after.synced < before.synced) return "what is synced stays synced";
  if (after.last_write < before.last_write) return "writes are numbered upwards";
  if (after.established < before.established) return "INV-2: established epochs rise";
  return nullptr;
}

// What a leader may do to its history and commit watermark.
const char* CheckLeads(const Marks& before, const Marks& after) {
  if (after.last < before.last) return "a leader cuts nothing of its history";
  const bool proposes = after.last > before.last;
  if (proposes && (!after.serving || after.last.epoch != after.epoch)) {
    return "INV-5: a leader proposes in its established epoch";
  }
  const bool first = proposes && after.last.epoch > before.last.epoch;
  if (first && after.commit < before.last) {
    return "INV-14: all before a leader's first proposal is committed";
  }
  if (after.commit > before.commit && !after.serving) {
    return "INV-17: a leader commits once it is established";
  }
  return nullptr;
}

// The ids that a peer is bound to.
const char* CheckBonds(const Marks& before, const Marks& after) {
  if (before.ensemble != 0 && after.ensemble != before.ensemble) {
    return "who is founded stays in its ensemble";
  }
  if (after.accepted != before.accepted || after.promised_to == before.promised_to) return nullptr;
  // The leader that has got the epoch may be named instead: that promise counts for nobody.
  const bool settled = before.established == before.accepted && before.accepted != 0;
  if (after.counted || settled) return "INV-3: one epoch is promised to one leader";
  return nullptr;
}

}  // namespace

const char* CheckState(const Marks& marks) {
  const char* broken = CheckHistory(marks);
  return broken != nullptr ? broken : CheckRole(marks);
}

const char* CheckStep(const Marks& before, const Marks& after) {
  if (const char* broken = CheckGrowth(before, after)) return broken;
  if (const char* broken = CheckBonds(before, after)) return broken;
  if (after.last < before.commit) return "INV-19: nothing committed is cut";
  const bool promised = after.current == after.accepted || after.observes;
  if (after.current > before.current && !promised) {
    return "INV-3: an epoch is taken as it was promised";
  }
  const bool looked = before.state == PeerState::kLooking;
  const bool looks = after.state == PeerState::kLooking;
  if (looked && looks && after.last != before.last) {
    return "who looks has a history that stands still";
  }
  if (looked && looks && after.commit != before.commit && !Installs(before)) {
    return "who looks hears of no commit";
  }
  const bool leads = before.state == PeerState::kLeading && after.state == PeerState::kLeading;
  return leads ? CheckLeads(before, after) : nullptr;
}

}  // namespace zkq::core
