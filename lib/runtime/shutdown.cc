// How a node ends, in bounded time whatever it is stuck in.
#include <utility>

#include "lib/runtime/errors.h"
#include "lib/runtime/node.h"

namespace zkq::runtime {

absl::Status Node::Shutdown(absl::Duration grace) {
  if (OnZkqThread()) return OnOwnThread("Shutdown");
  return End(grace);
}

// On a thread of its own nothing can be waited for, and behind a Shutdown there
// is nothing to wait for.
void Node::Abandon() {
  const bool wait = !ended() && !OnZkqThread();
  (void)End(wait ? absl::Seconds(5) : absl::ZeroDuration());  // nobody is there to tell
}

bool Node::ended() const {
  std::lock_guard lock(end_mutex_);
  return stage_ == Stage::kClosed;
}

absl::Status Node::End(absl::Duration grace) {
  const absl::Duration deadline = options.env.clock->Monotonic() + grace;
  bool first = false;
  {
    std::lock_guard lock(end_mutex_);
    first = stage_ == Stage::kOpen;
    if (first) stage_ = Stage::kClosing;
  }
  if (first) {
    Close(deadline, grace);
  } else if (!options.env.executor->Await([this] { return ended(); }, grace)) {
    return MakeError(absl::StatusCode::kDeadlineExceeded, "another Shutdown still runs");
  }
  const std::string stuck = AwaitStrands(deadline);
  Release();
  if (stuck.empty()) return absl::OkStatus();
  return MakeError(absl::StatusCode::kDeadlineExceeded, "shut down, but " + stuck + " still runs");
}

void Node::Close(absl::Duration deadline, absl::Duration grace) {
  closing_ = true;
  options.env.executor->Wake();  // WaitForLeader
  // Half of the time is for the calls that wait, the rest for what is left of them.
  options.env.executor->Await([this] { return calls.waiting() == 0 || halted(); }, grace / 2);
  LeaveProtocol();
  // What the journal was given is made durable, so that a restart finds it.
  if (disk.log != nullptr) journal.Confirm();  // there is none if the start has failed
  log_strand.AwaitIdle(Left(deadline));
  stopping_ = true;
  for (Strand* strand : {&log_strand, &apply_strand, &bulk_strand, &snapshot_strand}) {
    strand->Close();
  }
  apply_strand.AwaitIdle(Left(deadline));  // it may still have results
  calls.Close(EndedByShutdown);
  // Not until it is idle: a callback may repeat what is refused for as long as it likes.
  callback_strand.AwaitPosted(Left(deadline));
  events.Close();
  callback_strand.Close();
  callback_strand.AwaitIdle(Left(deadline));
  calls.End();
  {
    std::lock_guard lock(end_mutex_);
    stage_ = Stage::kClosed;
  }
  options.env.executor->Wake();  // other Shutdowns
}

absl::Duration Node::Left(absl::Duration deadline) const {
  return std::max(deadline - options.env.clock->Monotonic(), absl::ZeroDuration());
}

void Node::LeaveProtocol() {
  protocol.Stop();
  protocol_strand.Close();
  protocol_strand.AwaitIdle(absl::Seconds(1));  // it never blocks: this is no wait
  CloseTransport();
  board.Leave();
}

// A leader's peers see at once that its links are gone, and elect another.
void Node::CloseTransport() {
  std::lock_guard lock(transport_mutex_);
  if (!std::exchange(transport_closed_, true)) options.transport->Shutdown();
}

// What still runs when the time is over; "" if nothing does.
std::string Node::AwaitStrands(absl::Duration deadline) {
  for (const Strand* strand : Strands()) {
    if (!strand->AwaitIdle(Left(deadline))) return strand->doing();
  }
  return "";
}

void Node::Release() {
  std::lock_guard lock(end_mutex_);
  if (protocol_strand.busy()) return;
  protocol.Release();
  if (log_strand.busy() || bulk_strand.busy() || snapshot_strand.busy()) return;
  options.transport.reset();
  disk.log.reset();
  if (!apply_strand.busy()) {
    disk.snapshots.reset();
    // On this thread, not on that of whoever drops the node last.
    options.state_machine.reset();
  }
  disk.lock.reset();  // last: the directory may be opened again from here on
}

}  // namespace zkq::runtime
