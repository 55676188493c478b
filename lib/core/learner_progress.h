// LearnerProgress: what a leader knows of one session with one learner, and what it
// sends to that learner alone. Here and nowhere else does a learner's stage,
// deadline, credit or match change.
//
// A learner that stands still is given up, one that is slow is not (PROTOCOL §7.2,
// §9.1, §9.2; ZOOKEEPER-1697):
//   until it has acknowledged NewLeader: init_limit and sync_limit after it came,
//     init_limit after each progress of its synchronisation, or, while the next message is this
//     leader's, after each word;
//   then: sync_limit without a word of it, or without an Ack while one is owed.
// Its disk, and this leader's, may take what they usually take (disk.h): a sync under way there
// is progress, and here as long as the learner waits for it; and an Ack is owed for as long as
// its disk needs.
#pragma once

#include <optional>
#include <vector>

#include "lib/core/feed.h"
#include "lib/core/look.h"
#include "lib/core/self.h"
#include "lib/core/sync_plan.h"
#include "lib/core/watch.h"

namespace zkq::core {

class LearnerProgress {
 public:
  enum class Stage {
    kWaiting,  // FollowerInfo received
    kLeaderInfoSent,
    kPromised,    // AckEpoch received; waits for the leader's discovery to end
    kInstalling,  // Snap sent; says AckEpoch again once it is installed
    kFeeding,     // plan sent, NewLeader not
    kAccepting,   // NewLeader sent
    kSynced,      // Ack of NewLeader received
  };

  LearnerProgress(Self* self, const LinkId& link, const Session& session, const FollowerInfo& info);

  const LinkId& link() const { return link_; }
  // Who is counted, if it is a follower and listed as a voter with that disk.
  const MemberId& member() const { return member_; }
  // Sent what is committed alone, once there is an established leader; counted nowhere.
  bool observes() const { return info_.kind == LearnerKind::kObserver; }
  const Session& session() const { return session_; }
  const Promise& accepted() const { return info_.accepted; }
  // The look that led to this session.
  Look look() const { return {link_.boot, info_.look_seq}; }
  Stage stage() const { return stage_; }
  bool synced() const { return stage_ == Stage::kSynced; }
  // Has been up to date in this session, be it in the epoch before a renewal.
  bool served() const { return served_ != 0; }

  void Send(MessageBody body) { self_.SendTo(link_, session_, std::move(body)); }

  // --- discovery ---------------------------------------------------------------
  void SendLeaderInfo(const LeaderInfo& info);
  // False: out of turn.
  bool Take(const AckEpoch& ack);
  const AckEpoch& ack() const { return ack_; }
  // The epoch is renewed: what this learner has promised and holds it says anew.
  void Renew();

  // --- synchronisation and broadcast ---------------------------------------------
  // For the history that AckEpoch told.
  SyncPlan Plan() const;
  // Begins to feed. False: there is no way to bring this learner up.
  bool Synchronize(const SyncPlan& plan);
  // It has been sent a plan in this session.
  bool planned() const { return planned_; }
  // Sends what the credit allows, NewLeader after the plan's end, and what is committed
  // of what was sent: the next transaction may never come.
  void Pump();
  // More of this server's log is durable: what has left memory can be read there.
  void OnSynced();
  // What a ReadLog brought. False: it does not join what was sent.
  bool TakePage(std::vector<Txn> txns);
  // The log after this is still needed for it.
  std::optional<Zxid> PinnedAfter() const;
  // What is proposed after `last` can go to it at once: it was sent all before that.
  bool CaughtUpWith(Zxid last) const;
  // What is proposed from now on can go to it as soon as it was sent all before that.
  bool TakesMore() const;
  Zxid sent() const { return feed_.sent(); }
  std::optional<Time> fed_at() const { return fed_at_; }  // when it was sent the last of that
  // What it was sent begins a plan that reaches this entry, or follows one.
  bool WasSent(Zxid zxid) const { return stage_ >= Stage::kFeeding && feed_.sent() >= zxid; }
  // It was sent these, with others, and told of `commit` by that.
  void Fed(const std::vector<Txn>& txns, Zxid commit);

  // Takes an Ack of NewLeader that it owes. False: it is none.
  bool Accept(const Ack& ack);
  // Takes any other Ack. False: of what was never sent, or of less than before.
  bool Acknowledge(const Ack& ack);
  // Everything up to here is durable at the learner; of this session alone.
  Zxid match() const { return match_; }

  void SendUpToDate();
  // Tells what is committed as far as it was sent, once, if it is up to date.
  void SendCommit();
  // True: it is to be told of `commit` with others, and counts as told.
  bool TakesCommit(Zxid commit);

  // --- liveness ----------------------------------------------------------------------
  // A frame of the session has come.
  void NoteFrame();
  // Or a part of one. An Ack may come after it on the same line, so it is waited for as long as
  // parts come; but no more of them than may stand before it, or a disk that hangs could hide
  // behind large requests.
  void NotePart(size_t bytes);
  // A ping is due, which this learner gets at its next turn (Learners); since when.
  void OwePing() { ping_owed_ = self_.now; }
  std::optional<Time> ping_owed() const { return ping_owed_; }
  // `at_work`: what it may be waiting for is on its way.
  void SendPing(uint64_t seq, bool at_work, const Watch::Round& confirmed);
  // True: its synchronisation goes on. No ping above `last_ping` was sent. `due`: what a learner
  // that keeps up has durable and applied.
  bool Take(const Pong& pong, uint64_t last_ping, std::optional<Zxid> due = std::nullopt);
  // It did so by its last Pong.
  bool goes_on() const { return goes_on_; }
  // The newest ping that it has answered.
  uint64_t ponged() const { return ponged_; }
  // By its last Pong; information only.
  Zxid durable() const { return durable_; }
  Zxid applied() const { return applied_; }
  // What it lacked, durable and applied, at its last kStable Pongs was newer than sync_limit
  // (PROTOCOL §13.6).
  bool caught_up() const { return keeps_up_ >= kStable; }
  // It is to be given up.
  bool StandsStill();

 private:
  static constexpr int kStable = 3;

  // Its next message has to wait for this leader's disk, and for nothing from the learner.
  bool AwaitsOwnDisk() const;
  // Synced, and told that the present epoch is established.
  bool UpToDateNow() const { return synced() && served_ == session_.epoch; }
  void FeedOn();
  // Where its feed ends at present.
  Zxid FeedEnd() const;
  void SendProposal(std::vector<Txn> txns);
  void CheckCursors();
  Invariants& invariants() { return self_.invariants(); }
  void NoteAdvance();
  void ExtendDeadline(int ticks) { deadline_ = self_.now + self_.Ticks(ticks); }

  Self& self_;
  const LinkId link_;
  const MemberId member_;
  Session session_;
  FollowerInfo info_;
  AckEpoch ack_;
  Stage stage_ = Stage::kWaiting;
  bool planned_ = false;
  Feed feed_;
  std::optional<Time> fed_at_;
  bool awaits_log_ = false;  // what it is to be sent next is in memory no more, and not durable yet
  Zxid match_;
  Zxid durable_;
  Zxid applied_;
  int keeps_up_ = 0;  // Pongs in a row, up to kStable
  Zxid commit_told_;
  Epoch served_ = 0;  // the last in which it was sent UpToDate
  std::optional<Time> ping_owed_;
  uint64_t ponged_ = 0;
  bool goes_on_ = false;
  Time sync_{};         // the slowest of its last syncs, by its last Pong
  uint64_t taken_ = 0;  // of large messages, by that
  Time deadline_{};
  Time advanced_{};   // when `match_` last rose, or there was nothing to rise to
  size_t parts_ = 0;  // their bytes since then
};

}  // namespace zkq::core
