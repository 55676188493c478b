#include "lib/testing/world/sim_wires.h"

#include <utility>

namespace zkq::testing {
inline namespace v1 {

SimNetwork::Wires::Wires(SimScheduler* scheduler, const SimNetworkOptions& options)
    : scheduler_(*scheduler),
      options_(options),
      paths_(&scheduler->random(), options),
      tap_(std::make_shared<SimTap>(scheduler, &paths_)),
      world_{.scheduler = scheduler,
             .paths = &paths_,
             .options = &options_,
             .listener = [this](ServerId sid) { return Find(sid); }} {}

SimNetwork::Wires::~Wires() {
  tap_->Observe(nullptr);
  for (const auto& connection : connections_) connection->Abandon();
}

template <typename Task>
void SimNetwork::Wires::Later(absl::Duration delay, Task task) {
  scheduler_.After(delay, [weak = weak_from_this(), task = std::move(task)]() mutable {
    if (const std::shared_ptr<Wires> alive = weak.lock()) task();
  });
}

// --- processes ------------------------------------------------------------------

SimProcessPtr SimNetwork::Wires::Find(ServerId place) const {
  const auto found = processes_.find(place);
  return found == processes_.end() ? nullptr : found->second;
}

absl::Status SimNetwork::Wires::Start(const SimProcessPtr& process) {
  if (process->place == kNoServer) return absl::InvalidArgumentError("a process without a sid");
  if (!processes_.emplace(process->place, process).second) {
    return absl::UnavailableError("a process is running at " + ToString(process->place));
  }
  process->on_killed = [this](ServerId place) {
    if (on_killed_) on_killed_(place);
  };
  tap_->Began(*process);
  return absl::OkStatus();
}

void SimNetwork::Wires::Stop(const SimProcessPtr& process) {
  if (std::exchange(process->gone, true)) return;
  process->on_killed = nullptr;
  processes_.erase(process->place);
  tap_->Crashed(*process);
  for (const auto& connection : connections_) connection->OnGone(*process);
}

void SimNetwork::Wires::PointName(ServerId sid, ServerId place) {
  if (std::exchange(names_[sid], place) != place) ++changes_;
}

ServerId SimNetwork::Wires::PlaceOf(ServerId sid) const {
  const auto name = names_.find(sid);
  return name == names_.end() ? sid : name->second;
}

// --- connections ----------------------------------------------------------------

void SimNetwork::Wires::Dial(const SimProcessPtr& from, ServerId to, SimConnection::For use,
                             link::LinkPtr link) {
  std::erase_if(connections_, [](const auto& connection) { return connection->over(); });
  connections_.push_back(std::make_shared<SimConnection>(&world_, from, PlaceOf(to), use));
  const std::shared_ptr<SimConnection> connection = connections_.back();
  connection->Open(std::move(link));
}

bool SimNetwork::Wires::Disconnect(ServerId a, ServerId b) {
  ++changes_;
  bool any = false;
  for (const auto& connection : connections_) {
    if (!connection->Joins(a, b) || connection->over()) continue;
    connection->Break(absl::UnavailableError("the connection broke"));
    any = true;
  }
  return any;
}

bool SimNetwork::Wires::HalfOpen(ServerId told, ServerId other) {
  ++changes_;
  bool any = false;
  for (const auto& connection : connections_) {
    if (!connection->Joins(told, other) || connection->over()) continue;
    connection->HalfOpen(told);
    any = true;
  }
  return any;
}

// Those that a Cut or a Partition does not let be.
void SimNetwork::Wires::BreakRefused() {
  ++changes_;
  for (const auto& connection : connections_) {
    if (connection->over() || !paths_.Refused(connection->dialler(), connection->acceptor())) {
      continue;
    }
    connection->Break(absl::UnavailableError("the network is cut"));
  }
}

void SimNetwork::Wires::Move(ServerId sid) {
  ++changes_;
  const SimProcessPtr process = Find(sid);
  if (process == nullptr) return;
  for (const auto& connection : connections_) {
    if (connection->Touches(*process)) connection->Forget();
  }
}

void SimNetwork::Wires::HealProcesses() {
  for (const auto& [sid, process] : processes_) process->reads = process->answers = true;
}

void SimNetwork::Wires::KickAll() {
  ++changes_;
  for (const auto& connection : connections_) connection->Kick();
}

// --- knocks ---------------------------------------------------------------------

// A call on a connection of its own: lost in any part of it, it ends by its time limit.
void SimNetwork::Wires::Knock(const SimProcessPtr& from, const Identity& self, ServerId sid,
                              link::Dialler::KnockDone done) {
  constexpr absl::Duration kTimeout = absl::Milliseconds(500);
  const ServerId to = PlaceOf(sid);
  auto knocking = std::make_shared<Knocking>(Knocking{from, sid, to, self, std::move(done)});
  Later(kTimeout, [this, knocking] {
    TellKnock(knocking, absl::DeadlineExceededError("no answer to a knock"));
  });
  // To connect takes a round trip.
  const absl::Duration takes =
      2 * paths_.DrawDelay(from->place, to) + paths_.DrawDelay(to, from->place);
  Later(takes, [this, knocking] { AnswerKnock(knocking); });
}

void SimNetwork::Wires::AnswerKnock(const std::shared_ptr<Knocking>& knocking) {
  const ServerId from = knocking->from->place, to = knocking->to;
  absl::Status status = absl::UnavailableError("nobody can be reached there");
  const bool refused = paths_.Refused(from, to);
  if (!refused && !(paths_.Passes(from, to, 0) && paths_.Passes(to, from, 0))) return;
  const SimProcessPtr process = Find(to);
  if (process != nullptr && !refused) {
    if (!process->runs() || !process->answers || knocking->from->dead()) return;
    status = process->table->OnKnock(knocking->self, knocking->sid);
  }
  Later(paths_.DrawDelay(to, from), [this, knocking, status] { TellKnock(knocking, status); });
}

// The kernel of a process that is paused keeps the answer for it.
void SimNetwork::Wires::TellKnock(const std::shared_ptr<Knocking>& knocking, absl::Status status) {
  constexpr absl::Duration kLookAgain = absl::Milliseconds(10);
  if (knocking->done == nullptr || knocking->from->dead()) return;
  if (knocking->from->paused) {
    return Later(kLookAgain, [this, knocking, status] { TellKnock(knocking, status); });
  }
  std::exchange(knocking->done, nullptr)(std::move(status));
}

// --- questions ------------------------------------------------------------------

// As a knock: a call on a connection of its own.
void SimNetwork::Wires::Ask(const SimProcessPtr& from, ServerId sid, link::AskRequest request,
                            absl::Duration timeout, link::AskDone done) {
  const ServerId to = PlaceOf(sid);
  const absl::Duration takes =
      2 * paths_.DrawDelay(from->place, to) + paths_.DrawDelay(to, from->place);
  Later(takes, [this, from, to, request = std::move(request), left = timeout - takes,
                done = std::move(done)]() mutable {
    AnswerAsk(from, to, std::move(request), left, std::move(done));
  });
}

void SimNetwork::Wires::AnswerAsk(const SimProcessPtr& from, ServerId to, link::AskRequest request,
                                  absl::Duration timeout, link::AskDone done) {
  const ServerId asker = from->place;
  const SimProcessPtr process = Find(to);
  if (process == nullptr || paths_.Refused(asker, to)) {
    if (from->runs()) std::move(done)(absl::UnavailableError("nobody can be reached there"));
    return;
  }
  const bool passes = paths_.Passes(asker, to, request.question.bytes.size());
  if (!passes || !process->runs() || !process->answers || from->dead()) return;
  request.from.local = asker == to || asker == kNoServer;
  process->table->OnAsked(std::move(request), timeout,
                          [weak = weak_from_this(), from, process, to,
                           done = std::move(done)](absl::StatusOr<link::AskReply> reply) mutable {
                            const std::shared_ptr<Wires> self = weak.lock();
                            if (self == nullptr || process->dead()) return;
                            const size_t bytes = reply.ok() ? reply->bytes.size() : 0;
                            if (!self->paths_.Passes(to, from->place, bytes)) return;
                            self->Later(
                                self->paths_.DrawDelay(to, from->place),
                                [from, done = std::move(done), reply = std::move(reply)]() mutable {
                                  if (from->runs()) std::move(done)(std::move(reply));
                                });
                          });
}

}  // namespace v1
}  // namespace zkq::testing
