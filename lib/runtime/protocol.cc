#include "lib/runtime/protocol.h"

#include <algorithm>
#include <utility>

#include "lib/runtime/errors.h"
#include "lib/runtime/node.h"

namespace zkq::runtime {
namespace {

// Nothing in the protocol is timed finer.
constexpr absl::Duration kShortestTimer = absl::Milliseconds(1);

absl::Duration Monotonic(const Node& node) { return node.options.env.clock->Monotonic(); }

}  // namespace

void Protocol::Begin(std::unique_ptr<core::Peer> peer, absl::Duration now) {
  peer_ = std::move(peer);
  start_ = now;
  Step(core::Tick{Time{0}});
  const core::Peer::View view = peer_->view();
  Publish(view);
  FollowMembership(view.config.members);  // a member that dials at once must not be refused
}

void Protocol::Stop() {
  std::lock_guard lock(mutex_);
  stopped_ = true;
  inbox_ = {};
  if (timer_ != 0) node_.options.env.executor->Cancel(std::exchange(timer_, 0));
}

void Protocol::Release() {
  peer_.reset();
  held_.clear();
  effects_.clear();
}

// --- what comes in -------------------------------------------------------------------

void Protocol::Schedule(std::unique_lock<std::mutex> lock) {
  if (stopped_ || std::exchange(scheduled_, true)) return;
  lock.unlock();
  strand_.Post([this, node = node_.Keep()] { Drain(); });
}

void Protocol::Enqueue(core::Event event, Hold hold) {
  std::unique_lock lock(mutex_);
  if (stopped_) return;
  inbox_.events.push_back({std::move(event), std::move(hold)});
  Schedule(std::move(lock));
}

void Protocol::OnSynced(core::WriteId through) {
  std::unique_lock lock(mutex_);
  inbox_.synced = through;
  Schedule(std::move(lock));
}

void Protocol::OnApplied(Zxid through) {
  std::lock_guard lock(mutex_);
  inbox_.applied = through;
}

void Protocol::OnCalls() { Schedule(std::unique_lock(mutex_)); }

void Protocol::OnDeadline(absl::Duration deadline) {
  std::unique_lock lock(mutex_);
  if (deadline < armed_for_) Schedule(std::move(lock));
}

void Protocol::OnLinkUp(const LinkId& link, const Identity& peer) {
  Enqueue(core::LinkUp{link, peer}, nullptr);
}

void Protocol::OnMessage(const LinkId& link, Message message, Hold hold) {
  Enqueue(core::Received{link, std::move(message)}, std::move(hold));
}

void Protocol::OnNotification(const LinkId& link, const Notification& notification) {
  std::unique_lock lock(mutex_);
  if (stopped_) return;
  inbox_.notified[link] = notification;
  Schedule(std::move(lock));
}

void Protocol::OnLinkDown(const LinkId& link, const absl::Status&) {
  Enqueue(core::LinkDown{link}, nullptr);
}

void Protocol::OnSnapshotAsked(const LinkId&, const SnapshotRequest& request,
                               absl::AnyInvocable<void(absl::StatusOr<SnapshotChunk>) &&> reply) {
  node_.transfers.Serve(request, std::move(reply));
}

// --- the strand ------------------------------------------------------------------------

std::optional<Protocol::Inbox> Protocol::TakeInbox() {
  std::lock_guard lock(mutex_);
  scheduled_ = false;
  if (stopped_) return std::nullopt;
  return std::exchange(inbox_, {.synced = inbox_.synced, .applied = inbox_.applied});
}

void Protocol::Drain() {
  std::optional<Inbox> inbox = TakeInbox();
  if (!inbox) return;
  const absl::Duration now = Monotonic(node_);
  const std::optional<ServerId> leader = node_.board.leader();
  node_.callbacks.Add([&](Completions* out) {
    node_.calls.Expire(
        now, [&](bool sent) { return TimedOut(sent, leader); }, out);
  });
  StepAll(&*inbox, now);
  const core::Peer::View view = peer_->view();
  PerformAll(view.commit, now);
  node_.callbacks.Flush(node_.Keep());
  Publish(view);
  FollowMembership(view.config.members);
  ArmTimer(now);
}

void Protocol::StepAll(Inbox* inbox, absl::Duration now) {
  Step(core::Tick{SinceStart(now)});
  for (Happened& happened : inbox->events) StepOne(std::move(happened));
  for (const auto& [link, notification] : inbox->notified) {
    Step(core::Notified{link, notification});
  }
  if (inbox->synced > synced_) StepSynced(inbox->synced);
  if (inbox->applied > applied_) Step(core::Applied{applied_ = inbox->applied});
  CallTable::Taken calls = node_.calls.Take();
  if (!calls.writes.empty()) Step(core::Proposed{std::move(calls.writes)});
  if (!calls.reads.empty()) Step(core::ReadAsked{std::move(calls.reads)});
}

// A proposal is consumed when it is durable: until then it counts against what
// the transport may read from that peer.
void Protocol::StepOne(Happened happened) {
  const size_t before = effects_.size();
  Step(happened.event);
  if (happened.hold == nullptr) return;
  for (size_t i = effects_.size(); i > before; --i) {
    const auto* append = std::get_if<core::Append>(&effects_[i - 1]);
    if (append == nullptr) continue;
    held_.push_back({append->write, std::move(happened.hold)});
    return;
  }
}

void Protocol::StepSynced(core::WriteId through) {
  synced_ = through;
  while (!held_.empty() && held_.front().write <= through) held_.pop_front();
  Step(core::Synced{through});
}

void Protocol::Publish(const core::Peer::View& view) {
  const StatusBoard::Change change = node_.board.SetView(view, HeardAt(view.last_heard));
  if (!change.role && !change.leader) return;
  node_.options.env.executor->Wake();  // WaitForLeader
  if (change.role) node_.events.Raise(Event::Kind::kRoleChanged, node_.Keep());
  if (change.leader) node_.events.Raise(Event::Kind::kLeaderChanged, node_.Keep());
}

// Nobody yet is as stale as can be.
absl::Duration Protocol::HeardAt(Time last_heard) const {
  if (last_heard == Time{0}) return -absl::InfiniteDuration();
  return start_ + absl::Microseconds(last_heard.count());
}

void Protocol::FollowMembership(const std::vector<Member>& members) {
  if (members == members_) return;
  members_ = members;
  node_.options.transport->SetMembers(node_.WithAddresses(members));
}

// --- time --------------------------------------------------------------------------------

Time Protocol::SinceStart(absl::Duration now) const {
  return Time{absl::ToInt64Microseconds(now - start_)};
}

// One timer serves the protocol, every call's deadline and the journal. It is only ever moved
// forward: one that fires too early costs one empty drain.
void Protocol::ArmTimer(absl::Duration now) {
  absl::Duration want = std::min(node_.calls.NextDeadline(), node_.journal.NextConfirm());
  if (const std::optional<Time> wake = peer_->NextWake()) {
    want = std::min(want, start_ + absl::Microseconds(wake->count()));
  }
  want = std::max(want, now + kShortestTimer);
  std::lock_guard lock(mutex_);
  if (stopped_ || want >= armed_for_) return;
  Executor& executor = *node_.options.env.executor;
  if (timer_ != 0) executor.Cancel(timer_);
  armed_for_ = want;
  timer_ = executor.RunAfter(want - now, [weak = node_.weak_from_this(), this, timer = ++timers_] {
    if (const auto node = weak.lock()) OnTimer(timer);
  });
}

void Protocol::OnTimer(uint64_t timer) {
  std::unique_lock lock(mutex_);
  if (timer != timers_) return;
  timer_ = 0;
  armed_for_ = absl::InfiniteDuration();
  Schedule(std::move(lock));
}

}  // namespace zkq::runtime
