#include "lib/runtime/protocol.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "lib/base/absl/string_view.h"
#include "lib/base/checks.h"
#include "lib/runtime/errors.h"
#include "lib/runtime/members_to_link.h"

namespace zkq::runtime {
namespace {

bool IsRequest(const core::Event& event) {
  const auto* received = std::get_if<core::Received>(&event);
  return received != nullptr && std::holds_alternative<Request>(received->message.body);
}

bool ChangesLinks(const core::Event& event) {
  return std::holds_alternative<core::LinkUp>(event) ||
         std::holds_alternative<core::LinkDown>(event);
}

// What a leader may send before it is durable here: its credit (core::PeerOptions), and one
// portion, which is one message at most.
constexpr size_t kHeldBytesFree = (16 << 20) + (80 << 20);
// How often what is told of links is looked at; one that goes up or down is told at once.
constexpr absl::Duration kTellsLinks = absl::Milliseconds(100);
// A server to which nothing happens, alone and not founded perhaps, tells so often of its links,
// and whether it is ready and healthy, all the same.
constexpr absl::Duration kTellsAnyway = absl::Seconds(1);

size_t BytesOf(const std::vector<Txn>& txns) {
  size_t bytes = 0;
  for (const Txn& txn : txns) bytes += txn.encoded.size();
  return bytes;
}

}  // namespace

Protocol::Protocol(const Ports& ports, std::vector<Member> configured)
    : ports_(ports),
      configured_(std::move(configured)),
      inbox_(ports.strand, [this] { Drain(); }),
      alarm_(ports.executor, ports.strand, [this] { OnCalls(); }) {}

Identity Protocol::Begin(std::unique_ptr<core::Peer> peer) {
  peer_ = std::move(peer);
  const Identity identity = peer_->identity();  // what changes it is an effect
  start_ = ports_.clock->Monotonic();
  Step(TickAt(start_));
  const core::Peer::View view = peer_->view();
  tells_links_at_ = start_ + kTellsLinks;  // the transport has not started yet
  Publish(view, start_);
  led_at_ = start_;
  FollowMembership(view, start_);  // a member that dials at once must not be refused
  return identity;
}

void Protocol::Stop() {
  inbox_.Close();
  alarm_.Stop();
}

void Protocol::Release() {
  peer_.reset();
  held_.clear();
  held_bytes_ = 0;
  effects_.clear();
}

// --- what comes in -------------------------------------------------------------------

void Protocol::Enqueue(core::Event event, Hold hold) {
  inbox_.Change([event = std::move(event), hold = std::move(hold)](News& news) mutable {
    news.events.push_back({std::move(event), std::move(hold)});
  });
}

void Protocol::Reconfigure(uint64_t tag, Membership next, absl::Duration deadline) {
  constexpr absl::Duration kLongest = absl::Hours(24 * 365);
  const absl::Duration left = std::min(deadline - ports_.clock->Monotonic(), kLongest);
  Post(core::ReconfigureAsked{tag, std::move(next), Time{absl::ToInt64Microseconds(left)}});
}

void Protocol::OnSynced(core::WriteId through) {
  inbox_.Change([through](News& news) { news.synced = through; });
}

void Protocol::OnSyncTook(absl::Duration took) {
  inbox_.Change([took](News& news) {
    news.sync_took = std::max(news.sync_took.value_or(took), took);
    return false;
  });
}

void Protocol::OnApplied(Zxid through) {
  inbox_.Change([through](News& news) {
    news.applied = through;
    return false;
  });
}

void Protocol::OnCalls() {
  inbox_.Change([](News&) {});
}

void Protocol::OnDeadline(absl::Duration deadline) {
  if (deadline < alarm_.when()) OnCalls();
}

void Protocol::OnLinkUp(const LinkId& link, const Identity& peer) {
  Enqueue(core::LinkUp{link, peer}, nullptr);
}

void Protocol::OnIntroduced(const LinkId& link, const Identity& peer) {
  inbox_.Change([&](News& news) {
    // No hold bounds how often a peer says who it is: only the last time counts.
    for (auto last = news.events.rbegin(); last != news.events.rend(); ++last) {
      auto* const before = std::get_if<core::Introduced>(&last->event);
      if (before == nullptr) break;
      if (before->link != link) continue;
      before->peer = peer;
      return;
    }
    news.events.push_back({core::Introduced{link, peer}, nullptr});
  });
}

void Protocol::OnMessage(const LinkId& link, Message message, Hold hold) {
  Enqueue(core::Received{link, std::move(message)}, std::move(hold));
}

void Protocol::OnPart(const LinkId& link, size_t bytes) {
  inbox_.Change([link, bytes](News& news) { news.parts[link] += bytes; });
}

void Protocol::OnNotification(const LinkId& link, const Notification& notification) {
  inbox_.Change([link, notification](News& news) { news.notified[link] = notification; });
}

void Protocol::OnLinkDown(const LinkId& link, const absl::Status&) {
  Enqueue(core::LinkDown{link}, nullptr);
}

void Protocol::OnSnapshotAsked(const LinkId&, const SnapshotRequest& request,
                               absl::AnyInvocable<void(absl::StatusOr<SnapshotChunk>) &&> reply) {
  ports_.transfers->Serve(request, std::move(reply));
}

void Protocol::OnAsked(const Asker& asker, Question question, absl::Duration time_left,
                       QuorumTransport::Answer reply) {
  ports_.admin->Answer(asker, std::move(question), time_left, std::move(reply));
}

// --- the strand ------------------------------------------------------------------------

void Protocol::Drain() {
  ZKQ_CHECK(ports_.strand->Inside());
  if (inbox_.closed()) return;
  ZKQ_CHECK(peer_ != nullptr);
  News news = inbox_.Take();
  const absl::Duration now = ports_.clock->Monotonic();
  ports_.calls->Expire(
      now, [leader = ports_.board->leader()](Fate fate) { return TimedOut(fate, leader); });
  StepAll(std::move(news), now);
  const core::Peer::View view = peer_->view();
  FollowMembership(view, now);  // before what may be told to new members, or of them
  ports_.performer->Perform(&effects_, view.commit, now);
  Publish(view, now);
  SetAlarm(now);
}

void Protocol::StepAll(News news, absl::Duration now) {
  Step(TickAt(now));
  for (Happened& happened : news.events) StepOne(std::move(happened));
  for (const auto& [link, bytes] : news.parts) Step(core::PartReceived{link, bytes});
  for (const auto& [link, notification] : news.notified) {
    Step(core::Notified{link, notification});
  }
  if (news.synced > synced_ || news.sync_took) {
    StepSynced(std::max(news.synced, synced_), news.sync_took.value_or(absl::ZeroDuration()));
  }
  if (news.applied > applied_) Step(core::Applied{applied_ = news.applied});
  PutCallsBack();
  Calls::Taken calls = ports_.calls->Take(peer_->room());
  if (!calls.writes.empty()) Step(core::Proposed{std::move(calls.writes)});
  if (!calls.reads.empty()) Step(core::ReadAsked{std::move(calls.reads)});
}

// Carried out before the others: calls that go again come before newer ones.
void Protocol::PutCallsBack() {
  for (core::Effect& effect : effects_) {
    auto* const again = std::get_if<core::ProposeAgain>(&effect);
    if (again != nullptr) ports_.calls->PutBack(std::exchange(again->tags, {}), again->sent);
  }
}

// What has been stepped is consumed, though it may wait for the disk: what comes after it keeps
// the session alive, and credit bounds it: a learner's of requests, a leader's of proposals.
// Above what that allows a proposal counts, until it is durable, against what the transport may
// read from that peer.
void Protocol::StepOne(Happened happened) {
  const size_t before = effects_.size();
  const bool is_request = IsRequest(happened.event);
  links_changed_ = links_changed_ || ChangesLinks(happened.event);
  Step(happened.event);
  if (happened.hold == nullptr || is_request) return;
  for (size_t i = effects_.size(); i > before; --i) {
    const auto* append = std::get_if<core::Append>(&effects_[i - 1]);
    if (append == nullptr) continue;
    const size_t bytes = BytesOf(append->txns);
    held_bytes_ += bytes;
    if (held_bytes_ <= kHeldBytesFree) happened.hold = nullptr;
    held_.push_back({append->write, bytes, std::move(happened.hold)});
    return;
  }
}

void Protocol::StepSynced(core::WriteId through, absl::Duration took) {
  synced_ = through;
  for (; !held_.empty() && held_.front().write <= through; held_.pop_front()) {
    held_bytes_ -= held_.front().bytes;
  }
  Step(core::Synced{through, Time{absl::ToInt64Microseconds(took)}});
}

void Protocol::Publish(const core::Peer::View& view, absl::Duration now) {
  const bool looks = std::exchange(links_changed_, false) || now >= tells_links_at_;
  if (looks) {
    tells_links_at_ = now + kTellsLinks;
    ports_.board->SetOthers(ports_.transport->links(), peer_->learners(), peer_->differences());
  }
  const StatusBoard::Change change = ports_.board->SetView(view, TimeOf(view.as_of), now);
  if (looks || change.health) SayHealth(now);
  if (change == StatusBoard::Change{}) return;
  ports_.executor->Wake();  // WaitForLeader, WaitUntilReady
  ports_.events->Raise(change);
}

// While a server is unhealthy it says so each minute, as it is then: that is the pace of the line,
// and what it does not allow now is said at a later look, if it still holds.
void Protocol::SayHealth(absl::Duration now) {
  const absl::Status health = ports_.board->Health(now);
  if (!health.ok()) {
    if (ports_.voice->Say(Line::kUnhealthy, FromAbsl(health.message()))) said_unhealthy_ = true;
  } else if (said_unhealthy_) {
    said_unhealthy_ = !ports_.voice->Say(Line::kHealthy, "again");
  }
}

absl::Duration Protocol::TimeOf(std::optional<Time> at) const {
  if (!at) return -absl::InfiniteDuration();
  return start_ + absl::Microseconds(at->count());
}

void Protocol::FollowMembership(const core::Peer::View& view, absl::Duration now) {
  if (view.role.leader != kNoServer) led_at_ = now;
  const absl::Duration patience = absl::Microseconds(view.founded_within.count());
  const Configs& configs = peer_->configs();
  int64_t lost = now - led_at_ > patience ? (now - led_at_) / patience : 0;
  if (!configs.pending) lost = std::min<int64_t>(lost, 1);  // nothing changes by it any more
  const std::tuple<uint64_t, bool, int64_t> tells(view.config_changes, view.changing, lost);
  if (told_ == tells) return;
  told_ = tells;
  Membership known = peer_->config();
  if (view.role.standing == Standing::kUnfounded) known.version = kNotAgreed;
  ports_.events->Raise(ports_.board->SetMembership(known, view.changing));
  ports_.transport->SetMembers(
      MembersToLink(peer_->identity().sid, configs, peer_->told(), configured_, lost));
}

// --- time --------------------------------------------------------------------------------

core::Tick Protocol::TickAt(absl::Duration now) const {
  return {.now = Time{absl::ToInt64Microseconds(now - start_)},
          .wall = absl::ToUnixMicros(ports_.clock->Wall())};
}

void Protocol::SetAlarm(absl::Duration now) {
  absl::Duration want = std::min({ports_.calls->NextDeadline(), ports_.journal->NextConfirm(),
                                  tells_links_at_ + kTellsAnyway});
  if (const std::optional<Time> wake = peer_->NextWake()) {
    want = std::min(want, start_ + absl::Microseconds(wake->count()));
  }
  alarm_.Set(want, now);
}

}  // namespace zkq::runtime
