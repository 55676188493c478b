// Establishment: one attempt of a leader to establish an epoch, from the first
// FollowerInfo to a quorum's Acks of NewLeader (PROTOCOL §6.2, §7.3): how far it
// has come, whom it counts, and when it is given up.
//
// A value: a leader that renews its epoch assigns a new one (§9.5), so nothing of
// the attempt before is left. It sends and writes nothing. Leading tells it what
// has come, asks what that makes possible, does it, and says so.
//
// Only voters count and only voters steer, whatever is told of others.
#pragma once

#include <map>
#include <set>
#include <utility>

#include "lib/core/event.h"
#include "lib/core/look.h"
#include "lib/core/quorum.h"

namespace zkq::core {

class Establishment {
 public:
  enum class Stage {  // what each waits for:
    kConnecting,      // a quorum of FollowerInfo
    kPromising,       // the leader's own promise of the epoch, durable
    kElecting,        // a quorum of AckEpoch
    kStoring,         // the leader's currentEpoch, durable after its whole history
    kSynchronizing,   // a quorum of Acks of NewLeader
    kEstablished,
  };

  struct Options {
    MemberId self{};
    Epoch lowest = 0;           // that this leader may still promise
    Time init_limit{};          // without progress it is given up
    LastWords last_words = {};  // what each peer has announced so far
    // The leader before has named this one (PROTOCOL §10.5): the others follow that one until they
    // have heard of it, and that is no defection.
    bool designated = false;
  };
  // `quorum` is asked whenever something is counted, and outlives this object.
  Establishment(Options options, const Quorum* quorum, Time now);

  Stage stage() const { return stage_; }
  // The epoch; 0 until it is fixed.
  Epoch epoch() const { return stage_ == Stage::kConnecting ? 0 : lowest_; }
  // One above all that the voters who count have promised.
  Epoch lowest() const { return lowest_; }
  // No other leader can get this epoch any more.
  bool discovered() const { return stage_ >= Stage::kStoring; }
  bool established() const { return stage_ == Stage::kEstablished; }

  // --- whom it counts ----------------------------------------------------------
  // A learner's FollowerInfo, with the epoch it has promised; its AckEpoch, if that
  // is to be counted; its Ack of NewLeader.
  void Connect(const MemberId& member, Epoch promised, Time now);
  void Promise(const MemberId& member, Time now);
  void Accept(const MemberId& member, Time now);
  // Its session has ended.
  void Leave(const MemberId& member);

  // --- its stages, in their order ------------------------------------------------
  bool CanFixEpoch() const;
  void FixEpoch(WriteId promise);         // to kPromising
  bool PromiseIsDurable(WriteId synced);  // to kElecting, if it is
  bool CanTakeEpoch() const;
  void TakeEpoch(WriteId current);      // to kStoring
  bool EpochIsDurable(WriteId synced);  // to kSynchronizing, if it is
  bool TryEstablish();                  // to kEstablished, if it can be

  // --- its end ---------------------------------------------------------------------
  // Something has come nearer.
  void NoteProgress(Time now) { give_up_at_ = now + options_.init_limit; }
  bool Expired(Time now) const { return now >= give_up_at_; }
  // The voter cannot choose this leader in this epoch: it is ahead, or has promised
  // the epoch to another leader.
  void CountOut(const MemberId& member) { counted_out_.insert(member); }
  // The voters that are left are no quorum.
  bool Hopeless() const;
  // The voter announces this. It has left if it looks again, in a look that was not known
  // before, or has settled on somebody else.
  void Note(const MemberId& member, const LastWord& word);
  // Those who have not settled on somebody else are no quorum.
  bool Lost() const;
  // To be told as time goes by, with who is linked: nobody else can follow.
  void NoteSupport(std::set<MemberId> linked, Time now);
  // For `patience` those who are linked, and have neither left nor been counted out, were no
  // quorum.
  bool Deserted(Time now, Time patience) const { return now - supported_at_ >= patience; }

 private:
  void NoteProgressOf(const MemberId& member, Time now);
  bool QuorumWithout(const std::set<MemberId>& voters) const;

  Options options_;
  const Quorum* quorum_;
  Stage stage_ = Stage::kConnecting;
  Epoch lowest_;                  // grows until the epoch is fixed
  WriteId write_ = 0;             // what kPromising or kStoring waits for
  std::set<MemberId> connected_;  // have sent FollowerInfo
  std::set<MemberId> promised_;   // have sent an AckEpoch that counts
  std::set<MemberId> accepted_;   // have acknowledged NewLeader
  std::set<MemberId> counted_out_;
  std::set<MemberId> deserters_;  // look again, and may come back
  std::set<MemberId> defectors_;  // have settled on somebody else
  Time supported_at_;             // a quorum could follow, then
  // Which voters have extended give_up_at_ in which stage. Each does so once: one that keeps
  // reconnecting must not keep a leader alive that no quorum can follow.
  std::set<std::pair<Stage, MemberId>> progress_;
  Time give_up_at_{};
};

}  // namespace zkq::core
