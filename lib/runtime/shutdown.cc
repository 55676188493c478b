// How a node ends, in bounded time whatever it is stuck in.
#include <utility>

#include "lib/runtime/errors.h"
#include "lib/runtime/node.h"

namespace zkq::runtime {

absl::Status Node::Shutdown(absl::Duration grace) {
  if (OnZkqThread()) return OnOwnThread("Shutdown");
  return End(grace);
}

// On a thread of its own nothing can be waited for, and after a Shutdown there
// is nothing to wait for.
void Node::Abandon() {
  const bool wait = !calls_.ended() && !OnZkqThread();
  (void)End(wait ? absl::Seconds(5) : absl::ZeroDuration());  // nobody is there to tell
}

absl::Status Node::End(absl::Duration grace) {
  const absl::Duration deadline = options_.env.clock->Monotonic() + grace;
  if (!TakeTurn(deadline)) {
    return MakeError(absl::StatusCode::kDeadlineExceeded, "another Shutdown still runs");
  }
  if (!life_.closing) Close(deadline, grace);
  std::string stuck = AwaitStrands(deadline);
  Release();
  if (!AwaitLog(deadline) && stuck.empty()) stuck = "LogSink::Log";
  life_.ending = false;
  options_.env.executor->Wake();  // TakeTurn of another Shutdown
  if (stuck.empty()) return absl::OkStatus();
  return MakeError(absl::StatusCode::kDeadlineExceeded, "shut down, but " + stuck + " still runs");
}

// No mutex: what Release destroys is partly the user's and may take its time, and another
// Shutdown waits no longer than its own grace.
bool Node::TakeTurn(absl::Duration deadline) {
  while (life_.ending.exchange(true)) {
    const auto over = [this] { return !life_.ending; };
    if (!Await(options_.env.executor.get(), over, Left(deadline))) return false;
  }
  return true;
}

void Node::Close(absl::Duration deadline, absl::Duration grace) {
  life_.closing = true;
  events_.Raise(board_.BeginShutdown(options_.env.clock->Monotonic()));
  options_.env.executor->Wake();  // WaitForLeader
  // Half of the time is for the calls that wait, the rest for what is left of them.
  const auto none_waits = [this] { return calls_.waiting() == 0 || life_.halted; };
  Await(options_.env.executor.get(), none_waits, grace / 2);
  LeaveProtocol();
  CloseStrands(deadline);
  EndCalls(deadline);
}

void Node::LeaveProtocol() {
  protocol_.Stop();
  strands_.protocol.Close();
  strands_.protocol.AwaitIdle(absl::Seconds(1));  // it never blocks: this is no wait
  CloseTransport();
  events_.Raise(board_.Leave(options_.env.clock->Monotonic()));
}

// A leader's peers see at once that its links are gone, and elect another.
void Node::CloseTransport() {
  std::call_once(life_.transport_down, [this] { options_.transport->Shutdown(); });
}

void Node::CloseStrands(absl::Duration deadline) {
  journal_.Confirm();  // what it was given is made durable, so that a restart finds it
  strands_.log.AwaitIdle(Left(deadline));
  life_.stopping = true;
  for (Strand* strand : {&strands_.log, &strands_.apply, &strands_.bulk, &strands_.snapshot}) {
    strand->Close();
  }
  strands_.apply.AwaitIdle(Left(deadline));  // it may still have results
}

void Node::EndCalls(absl::Duration deadline) {
  calls_.Close(EndedByShutdown);
  // Not until it is idle: a callback may repeat what is refused for as long as it likes.
  strands_.callback.AwaitPosted(Left(deadline));
  events_.Close();
  strands_.callback.Close();
  strands_.callback.AwaitIdle(Left(deadline));
  calls_.End();
}

absl::Duration Node::Left(absl::Duration deadline) const {
  return std::max(deadline - options_.env.clock->Monotonic(), absl::ZeroDuration());
}

// What still runs when the time is over; "" if nothing does.
std::string Node::AwaitStrands(absl::Duration deadline) {
  for (const Strand* strand : strands_.All()) {
    if (!strand->AwaitIdle(Left(deadline))) return strand->doing();
  }
  return "";
}

bool Node::AwaitLog(absl::Duration deadline) {
  const auto written = [this] { return log_ == nullptr || log_->idle(); };
  return Await(options_.env.blocking_executor.get(), written, Left(deadline));
}

void Node::Release() {
  if (strands_.protocol.busy()) return;
  protocol_.Release();
  if (strands_.log.busy() || strands_.bulk.busy() || strands_.snapshot.busy()) return;
  options_.transport.reset();
  dir_.log.reset();
  if (!strands_.apply.busy()) {
    dir_.snapshots.reset();
    // On this thread, not on that of whoever drops the node last.
    options_.state_machine.reset();
  }
  dir_.lock.reset();  // last: the directory may be opened again from here on
}

}  // namespace zkq::runtime
