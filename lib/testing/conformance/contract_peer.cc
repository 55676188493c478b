#include "lib/testing/conformance/contract_peer.h"

#include <utility>

namespace zkq::testing {

ContractPeer::ContractPeer(TransportWorld* world, Identity self)
    : world_(world), self_(std::move(self)), transport_(world->NewTransport(self_.sid)) {}

void ContractPeer::SetMembers(const std::vector<ServerId>& sids) {
  transport_->SetMembers(world_->Members(sids));
}

void ContractPeer::Shutdown() {
  transport_->Shutdown();
  const std::lock_guard lock(mutex_);
  shut_down_ = true;
}

void ContractPeer::Send(ServerId to, MessageBody body) {
  const std::optional<LinkId> link = this->link(to);
  if (!link.has_value()) {
    const std::lock_guard lock(mutex_);
    if (violation_.empty()) violation_ = "sent to " + ToString(to) + " without a link";
    return;
  }
  transport_->Send(std::span(&*link, 1), Message{.body = std::move(body)});
}

std::optional<LinkId> ContractPeer::link(ServerId to) const {
  const std::lock_guard lock(mutex_);
  const auto up = up_.find(to);
  return up == up_.end() ? std::nullopt : std::optional(up->second);
}

std::optional<Identity> ContractPeer::seen(ServerId to) const {
  const std::lock_guard lock(mutex_);
  const auto seen = seen_.find(to);
  return seen == seen_.end() ? std::nullopt : std::optional(seen->second);
}

int ContractPeer::ups(ServerId to) const {
  const std::lock_guard lock(mutex_);
  const auto ups = ups_.find(to);
  return ups == ups_.end() ? 0 : ups->second;
}

int ContractPeer::downs(ServerId to) const {
  const std::lock_guard lock(mutex_);
  const auto downs = downs_.find(to);
  return downs == downs_.end() ? 0 : downs->second;
}

std::vector<Message> ContractPeer::messages(const LinkId& link) const {
  const std::lock_guard lock(mutex_);
  const auto story = stories_.find(link);
  return story == stories_.end() ? std::vector<Message>() : story->second.messages;
}

std::vector<Message> ContractPeer::messages(ServerId from) const {
  const std::optional<LinkId> link = this->link(from);
  return link.has_value() ? messages(*link) : std::vector<Message>();
}

size_t ContractPeer::received(ServerId from) const {
  const std::lock_guard lock(mutex_);
  const auto up = up_.find(from);
  const auto story = up == up_.end() ? stories_.end() : stories_.find(up->second);
  return story == stories_.end() ? 0 : story->second.messages.size();
}

std::vector<Notification> ContractPeer::notifications(const LinkId& link) const {
  const std::lock_guard lock(mutex_);
  const auto story = stories_.find(link);
  return story == stories_.end() ? std::vector<Notification>() : story->second.notifications;
}

std::string ContractPeer::violation() const {
  const std::lock_guard lock(mutex_);
  return violation_;
}

void ContractPeer::HoldAll() {
  const std::lock_guard lock(mutex_);
  holding_ = true;
}

void ContractPeer::Release() {
  std::vector<Hold> holds;
  const std::lock_guard lock(mutex_);
  holding_ = false;
  held_bytes_ = 0;
  holds.swap(holds_);
}

size_t ContractPeer::held_bytes() const {
  const std::lock_guard lock(mutex_);
  return held_bytes_;
}

void ContractPeer::OnQuestions(Responder responder) {
  const std::lock_guard lock(mutex_);
  responder_ = std::move(responder);
}

void ContractPeer::React(Reaction reaction) {
  const std::lock_guard lock(mutex_);
  reaction_ = std::move(reaction);
}

void ContractPeer::Serve(std::string snapshot, size_t piece_bytes) {
  const std::lock_guard lock(mutex_);
  snapshot_ = std::move(snapshot);
  piece_bytes_ = piece_bytes;
}

int ContractPeer::snapshot_questions() const {
  const std::lock_guard lock(mutex_);
  return snapshot_questions_;
}

void ContractPeer::Expect(bool held, std::string_view what, const LinkId& link) {
  if (!held && violation_.empty()) violation_ = std::string(what) + " " + ToString(link);
}

// Each end numbers the streams that it has dialled, one the odd way and one the even.
bool ContractPeer::IsNewer(const LinkId& link, const LinkId& last) {
  return link.seq % 2 == last.seq % 2 ? link > last : link.boot >= last.boot;
}

bool ContractPeer::IsUp(const LinkId& link) const {
  const auto up = up_.find(link.sid);
  return !shut_down_ && up != up_.end() && up->second == link;
}

void ContractPeer::OnLinkUp(const LinkId& link, const Identity& peer) {
  {
    const std::lock_guard lock(mutex_);
    Expect(!shut_down_, "up after Shutdown:", link);
    Expect(link.sid != self_.sid, "up with itself:", link);
    Expect(up_.count(link.sid) == 0, "up beside another:", link);
    Expect(link.sid == peer.sid && link.boot == peer.boot, "up with another's identity:", link);
    Expect(last_.count(link.sid) == 0 || IsNewer(link, last_[link.sid]),
           "up with an old id:", link);
    up_[link.sid] = last_[link.sid] = link;
    seen_[link.sid] = peer;
    ++ups_[link.sid];
  }
  world_->Wake();
}

void ContractPeer::OnIntroduced(const LinkId& link, const Identity& peer) {
  {
    const std::lock_guard lock(mutex_);
    Expect(IsUp(link), "an introduction on a link that is not up:", link);
    Expect(link.sid == peer.sid && link.boot == peer.boot, "introduced as another:", link);
    seen_[link.sid] = peer;
  }
  world_->Wake();
}

void ContractPeer::OnMessage(const LinkId& link, Message message, Hold hold) {
  Reaction reaction;
  {
    const std::lock_guard lock(mutex_);
    Expect(IsUp(link), "a message on a link that is not up:", link);
    Expect(hold != nullptr, "a message without a hold:", link);
    stories_[link].messages.push_back(message);
    if (holding_) {
      holds_.push_back(hold);
      held_bytes_ += SizeOf(message);
    }
    reaction = reaction_;
  }
  if (reaction != nullptr) reaction(link, message);
  hold.reset();
  world_->Wake();
}

void ContractPeer::OnNotification(const LinkId& link, const Notification& notification) {
  {
    const std::lock_guard lock(mutex_);
    Expect(IsUp(link), "a notification on a link that is not up:", link);
    stories_[link].notifications.push_back(notification);
  }
  world_->Wake();
}

void ContractPeer::OnLinkDown(const LinkId& link, const absl::Status& why) {
  {
    const std::lock_guard lock(mutex_);
    Expect(IsUp(link), "down without being up:", link);
    Expect(!why.ok(), "down without a reason:", link);
    up_.erase(link.sid);
    ++downs_[link.sid];
  }
  world_->Wake();
}

void ContractPeer::OnSnapshotAsked(
    const LinkId& link, const SnapshotRequest& request,
    absl::AnyInvocable<void(absl::StatusOr<SnapshotChunk>) &&> reply) {
  absl::StatusOr<SnapshotChunk> answer = absl::NotFoundError("no such snapshot");
  {
    const std::lock_guard lock(mutex_);
    Expect(IsUp(link), "a snapshot asked for on a link that is not up:", link);
    ++snapshot_questions_;
    if (piece_bytes_ > 0 && request.offset <= snapshot_.size()) {
      std::string bytes = snapshot_.substr(request.offset, piece_bytes_);
      const bool last = request.offset + bytes.size() == snapshot_.size();
      answer = SnapshotChunk{.offset = request.offset, .bytes = std::move(bytes), .last = last};
    }
  }
  std::move(reply)(std::move(answer));
  world_->Wake();
}

void ContractPeer::OnAsked(const Asker& asker, Question question, absl::Duration time_left,
                           QuorumTransport::Answer reply) {
  Responder responder;
  {
    const std::lock_guard lock(mutex_);
    if (shut_down_ && violation_.empty()) violation_ = "asked after Shutdown";
    responder = responder_;
  }
  if (responder == nullptr) {
    return Receiver::OnAsked(asker, std::move(question), time_left, std::move(reply));
  }
  responder(asker, std::move(question), time_left, std::move(reply));
  world_->Wake();
}

}  // namespace zkq::testing
