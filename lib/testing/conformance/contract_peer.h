// ContractPeer: one process of the transports' conformance suite. It starts a
// transport, keeps all that its receiver is told, and checks on the way what must
// hold of every call: links come up and go down in order, one at a time a peer,
// and nothing is told of a link that is not up.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "zkq/testing/conformance.h"

namespace zkq::testing {

class ContractPeer final : public QuorumTransport::Receiver {
 public:
  explicit ContractPeer(TransportWorld* world, Identity self);
  ~ContractPeer() override { Shutdown(); }

  absl::Status Start() { return transport_->Start(world_->EnvOf(self_.sid), self_, this); }
  void SetMembers(const std::vector<ServerId>& sids);
  // After it every call to the receiver is a violation.
  void Shutdown();
  QuorumTransport& transport() { return *transport_; }

  // Sends on the link to `to` that is up; a violation when there is none.
  void Send(ServerId to, MessageBody body);

  // What has happened, all under a lock: transports call from any thread.
  std::optional<LinkId> link(ServerId to) const;    // that is up
  std::optional<Identity> seen(ServerId to) const;  // who was at its other end
  int ups(ServerId to) const;
  int downs(ServerId to) const;
  std::vector<Message> messages(const LinkId& link) const;
  std::vector<Message> messages(ServerId from) const;  // on its link that is up
  size_t received(ServerId from) const;                // how many these are
  std::vector<Notification> notifications(const LinkId& link) const;
  // The first call that broke what must hold of every one; "": none did.
  std::string violation() const;

  // Keeps the holds of what comes from now on, until Release.
  void HoldAll();
  void Release();
  size_t held_bytes() const;

  // What is done, on the transport's thread, besides keeping a message.
  using Reaction = std::function<void(const LinkId&, const Message&)>;
  void React(Reaction reaction);
  // The snapshot file that peers may fetch: pieces of `piece_bytes`.
  void Serve(std::string snapshot, size_t piece_bytes);
  int snapshot_questions() const;
  // What answers the questions of others, on the transport's thread; without it nobody does.
  using Responder =
      std::function<void(const Asker&, Question, absl::Duration, QuorumTransport::Answer)>;
  void OnQuestions(Responder responder);

  void OnLinkUp(const LinkId& link, const Identity& peer) override;
  void OnIntroduced(const LinkId& link, const Identity& peer) override;
  void OnMessage(const LinkId& link, Message message, Hold hold) override;
  void OnNotification(const LinkId& link, const Notification& notification) override;
  void OnLinkDown(const LinkId& link, const absl::Status& why) override;
  void OnSnapshotAsked(const LinkId& link, const SnapshotRequest& request,
                       absl::AnyInvocable<void(absl::StatusOr<SnapshotChunk>) &&> reply) override;
  void OnAsked(const Asker& asker, Question question, absl::Duration time_left,
               QuorumTransport::Answer reply) override;

 private:
  struct Story {  // of one link
    std::vector<Message> messages = {};
    std::vector<Notification> notifications = {};
  };
  void Expect(bool held, std::string_view what, const LinkId& link);  // under the lock
  static bool IsNewer(const LinkId& link, const LinkId& last);
  bool IsUp(const LinkId& link) const;

  TransportWorld* const world_;
  const Identity self_;
  const std::unique_ptr<QuorumTransport> transport_;

  mutable std::mutex mutex_;
  bool shut_down_ = false;
  std::string violation_;
  std::map<ServerId, LinkId> up_;
  std::map<ServerId, LinkId> last_;  // the newest link ever up
  std::map<ServerId, Identity> seen_;
  std::map<ServerId, int> ups_, downs_;
  std::map<LinkId, Story> stories_;
  bool holding_ = false;
  size_t held_bytes_ = 0;
  std::vector<Hold> holds_;
  Reaction reaction_;
  Responder responder_;
  std::string snapshot_;
  size_t piece_bytes_ = 0;  // 0: serves none
  int snapshot_questions_ = 0;
};

}  // namespace zkq::testing
