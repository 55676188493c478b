#include "lib/core/invariants.h"

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
  if (m.applied > m.last) return "INV-18: what is applied is in the history";
  if (m.snapshot > m.last) return "a snapshot is of the history";
  if (m.synced > m.last_write) return "what is synced was written";
  if (m.pending != Zxid{} && m.pending <= m.config) {
    return "INV-21: a pending configuration is newer than the committed one";
  }
  if (m.pending > m.last) return "INV-21: a pending configuration is in the history";
  return nullptr;
}

const char* CheckRole(const Marks& m) {
  if (m.current > m.accepted) return "INV-1: the current epoch is promised";
  const bool looks = m.state == PeerState::kLooking;
  if (looks != (m.phase == ZabPhase::kElection)) return "who is in the election looks";
  if (looks) return nullptr;
  if (m.epoch > m.accepted) return "INV-3: the epoch of a term is promised";
  if (m.serving && m.epoch > m.current) return "INV-9: an established epoch is the current one";
  const bool learns = m.state != PeerState::kLeading;
  if (learns && m.phase > ZabPhase::kDiscovery && !m.linked) {
    return "who is synchronised is linked to the leader";
  }
  if (m.phase == ZabPhase::kBroadcast && !m.serving) return "who broadcasts is established";
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
  if (after.sessions < before.sessions) return "sessions are numbered upwards";
  return nullptr;
}

}  // namespace

const char* CheckState(const Marks& marks) {
  const char* broken = CheckHistory(marks);
  return broken != nullptr ? broken : CheckRole(marks);
}

const char* CheckStep(const Marks& before, const Marks& after) {
  if (const char* broken = CheckGrowth(before, after)) return broken;
  if (after.last < before.commit) return "INV-19: nothing committed is cut";
  if (after.current > before.current && after.current != after.accepted) {
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
  if (leads && after.last < before.last) return "a leader cuts nothing of its history";
  return nullptr;
}

}  // namespace zkq::core
