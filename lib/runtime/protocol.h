// Protocol: the protocol strand. Owns the Peer, brings it everything that
// happens, and has carried out what it wants done. Never blocks: no disk, no
// user's code.
//
// What comes is collected and stepped in one go: one task, one Tick, all calls in
// one event, the newest watermark of each kind; then the effects of all of it are
// carried out in order. So a hand-over costs the same for one call and for a
// thousand.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "lib/core/peer.h"
#include "lib/runtime/alarm.h"
#include "lib/runtime/inbox.h"
#include "lib/runtime/journal.h"
#include "zkq/quorum_transport.h"

namespace zkq::runtime {

struct Node;

class Protocol final : public QuorumTransport::Receiver {
 public:
  Protocol(Node* node, Strand* strand);

  // Once, before all else and before the transport starts: takes the first step of
  // a new peer. What it wants done is carried out with the first drain.
  void Begin(std::unique_ptr<core::Peer> peer, absl::Duration now);
  // The replica no longer takes part: nothing is stepped or carried out any more.
  void Stop();
  // Once the strand is idle for good: lets the peer and what it holds go.
  void Release();

  // --- from any thread -----------------------------------------------------------
  void Post(core::Event event) { Enqueue(std::move(event), nullptr); }
  void OnSynced(core::WriteId through);
  // Told at the next occasion: nothing waits for it.
  void OnApplied(Zxid through);
  // Calls have come that wait to be taken.
  void OnCalls();
  // A call has come that nothing but its deadline concerns the protocol with.
  void OnDeadline(absl::Duration deadline);

  // --- QuorumTransport::Receiver ---------------------------------------------------
  void OnLinkUp(const LinkId& link, const Identity& peer) override;
  void OnIntroduced(const LinkId& link, const Identity& peer) override;
  void OnMessage(const LinkId& link, Message message, Hold hold) override;
  void OnNotification(const LinkId& link, const Notification& notification) override;
  void OnLinkDown(const LinkId& link, const absl::Status& why) override;
  void OnSnapshotAsked(const LinkId& link, const SnapshotRequest& request,
                       absl::AnyInvocable<void(absl::StatusOr<SnapshotChunk>) &&> reply) override;

 private:
  struct Happened {
    core::Event event;
    Hold hold;  // of a message: released when it is stepped, or, of a proposal, durable
  };
  struct News {
    std::vector<Happened> events = {};  // messages are bounded by the transport's Holds, the
                                        // rest by how many links and transfers there are
    std::map<LinkId, Notification> notified = {};  // the newest of each link
    core::WriteId synced = 0;
    Zxid applied = {};
  };
  struct HeldProposal {
    core::WriteId write = 0;
    Hold hold;
  };

  void Enqueue(core::Event event, Hold hold);

  void Drain();
  void StepAll(News news, absl::Duration now);
  void Step(const core::Event& event) { peer_->Step(event, &effects_); }
  void StepOne(Happened happened);
  void StepSynced(core::WriteId through);

  // effects.cc
  void PerformAll(Zxid committed, absl::Duration now);
  void Perform(core::Send& send);
  void Perform(core::Notify& notify);
  void Perform(core::DropLink& drop);
  void Perform(core::Introduce& introduce);
  void Perform(core::Append& append);
  void Perform(core::Truncate& truncate);
  void Perform(core::StoreState& store);
  void Perform(core::InstallSnapshot& install);
  void Perform(core::ReadLog& read);
  void Perform(core::FetchSnapshot& fetch);
  void Perform(core::Deliver& deliver);
  void Perform(core::Reject& reject);
  void Perform(core::AnswerReads& answer);
  void Perform(core::RoleChanged& changed);
  void Perform(core::Note& note);
  void Perform(core::Halt& halt);

  void Publish(const core::Peer::View& view);
  absl::Duration HeardAt(Time last_heard) const;
  void FollowMembership(const std::vector<Member>& members);
  void SetAlarm(absl::Duration now);
  Time SinceStart(absl::Duration now) const;

  Node& node_;
  Inbox<News> inbox_;
  Alarm alarm_;  // for the protocol, every call's deadline and the journal

  // On the protocol strand only.
  std::unique_ptr<core::Peer> peer_;
  absl::Duration start_ = absl::ZeroDuration();
  core::Effects effects_;
  core::WriteId synced_ = 0;
  Zxid applied_ = {};
  std::deque<HeldProposal> held_;       // bounded by the transport: it waits for the holds
  std::vector<Journal::Write> writes_;  // of the effects that are being carried out
  std::vector<Member> members_;         // whom the transport was told of
};

}  // namespace zkq::runtime
