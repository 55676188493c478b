#include "lib/testing/world/sim_connection.h"

#include <algorithm>
#include <string>
#include <utility>

namespace zkq::testing {
namespace {

// TCP's, as Linux has them.
constexpr absl::Duration kFirstRetry = absl::Milliseconds(200);
constexpr absl::Duration kLongestRetry = absl::Seconds(120);
constexpr absl::Duration kGivesUp = absl::Minutes(15);
// What a packet without contents takes on the line.
constexpr size_t kEmptyPacket = 60;

}  // namespace

SimConnection::SimConnection(const World* world, SimProcessPtr dialler, ServerId to, For use)
    : use_(use), world_(world), places_{dialler->place, to} {
  for (const size_t at : {kDialler, kAcceptor}) {
    ends_[at].connection = this;
    ends_[at].index = at;
  }
  ends_[kDialler].process = std::move(dialler);
}

template <typename Task>
void SimConnection::Later(absl::Duration delay, Task task) {
  if (world_ == nullptr) return;
  world_->scheduler->After(delay, [weak = weak_from_this(), task = std::move(task)]() mutable {
    const std::shared_ptr<SimConnection> self = weak.lock();
    if (self != nullptr && self->world_ != nullptr) task();
  });
}

absl::Duration SimConnection::DrawDelay(size_t from) {
  return world_->paths->DrawDelay(places_[from], places_[1 - from]);
}

const SimPath& SimConnection::PathOf(size_t from) const {
  return world_->paths->Of(places_[from], places_[1 - from]);
}

bool SimConnection::Passes(size_t from, size_t bytes) const {
  return !forgotten_ && world_->paths->Passes(places_[from], places_[1 - from], bytes);
}

bool SimConnection::Joins(ServerId a, ServerId b) const {
  return std::minmax(a, b) == std::minmax(places_[kDialler], places_[kAcceptor]);
}

bool SimConnection::Touches(const SimProcess& process) const {
  return ends_[kDialler].process.get() == &process || ends_[kAcceptor].process.get() == &process;
}

bool SimConnection::Gone(size_t at) const {
  return ends_[at].process == nullptr || ends_[at].process->gone;
}

bool SimConnection::over() const {
  return ends_[kDialler].link == nullptr && ends_[kAcceptor].link == nullptr && !accept_due_ &&
         ends_[kDialler].self == nullptr && ends_[kAcceptor].self == nullptr;
}

// --- the beginning ----------------------------------------------------------------

void SimConnection::Open(link::LinkPtr link) {
  End& end = ends_[kDialler];
  end.link = std::move(link);
  end.self = shared_from_this();
  Connect();
  end.link->Attach(&end);
}

void SimConnection::Connect() {
  if (ends_[kDialler].closed || ends_[kDialler].process->dead()) return;
  Later(DrawDelay(kDialler), [this] { OnConnectArrives(); });
}

// The kernel at the other end answers, or nobody does.
void SimConnection::OnConnectArrives() {
  if (connected_) return;
  const bool through = Passes(kDialler, kEmptyPacket) && Passes(kAcceptor, kEmptyPacket);
  const bool refused = world_->paths->Refused(places_[kDialler], places_[kAcceptor]);
  if (!through && !refused) {
    Later(std::exchange(next_connect_, 2 * next_connect_), [this] { Connect(); });
    return;
  }
  ends_[kAcceptor].process = world_->listener(places_[kAcceptor]);
  if (refused || ends_[kAcceptor].process == nullptr) {
    return EndFlow(kAcceptor, absl::UnavailableError("nobody can be reached there"));
  }
  Later(DrawDelay(kAcceptor), [this] { OnConnected(); });
}

void SimConnection::OnConnected() {
  if (connected_ || ends_[kDialler].closed || Gone(kDialler)) return;
  connected_ = true;
  for (Packet& packet : ends_[kDialler].out.packets) {
    if (ends_[kDialler].out.retry == absl::ZeroDuration()) Transmit(kDialler, &packet);
  }
  accept_due_ = true;
  Later(DrawDelay(kDialler), [this] { Accept(); });
  if (!PathOf(kDialler).resets) return;
  const uint64_t steps = world_->scheduler->random().Below(8);
  Later(DrawDelay(kDialler) * static_cast<double>(steps) / 2,
        [this] { Break(absl::UnavailableError("connection reset by peer")); });
}

// The process takes what its kernel has accepted.
void SimConnection::Accept() {
  End& end = ends_[kAcceptor];
  if (!accept_due_ || end.process->paused || !end.process->answers) return;
  accept_due_ = false;
  if (end.process->dead()) return;
  link::LinkTable& table = *end.process->table;
  absl::StatusOr<link::LinkPtr> accepted =
      use_ == For::kLink ? table.Accept() : table.AcceptTransfer();
  if (!accepted.ok()) return EndFlow(kAcceptor, accepted.status());
  end.link = *std::move(accepted);
  end.self = shared_from_this();
  end.link->Attach(&end);
  HandUp(kAcceptor);
}

// --- what links ask for -----------------------------------------------------------

void SimConnection::End::Read() {
  wants_read = true;
  if (handing_up || inbox.empty()) return;
  connection->Later(absl::ZeroDuration(), [end = this] { end->connection->HandUp(end->index); });
}

void SimConnection::End::Write(link::Outgoing frame) {
  writing = true;
  if (process->dead() || connection->world_ == nullptr) return;  // until it is aborted
  std::string bytes = std::move(frame.head);
  bytes.append(frame.tail.view());
  connection->Send(index, {.bytes = Payload(std::move(bytes))});
  connection->AnswerWrite(index);
}

void SimConnection::End::AbortSoon() {
  connection->Later(absl::ZeroDuration(), [end = this] {
    if (std::exchange(end->writing, false)) end->link->OnWritten(false);
  });
}

void SimConnection::End::Close(const absl::Status& why) {
  closed = true;
  connection->DropInbox(index);
  if (!told && !process->dead() && connection->world_ != nullptr) {
    const bool dials = index == kDialler;
    connection->CutShort(index);
    connection->EndFlow(index, dials ? absl::CancelledError("the peer has closed it") : why);
  }
  connection->Later(absl::ZeroDuration(), [end = this] { end->connection->TellEnded(end->index); });
  if (connection->world_ == nullptr) link = nullptr;
  const std::shared_ptr<SimConnection> kept = std::exchange(self, nullptr);
}

void SimConnection::TellEnded(size_t at) {
  const link::LinkPtr link = std::exchange(ends_[at].link, nullptr);
  if (link == nullptr || ends_[at].process->gone) return;
  link->OnEnded(at == kAcceptor ? absl::OkStatus()
                                : ends_[at].told.value_or(absl::CancelledError("closed")));
}

// --- one way ----------------------------------------------------------------------

void SimConnection::Send(size_t from, Packet packet) {
  Flow& flow = ends_[from].out;
  if (flow.ended) return;
  flow.ended = packet.end.has_value();
  flow.bytes += packet.bytes.size();
  flow.packets.push_back(std::move(packet));
  // Whom the acceptor's kernel refuses it tells without a connection.
  const bool begun = connected_ || from == kAcceptor;
  if (begun && flow.retry == absl::ZeroDuration()) Transmit(from, &flow.packets.back());
}

void SimConnection::Transmit(size_t from, Packet* packet) {
  if (!Passes(from, std::max(packet->bytes.size(), kEmptyPacket))) return Lose(from);
  Flow& flow = ends_[from].out;
  MayFlip(from, packet);
  flow.line_free = std::max(flow.line_free, now());
  if (const uint64_t rate = PathOf(from).bytes_per_second; rate > 0) {
    flow.line_free +=
        absl::Seconds(static_cast<double>(packet->bytes.size()) / static_cast<double>(rate));
  }
  flow.arrives = std::max(flow.arrives, flow.line_free + DrawDelay(from));
  packet->arrives = flow.arrives;
  Later(flow.arrives - now(), [this, from] { Arrive(from); });
}

// Behind TCP's back: its checksum holds.
void SimConnection::MayFlip(size_t from, Packet* packet) {
  const uint64_t one_in = PathOf(from).flips_one_in;
  if (one_in == 0 || packet->bytes.size() == 0) return;
  SimRandom& random = world_->scheduler->random();
  if (random.Below(one_in) != 0) return;
  std::string bytes(packet->bytes.view());
  char& byte = bytes[random.Below(bytes.size())];
  byte = static_cast<char>(byte ^ (1 << random.Below(8)));
  packet->bytes = Payload(std::move(bytes));
}

void SimConnection::Lose(size_t from) {
  Flow& flow = ends_[from].out;
  for (Packet& packet : flow.packets) packet.arrives = absl::InfiniteDuration();
  if (flow.retry == absl::ZeroDuration()) flow.lost_at = now();
  flow.retry = std::clamp(2 * flow.retry, kFirstRetry, kLongestRetry);
  Later(flow.retry, [this, from] { Retry(from); });
}

void SimConnection::Retry(size_t from) {
  Flow& flow = ends_[from].out;
  if (flow.packets.empty() || flow.retry == absl::ZeroDuration()) return;
  if (Gone(from)) return Drop(from, flow.packets.size());
  if (!Passes(from, flow.packets.front().bytes.size())) {
    if (now() - flow.lost_at < kGivesUp) return Lose(from);
    return HalfOpen(places_[from]);  // its sender has given up
  }
  flow.retry = absl::ZeroDuration();
  for (size_t i = 0; i < flow.packets.size() && flow.retry == absl::ZeroDuration(); ++i) {
    Transmit(from, &flow.packets[i]);
  }
}

// The first packet has its time, and does not come now.
bool SimConnection::Blocked(size_t from) {
  Flow& flow = ends_[from].out;
  const Packet& first = flow.packets.front();
  if (first.certain) return false;
  const bool passes = Passes(from, std::max(first.bytes.size(), kEmptyPacket));
  if (passes && !PathOf(from).stalled) return false;
  const Packet& last = flow.packets.back();
  if (last.certain && last.arrives <= now()) {  // it is over: what is late is lost
    Drop(from, flow.packets.size() - 1);
    return false;
  }
  if (passes || last.certain) return true;
  if (Gone(from)) {
    Drop(from, flow.packets.size());
  } else {
    Lose(from);
  }
  return true;
}

void SimConnection::Arrive(size_t from) {
  Flow& flow = ends_[from].out;
  End& reader = ends_[1 - from];
  while (!flow.packets.empty() && flow.packets.front().arrives <= now()) {
    if (Blocked(from)) return;
    if (reader.closed || Gone(1 - from)) {
      if (Gone(1 - from)) EndFlow(1 - from, absl::UnavailableError("connection reset by peer"));
      Drop(from, 1);
      continue;
    }
    reader.inbox.push_back(std::move(flow.packets.front()));
    flow.packets.pop_front();
  }
  HandUp(1 - from);
}

// The first so many packets come to nobody.
void SimConnection::Drop(size_t from, size_t count) {
  Flow& flow = ends_[from].out;
  for (; count > 0; --count) {
    flow.bytes -= flow.packets.front().bytes.size();
    flow.packets.pop_front();
  }
  AnswerWrite(from);
}

// Some of what is on its way still arrives; the rest is lost.
void SimConnection::CutShort(size_t from) {
  Flow& flow = ends_[from].out;
  const bool lost = flow.retry != absl::ZeroDuration() || !connected_;
  const size_t kept = lost ? 0 : world_->scheduler->random().Below(flow.packets.size() + 1);
  while (flow.packets.size() > kept) {
    flow.bytes -= flow.packets.back().bytes.size();
    flow.packets.pop_back();
  }
  flow.retry = absl::ZeroDuration();
}

// `why` comes to the other end after all that is on its way, if the network lets it.
void SimConnection::EndFlow(size_t from, const absl::Status& why) { Send(from, {.end = why}); }

// Whatever the network does.
void SimConnection::EndSurely(size_t from, const absl::Status& why) {
  Flow& flow = ends_[from].out;
  CutShort(from);
  flow.ended = true;
  flow.arrives = std::max(flow.arrives, now() + DrawDelay(from));
  flow.packets.push_back({.end = why, .certain = true, .arrives = flow.arrives});
  Later(flow.arrives - now(), [this, from] { Arrive(from); });
}

// --- what happens to it -----------------------------------------------------------

void SimConnection::Break(const absl::Status& why) {
  for (const size_t from : {kDialler, kAcceptor}) EndSurely(from, why);
}

void SimConnection::HalfOpen(ServerId told) {
  const size_t from = told == places_[kDialler] ? kAcceptor : kDialler;
  EndSurely(from, absl::UnavailableError("the connection is over"));
  forgotten_ = true;
}

void SimConnection::OnGone(const SimProcess& process) {
  for (const size_t at : {kDialler, kAcceptor}) {
    End& end = ends_[at];
    if (end.process.get() != &process) continue;
    if (at == kAcceptor) accept_due_ = false;
    DropInbox(at);
    if (end.out.ended) continue;
    CutShort(at);
    EndFlow(at, absl::UnavailableError("the process at the other end is gone"));
  }
}

void SimConnection::Kick() {
  for (const size_t at : {kDialler, kAcceptor}) {
    Later(absl::ZeroDuration(), [this, at] {
      if (at == kAcceptor) Accept();
      TellWritten(at);
      Arrive(1 - at);
    });
  }
}

void SimConnection::Abandon() {
  const std::shared_ptr<SimConnection> kept = shared_from_this();
  world_ = nullptr;
  for (End& end : ends_) {
    // A link that has closed waits for nothing but this.
    if (std::exchange(end.writing, false) && end.link != nullptr) end.link->OnWritten(false);
    if (end.self == nullptr) end.link = nullptr;
  }
}

// --- what links are told ----------------------------------------------------------

void SimConnection::DropInbox(size_t at) {
  for (const Packet& packet : std::exchange(ends_[at].inbox, {})) {
    ends_[1 - at].out.bytes -= packet.bytes.size();
  }
}

void SimConnection::HandUp(size_t to) {
  End& end = ends_[to];
  if (end.link == nullptr || end.closed || end.handing_up) return;
  const std::shared_ptr<SimConnection> kept = shared_from_this();
  end.handing_up = true;
  while (!end.inbox.empty() && !end.closed && end.process->runs() && end.process->reads) {
    // A server learns of the end of a call without reading.
    if (!end.wants_read && !(end.inbox.front().end && to == kAcceptor)) break;
    const Packet packet = std::move(end.inbox.front());
    end.inbox.pop_front();
    ends_[1 - to].out.bytes -= packet.bytes.size();
    AnswerWrite(1 - to);
    end.wants_read = false;
    if (!packet.end) {
      end.link->OnRead(packet.bytes);
      continue;
    }
    end.told = packet.end;
    end.link->OnReadFailed(to == kAcceptor ? packet.end : std::nullopt);
  }
  end.handing_up = false;
}

// Once what was written fits into what the kernel and the RPC buffer.
void SimConnection::AnswerWrite(size_t at) {
  End& end = ends_[at];
  if (world_ == nullptr || !end.writing || end.written) return;
  if (end.out.bytes > (use_ == For::kLink ? world_->options->socket_bytes : 0)) return;
  end.written = true;
  Later(world_->options->delay_min, [this, at] { TellWritten(at); });
}

void SimConnection::TellWritten(size_t at) {
  End& end = ends_[at];
  if (!end.written || !end.process->runs()) return;
  end.written = false;
  if (!std::exchange(end.writing, false)) return;
  // On a stream that has ended a write fails, as soon as that is known here.
  const bool ended = !end.inbox.empty() && end.inbox.back().end;
  end.link->OnWritten(!ended);
}

}  // namespace zkq::testing
