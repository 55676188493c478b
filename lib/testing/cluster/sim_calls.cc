#include "lib/testing/cluster/sim_calls.h"

#include <algorithm>

#include "zkq/reconfiguration.h"
#include "zkq/status.h"

namespace zkq::testing {
namespace {

// What a deadline may be missed by.
constexpr absl::Duration kLate = absl::Seconds(1);

}  // namespace

void SimCalls::Propose(SimServer::Impl* server, std::string command, absl::Duration timeout,
                       Done done) {
  const uint64_t call = ++calls_;
  shared_.observer->OnProposed(call, server->sid, command);
  Done watched = Watched(call, server, timeout, std::move(done));
  if (!server->process.up()) return Refuse(call, server->sid, std::move(watched));
  server->process.replica().Propose(std::move(command), {.timeout = timeout}, std::move(watched));
}

void SimCalls::Read(SimServer::Impl* server, std::string request, absl::Duration timeout,
                    Done done) {
  const uint64_t call = ++calls_;
  shared_.observer->OnReadAsked(call, server->sid);
  Done watched = Watched(call, server, timeout, std::move(done));
  if (!server->process.up()) return Refuse(call, server->sid, std::move(watched));
  server->process.replica().Read(std::move(request), {.timeout = timeout}, std::move(watched));
}

// Hands on what a call ends with, and holds it against the time it was given.
SimCalls::Done SimCalls::Watched(uint64_t call, const SimServer::Impl* server,
                                 absl::Duration timeout, Done done) {
  return [this, call, server, timeout, asked = shared_.scheduler->now(),
          asked_there = server->clock->Monotonic(),
          done = std::move(done)](absl::StatusOr<Reply> result) mutable {
    CheckDeadline("call " + std::to_string(call), server, timeout, asked, asked_there);
    shared_.observer->OnDone(call, result);
    if (done) std::move(done)(std::move(result));
  };
}

// Whichever clock is slower: its own may drift or stand still.
void SimCalls::CheckDeadline(const std::string& what, const SimServer::Impl* server,
                             absl::Duration timeout, absl::Duration asked,
                             absl::Duration asked_there) const {
  const absl::Duration now = shared_.scheduler->now();
  const absl::Duration waited = std::min(now - asked, server->clock->Monotonic() - asked_there);
  if (waited <= timeout + kLate || server->excuses.held_up_until() + kLate >= now) return;
  report_("a call's deadline", what + " was given " + absl::FormatDuration(timeout) + " and took " +
                                   absl::FormatDuration(waited));
}

// A server that is down has none to ask.
void SimCalls::Reconfigure(SimServer::Impl* server, Membership next, absl::Duration timeout,
                           SimServer::Changed done) {
  const uint64_t call = ++calls_;
  if (!server->process.up()) {
    return Refuse(call, server->sid,
                  [done = std::move(done)](const absl::StatusOr<Reply>& refused) mutable {
                    if (done) std::move(done)(refused.status());
                  });
  }
  ++open_changes_;
  shared_.observer->OnReconfigureAsked(call, server->sid, next);
  zkq::Reconfigure(server->process.replica(), next, {.timeout = timeout},
                   [this, call, server, next, timeout, asked = shared_.scheduler->now(),
                    asked_there = server->clock->Monotonic(), ended = false,
                    done = std::move(done)](absl::StatusOr<Membership> result) mutable {
                     if (std::exchange(ended, true))
                       return report_("each call once", "a change ends twice");
                     --open_changes_;
                     CheckDeadline("a change", server, timeout, asked, asked_there);
                     shared_.observer->OnReconfigured(call, server->sid, next, result);
                     if (done) std::move(done)(std::move(result));
                   });
}

// Nobody is there to take a call; told in a task, as answers are.
void SimCalls::Refuse(uint64_t call, ServerId sid, Done done) {
  refused_.emplace(call, [sid, done = std::move(done)]() mutable {
    std::move(done)(MakeError(absl::StatusCode::kUnavailable,
                              "server " + ToString(sid) + " is down",
                              {.outcome = Outcome::kNotCommitted}));
  });
  shared_.scheduler->After(absl::ZeroDuration(), [this, call] { Tell(call); });
}

void SimCalls::Tell(uint64_t call) {
  auto told = refused_.extract(call);
  if (!told.empty()) std::move(told.mapped())();
}

void SimCalls::TellRefused() {
  while (!refused_.empty()) Tell(refused_.begin()->first);
}

}  // namespace zkq::testing
