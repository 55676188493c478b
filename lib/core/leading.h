// Leading: one term of one leader, as the protocol's phases: discovery (find an
// epoch that a quorum promises, and be sure to hold all that is committed),
// synchronisation (bring a quorum to this history), broadcast. PROTOCOL §6.2,
// §7, §8.2, §9. An epoch can be renewed in place: the same messages, quorums and
// durable writes as a fresh term, in sessions that live on (§9.5).
//
// It ends when it resigns: left() then says why, and Peer goes looking.
//
// Its parts are nouns of their own: Establishment counts who makes the epoch, Learners
// has the sessions and all that is known of each, Admission decides which calls come in,
// Watch knows the time, ReadRounds the reads. Leading writes, decides and resigns.
// leading.cc has the role and its sessions; leading_discovery.cc, _broadcast.cc, _members.cc,
// _reads.cc and _liveness.cc have what their first lines say.
#pragma once

#include <map>
#include <set>
#include <string>

#include "lib/core/admission.h"
#include "lib/core/changes.h"
#include "lib/core/establishment.h"
#include "lib/core/invariants.h"
#include "lib/core/learners.h"
#include "lib/core/read_rounds.h"
#include "lib/core/self.h"
#include "lib/core/watch.h"

namespace zkq::core {

// The last epoch. A peer that has promised it can follow nobody else.
inline constexpr Epoch kEpochMax = 0xFFFF'FFFF;

class Leading {
 public:
  // `designated`: by the leader before, whose last act it was (PROTOCOL §10.5).
  Leading(Self* self, bool designated);

  void Enter();
  void Leave();

  void On(const Tick& tick);
  void On(const LinkDown& down);
  void On(const Received& received);
  void On(const PartReceived& part);
  void On(const Notified& notified);
  void On(const Proposed& proposed);
  void On(const ReadAsked& asked);
  void On(const ReconfigureAsked& asked);
  void On(const Synced& synced);
  void On(const LogRead& read);
  using Ignores = EventList<LinkUp, Introduced, SnapshotFetched, Applied, SnapshotTaken, LogPurged>;

  Time NextWake() const;
  const std::optional<std::string>& left() const { return left_; }
  // Whom it has named in its place when it left; kNoServer: nobody.
  ServerId designated() const { return designated_; }
  ZabPhase phase() const;
  // Established, now or before a renewal that is under way.
  bool serving() const { return established_ != 0; }
  // The established epoch, also during a renewal; before that the one that is
  // being established, 0 until it is fixed.
  Epoch epoch() const { return serving() ? established_ : attempt_.epoch(); }
  // As Peer has it. What comes before a term is established, or while it is about to be renewed,
  // waits for the older calls.
  size_t room() const { return takes_calls() ? SIZE_MAX : 0; }
  // The log after this is still needed for a learner.
  Zxid PinnedAfter() const { return learners_.PinnedAfter(); }
  std::vector<Peer::Learner> learners() const { return learners_.Told(); }
  // Adds what is to be checked of a leader.
  void Mark(Marks* marks) const;

 private:
  using Stage = Establishment::Stage;
  using Submission = Admission::Submission;

  Invariants& invariants() { return self_.invariants(); }
  void Resign(std::string why) { left_ = std::move(why); }
  void EndSession(const LinkId& link, SessionEndReason reason);
  void DropLinkOf(const LinkId& link, std::string why);
  void Forget(const LinkId& link);
  void Handle(LearnerProgress* learner, const SessionEnd& end);
  template <typename Other>
  void Handle(LearnerProgress* learner, const Other&);  // what only a learner may be told

  // --- discovery
  void OnFollowerInfo(const LinkId& link, const Session& session, const FollowerInfo& info);
  void Handle(LearnerProgress* learner, const AckEpoch& ack);
  Establishment NewAttempt(Epoch lowest, bool designated = false) const;
  void TryFixEpoch();
  void FixEpoch();
  void SendLeaderInfo(LearnerProgress* learner);
  void SendLeaderInfos();
  void RefuseAhead(const LearnerProgress& learner, SessionEndReason reason);
  bool IsBehindConfig(const FollowerInfo& info);
  void CountOut(const MemberId& voter);
  void TryFinishDiscovery();

  // --- synchronisation and renewal
  void SynchronizeAll();
  void Synchronize(LearnerProgress* learner);
  void TryEstablish();
  void ConsiderRenewal();
  void StartRenewal(std::string why);
  void RenewIfDrained();
  void Renew();

  // --- broadcast
  void Handle(LearnerProgress* learner, const Request& request);
  void Handle(LearnerProgress* learner, const Ack& ack);
  void OnAccepted(LearnerProgress* learner);
  bool takes_calls() const { return attempt_.established() && !admission_.paused_for(); }
  void Admit(Submission submission);
  void Proceed(Submission admitted);
  int64_t LeaderTime() const;
  Txn MakeTxn(const Call& call, Origin origin, Zxid prev);
  void Extend(const Submission& admitted);
  void Refuse(const std::optional<LinkId>& asker, std::vector<uint64_t> tags, RejectReason reason);
  void Propose(std::vector<Txn> txns);
  bool CommitNext();
  void TryCommit();

  // --- changes of the configuration
  void AskOwnChanges();
  void Handle(LearnerProgress* learner, const Reconfigure& asked);
  void ListRetired();
  Scene TakeScene() const;
  bool MayPropose() const;
  void ConsiderChanges();
  bool DealWith(Changes::Waiting* change, std::set<MemberId>* to_follow);
  void Refuse(const Changes::Waiting& change, RejectReason reason, std::string text,
              const std::vector<ServerId>& servers);
  bool Confirm(Changes::Waiting* change);
  void MakeFollow(const MemberId& member);
  void ProposeChange(const Changes::Waiting& change, Membership next);
  void MakeVotersFollow();
  void ProposeSettled();
  void Activate(const Membership& before);
  bool LeadsOn(const Membership& before) const;
  ServerId Successor(const Membership& now) const;
  void HandOver(ServerId successor);

  // --- reads
  void Handle(LearnerProgress* learner, const ReadIndex& ask);
  void BeginRound();
  void FinishRound(uint64_t answered);
  void Answer(const ReadRounds::Reads& reads, Zxid at);
  void AbandonReads();

  // --- liveness
  void PingAll();
  uint64_t NumberPing();
  bool AtWork() const;
  void TellObservers();
  void Handle(LearnerProgress* learner, const Pong& pong);
  void NoteAnswers();
  void DropSilent();
  void CheckOwnDisk();
  void CheckQuorum();

  Self& self_;
  const uint64_t session_;  // tells own changes of this term from earlier ones
  Establishment attempt_;
  Epoch established_ = 0;  // the last epoch that was
  Epoch ahead_epoch_ = 0;  // the highest promise for which a voter was refused
  Learners learners_;
  Admission admission_;
  Changes changes_;
  Watch watch_;
  ReadRounds rounds_;
  std::optional<std::string> left_;
  ServerId designated_ = kNoServer;
};

}  // namespace zkq::core
