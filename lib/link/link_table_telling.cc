// What the link table tells: how it stands with each server, to its caller and in the log.
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "lib/base/absl/string_view.h"
#include "lib/link/link_table.h"

namespace zkq::link {
namespace {

// Of a time that was measured, as much as people read.
std::string Text(absl::Duration time) {
  const absl::Duration unit = time < absl::Seconds(1)    ? absl::Microseconds(100)
                              : time < absl::Seconds(10) ? absl::Milliseconds(100)
                                                         : absl::Seconds(1);
  return absl::FormatDuration(absl::Trunc(time, unit));
}

std::string Text(const absl::Status& status) { return std::string(FromAbsl(status.message())); }

Patience PatienceOf(const Identity& self) {
  if (self.tick.count() <= 0) return {};
  return {.after_failures = SilenceLimit(self),
          .without = absl::FromChrono(self.tick) * self.init_limit};
}

// While nobody leads, of two listed disks each has the id for one limit in turn.
constexpr int kBesidePatience = 2;

// These come and go by themselves, between servers that are as they should be.
bool IsPassing(RefusalCode code) {
  return code == RefusalCode::kDialBack || code == RefusalCode::kDialMe ||
         code == RefusalCode::kShutDown || code == RefusalCode::kSameDisk;
}

}  // namespace

// --- why there is no link -------------------------------------------------------------

std::vector<LinkState> LinkTable::links() {
  std::vector<LinkState> all;
  const std::lock_guard lock(mutex_);
  for (const auto& [sid, peer] : peers_) {
    if (!peer.wanted && peer.live == nullptr) continue;
    const LinkState& known = peer.reach.state();
    const bool untried = !known.up && known.error.ok();
    // A copy: a status is not shared between threads (see link_table.cc).
    const absl::Status error(known.error.code(), known.error.message());
    all.push_back({.id = sid,
                   .up = known.up,
                   .since = known.since,
                   .error = untried ? NotTried(sid, peer) : error,
                   .round_trip = peer.live ? peer.live->round_trip() : known.round_trip,
                   .listed = !IsUnlisted(peer)});
  }
  return all;
}

absl::Status LinkTable::NotTried(ServerId sid, const Peer& peer) const {
  if (WayTo(sid, peer) == Way::kDial) return absl::UnavailableError("not dialled yet");
  return absl::UnavailableError(
      ToAbsl("not dialled from here: server " + ToString(sid) + " dials, and has not been heard"));
}

absl::Status LinkTable::NoAddress(ServerId sid) {
  return absl::UnavailableError(ToAbsl("no address of server " + ToString(sid) + " is known"));
}

absl::Status LinkTable::NotDialledBack(ServerId sid, const Peer& peer,
                                       const absl::Status& knock) const {
  if (absl::IsDeadlineExceeded(knock) && !RefusedIn(knock)) return NoAnswer(peer);
  if (!knock.ok()) return Explained(knock, self_.sid);
  if (peer.live != nullptr) {
    return absl::UnavailableError("asked to dial, and has not: who is linked may have heard that");
  }
  // It dials the address that it has for this server, which should be the one that is listed here.
  const auto us = peers_.find(self_.sid);
  const std::string address = us == peers_.end() ? "" : us->second.addresses.present();
  return absl::UnavailableError(
      ToAbsl("not dialled from here: server " + ToString(sid) + " was asked to dial " +
             (address.empty() ? "this server" : address) + ", and has not reached it"));
}

absl::Status LinkTable::NoAnswer(const Peer& peer) const {
  return absl::DeadlineExceededError(
      "no answer from " + peer.addresses.present() + " within " + Text(AttemptLimit(self_)) +
      " (down, cut off, or too far for a tick of " + Text(absl::FromChrono(self_.tick)) + ")");
}

void LinkTable::NoteFailure(ServerId sid, Peer* peer, const absl::Status& status,
                            absl::Status why) {
  if (peer->live != nullptr || status.ok()) {
    Explain(peer, std::move(why));
  } else if (IsLasting(status)) {
    peer->reach.Refused(std::move(why));
  } else {
    peer->reach.Failed(std::move(why));
  }
  TellSoon(sid);
}

void LinkTable::Explain(Peer* peer, absl::Status why) {
  if (peer->live == nullptr) return peer->reach.Explain(std::move(why));
  if (peer->beside) peer->beside->why = std::move(why);
}

// A link that flaps does not begin it anew.
void LinkTable::NoteBeside(Peer* peer) const {
  if (peer->live == nullptr) return;
  if (!IsUnlisted(*peer) || !peer->seat.WantsAnother(peer->live_disk)) {
    peer->beside.reset();
  } else if (!peer->beside) {
    peer->beside = Beside{.since = env_.clock->Monotonic()};
  }
}

// --- links in the log -----------------------------------------------------------------

void LinkTable::TellSoon(ServerId sid) {
  if (log_.silent()) return;
  After(absl::ZeroDuration(), [sid](LinkTable* table) { table->Tell(sid); });
}

void LinkTable::Tell(ServerId sid) {
  TellLink(sid);
  TellUnreachable(sid);
  TellOtherDisk(sid);
}

void LinkTable::TellLink(ServerId sid) {
  bool up = false;
  Line line{};
  std::string text;
  ServerId self{};
  {
    const std::lock_guard lock(mutex_);
    Peer& peer = PeerOf(sid);
    if (!running_ || !std::exchange(peer.untold, false)) return;
    up = peer.live != nullptr;
    line = up ? Line::kLinked : peer.end_line;
    text = up ? TextOfLink(sid, peer) : TextOfEnd(sid, peer);
    self = self_.sid;
  }
  const absl::Duration wait = log_.Write(line, self, sid, env_.clock->Monotonic(), text);
  // Of one that stays down more is told: TellUnreachable.
  if (wait == absl::ZeroDuration() || !up) return;
  const std::lock_guard lock(mutex_);
  Peer& peer = PeerOf(sid);
  peer.untold = true;
  if (!std::exchange(peer.tells_later, true)) {
    After(wait, [sid](LinkTable* table) { table->TellLater(sid); });
  }
}

void LinkTable::TellLater(ServerId sid) {
  {
    const std::lock_guard lock(mutex_);
    PeerOf(sid).tells_later = false;
  }
  TellLink(sid);
}

void LinkTable::TellUnreachable(ServerId sid) {
  const absl::Duration now = env_.clock->Monotonic();
  std::string text;
  ServerId self{};
  {
    const std::lock_guard lock(mutex_);
    const Peer& peer = PeerOf(sid);
    self = self_.sid;
    if (!running_ || !peer.wanted || !peer.reach.unreachable(now, PatienceOf(self_))) return;
    const LinkState& state = peer.reach.state();
    text = Named(sid, peer) + " has had no link for " + Text(now - state.since) + ": " +
           Text(state.error);
  }
  log_.Write(Line::kPeerUnreachable, self, sid, now, text);
}

void LinkTable::TellOtherDisk(ServerId sid) {
  const absl::Duration now = env_.clock->Monotonic();
  std::string text;
  ServerId self{};
  {
    const std::lock_guard lock(mutex_);
    const Peer& peer = PeerOf(sid);
    self = self_.sid;
    if (!running_ || peer.live == nullptr || !peer.beside || peer.beside->why.ok()) return;
    const absl::Duration lasts = now - peer.beside->since;
    if (lasts < kBesidePatience * PatienceOf(self_).without) return;
    text = Named(sid, peer) + " has had another disk than the listed one for " + Text(lasts) +
           "; the listed one is not reached: " + Text(peer.beside->why);
  }
  log_.Write(Line::kOtherDisk, self, sid, now, text);
}

std::string LinkTable::Named(ServerId sid, const Peer& peer) const {
  const std::string where = peer.addresses.all();
  return "server " + ToString(sid) + (where.empty() ? "" : " at " + where);
}

std::string LinkTable::TextOfLink(ServerId sid, const Peer& peer) const {
  const std::optional<absl::Duration> round_trip = peer.live->round_trip();
  return Named(sid, peer) + ", dialled " + (peer.live->dialled ? "from here" : "by it") +
         (round_trip ? ", round trip " + Text(*round_trip) : "") + ", after " +
         Text(peer.reach.lacked()) + " without a link";
}

std::string LinkTable::TextOfEnd(ServerId sid, const Peer& peer) const {
  return Named(sid, peer) + ": " + Text(peer.reach.state().error);
}

// A quarter of the limit for one round trip: a ping, what delays it, and what is sent anew
// when a packet is lost must fit into the whole.
void LinkTable::WarnIfFar(LiveLink& link) {
  const absl::Duration took = link.round_trip().value_or(absl::ZeroDuration());
  const Identity us = self();
  if (took <= SilenceLimit(us) / 4) return;
  const absl::Duration enough = absl::Ceil(4 * took / us.sync_limit, absl::Milliseconds(1));
  log_.Write(Line::kPeerFar, us.sid, link.id.sid, env_.clock->Monotonic(),
             "server " + ToString(link.id.sid) + " answers after " + Text(took) + ": a tick of " +
                 Text(absl::FromChrono(us.tick)) + " is too small for that, " + Text(enough) +
                 " would do");
}

// --- refusals in the log --------------------------------------------------------------

absl::Status LinkTable::Refuse(const Identity& peer, const Judgement& why) {
  Identity us;
  bool member = false;
  {
    const std::lock_guard lock(mutex_);
    us = self_;
    const auto found = peers_.find(peer.sid);
    member = found != peers_.end() && found->second.seat.listed();
    const absl::Status status = ToStatus({why.refusal, us.sid});
    if (member && IsLasting(status)) found->second.reach.Refused(Explained(status, us.sid));
  }
  if (!IsPassing(why.refusal)) {
    std::string text = Describe(peer) + " refused by " + Describe(us) + ": ";
    text += ToString(why.refusal);
    if (!why.detail.empty()) text += ", " + why.detail;
    log_.Write(member ? Line::kPeerRefused : Line::kStrangerRefused, us.sid,
               member ? peer.sid : kNoServer, env_.clock->Monotonic(), text);
  }
  return ToStatus({why.refusal, us.sid});
}

void LinkTable::LogRefusedBy(ServerId peer, const absl::Status& told) {
  Identity us;
  std::string address;
  {
    const std::lock_guard lock(mutex_);
    us = self_;
    address = PeerOf(peer).attempted;
  }
  const std::optional<Refused> refused = RefusedIn(told);
  std::string text =
      Describe(us) + " refused at " + address + ", the address of server " + ToString(peer);
  if (refused) {
    text += ", by server " + ToString(refused->sid) + ": " + std::string(ToString(refused->code));
  } else {
    text += ": " + absl::CHexEscape(told.ToString().substr(0, kShownMax));
  }
  log_.Write(Line::kRefusedByPeer, us.sid, peer, env_.clock->Monotonic(), text);
}

}  // namespace zkq::link
