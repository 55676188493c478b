// Protocol: the protocol strand. Owns the Peer, brings it everything that
// happens, and has carried out what it wants done. Never blocks: no disk, no
// user's code.
//
// What comes is collected and stepped in one go: one task, one Tick, all calls in
// one event, the newest watermark of each kind; then the effects of all of it are
// carried out in order. So a hand-over costs the same for one call and for a
// thousand.
//
// Thread-safe, but for Begin and Release.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <tuple>
#include <vector>

#include "lib/core/peer.h"
#include "lib/runtime/admin.h"
#include "lib/runtime/alarm.h"
#include "lib/runtime/events.h"
#include "lib/runtime/inbox.h"
#include "lib/runtime/performer.h"
#include "lib/runtime/voice.h"

namespace zkq::runtime {

class Protocol final : public QuorumTransport::Receiver {
 public:
  struct Ports {
    Strand* strand = nullptr;
    Clock* clock = nullptr;
    Executor* executor = nullptr;  // of the strand: for its timer, and for who waits for a leader
    QuorumTransport* transport = nullptr;
    Performer* performer = nullptr;
    const Journal* journal = nullptr;
    Transfers* transfers = nullptr;
    Admin* admin = nullptr;
    Calls* calls = nullptr;
    StatusBoard* board = nullptr;
    Events* events = nullptr;
    const Voice* voice = nullptr;
    Halter* halter = nullptr;
  };
  // `configured`: where this server was told that others are. That is tried where the
  // agreed address does not answer (PROTOCOL §10.6), so a server may move without the
  // ensemble agreeing on it. Who is not agreed on at all is asked while there is no leader: this
  // server may have slept through several changes, and all that it knows of be gone.
  Protocol(const Ports& ports, std::vector<Member> configured);

  // Once, before all else and before the transport starts: takes the first step of
  // a new peer, and returns who it is. What it wants done is carried out with the first
  // drain.
  Identity Begin(std::unique_ptr<core::Peer> peer);
  // The replica no longer takes part: nothing is stepped or carried out any more.
  void Stop();
  // Once the strand is idle for good: lets the peer and what it holds go.
  void Release();

  void Post(core::Event event) { Enqueue(std::move(event), nullptr); }
  // A change of the configuration, with the tag of its call, which ends at `deadline`.
  void Reconfigure(uint64_t tag, Membership next, absl::Duration deadline);
  void OnSynced(core::WriteId through);
  // A sync of the log has ended. Told at the next occasion, or with what it made durable.
  void OnSyncTook(absl::Duration took);
  // Told at the next occasion: nothing waits for it.
  void OnApplied(Zxid through);
  // Calls wait to be taken.
  void OnCalls();
  // A call has come that the protocol only has to time out.
  void OnDeadline(absl::Duration deadline);

  // --- QuorumTransport::Receiver ---------------------------------------------------
  void OnLinkUp(const LinkId& link, const Identity& peer) override;
  void OnIntroduced(const LinkId& link, const Identity& peer) override;
  void OnMessage(const LinkId& link, Message message, Hold hold) override;
  void OnPart(const LinkId& link, size_t bytes) override;
  void OnNotification(const LinkId& link, const Notification& notification) override;
  void OnLinkDown(const LinkId& link, const absl::Status& why) override;
  void OnSnapshotAsked(const LinkId& link, const SnapshotRequest& request,
                       absl::AnyInvocable<void(absl::StatusOr<SnapshotChunk>) &&> reply) override;
  void OnAsked(const Asker& asker, Question question, absl::Duration time_left,
               QuorumTransport::Answer reply) override;

 private:
  struct Happened {
    core::Event event;
    Hold hold;  // of a message: released when it is stepped, or, of a proposal, durable
  };
  struct News {
    std::vector<Happened> events = {};    // messages are bounded by the transport's Holds, the
                                          // rest by how many links and transfers there are
    std::map<LinkId, size_t> parts = {};  // bytes; told at the next occasion
    std::map<LinkId, Notification> notified = {};  // the newest of each link
    core::WriteId synced = 0;
    std::optional<absl::Duration> sync_took = {};  // the slowest
    Zxid applied = {};
  };
  struct HeldProposal {
    core::WriteId write = 0;
    size_t bytes = 0;
    Hold hold;  // none, while there are few
  };

  Halter& invariants() { return *ports_.halter; }
  void Enqueue(core::Event event, Hold hold);

  void Drain();
  void StepAll(News news, absl::Duration now);
  void Step(const core::Event& event) { peer_->Step(event, &effects_); }
  void StepOne(Happened happened);
  void StepSynced(core::WriteId through, absl::Duration took);
  void PutCallsBack();

  void Publish(const core::Peer::View& view, absl::Duration now);
  void SayHealth(absl::Duration now);
  // By the monotonic clock; none: before all time.
  absl::Duration TimeOf(std::optional<Time> at) const;
  void FollowMembership(const core::Peer::View& view, absl::Duration now);
  void SetAlarm(absl::Duration now);
  core::Tick TickAt(absl::Duration now) const;

  const Ports ports_;
  const std::vector<Member> configured_;
  Inbox<News> inbox_;
  Alarm alarm_;  // for the protocol, every call's deadline and the journal

  // On the protocol strand only.
  std::unique_ptr<core::Peer> peer_;
  absl::Duration start_ = absl::ZeroDuration();
  core::Effects effects_;
  core::WriteId synced_ = 0;
  Zxid applied_ = {};
  std::deque<HeldProposal> held_;  // not durable; bounded by credit, then by the holds
  size_t held_bytes_ = 0;
  absl::Duration tells_links_at_ = absl::ZeroDuration();
  bool links_changed_ = false;   // since they were told
  bool said_unhealthy_ = false;  // in the log, and not `healthy` since
  // Of the configuration, to the transport; and whether with all that are configured.
  std::optional<std::tuple<uint64_t, bool, int64_t>> told_;
  absl::Duration led_at_ = absl::ZeroDuration();  // there was a leader then, or the start
};

}  // namespace zkq::runtime
