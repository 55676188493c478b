#include "lib/runtime/node.h"

#include <algorithm>
#include <utility>

#include "lib/base/absl/string_view.h"
#include "lib/runtime/errors.h"

namespace zkq::runtime {

Node::Strands::Strands(const Env& env)
    : protocol(env.executor),
      log(env.blocking_executor),
      apply(env.blocking_executor),
      bulk(env.blocking_executor),
      snapshot(env.blocking_executor),
      callback(env.blocking_executor) {}

std::array<Strand*, 6> Node::Strands::All() {
  return {&protocol, &log, &apply, &bulk, &snapshot, &callback};
}

Node::Node(ReplicaOptions options, const Tuning& tuning, storage::DataDir dir)
    : options_(std::move(options)),
      killed_(tuning.killed),
      has_state_machine_(options_.state_machine != nullptr),
      address_check_(options_.transport->address_check()),
      dir_(std::move(dir)),
      log_(LogQueue::Before(options_.log_sink, options_.env.blocking_executor)),
      voice_(log_, options_.id, options_.env.clock.get()),
      board_(options_.id, options_.may_found),
      strands_(options_.env),
      calls_(&strands_.callback, options_.env.executor.get(), this, options_.max_outstanding_bytes),
      events_(&strands_.callback, this, [this] { return Status(); }),
      journal_({.strand = &strands_.log,
                .log = dir_.log.get(),
                .clock = options_.env.clock.get(),
                .voice = &voice_,
                .halter = this,
                .ears = this},
               options_.tick),
      applier_({.strand = &strands_.apply,
                .clock = options_.env.clock.get(),
                .machine = options_.state_machine.get(),
                .snapshots = dir_.snapshots.get(),
                .calls = &calls_,
                .board = &board_,
                .voice = &voice_,
                .halter = this,
                .ears = this,
                .stopping = &life_.stopping},
               {.sid = options_.id,
                .boot = dir_.recovered.state.boot,
                .window_bytes = options_.window_bytes,
                .snapshot_every = options_.snapshot_every_transactions,
                .random = options_.env.random.get()}),
      transfers_({.strand = &strands_.bulk,
                  .log = dir_.log.get(),
                  .snapshots = dir_.snapshots.get(),
                  .transport = options_.transport.get(),
                  .clock = options_.env.clock.get(),
                  .voice = &voice_,
                  .halter = this,
                  .ears = this,
                  .stopping = &life_.stopping}),
      snapshotter_({.strand = &strands_.snapshot,
                    .snapshots = dir_.snapshots.get(),
                    .clock = options_.env.clock.get(),
                    .voice = &voice_,
                    .ears = this,
                    .stopping = &life_.stopping},
                   options_.retain_snapshots),
      performer_({.strand = &strands_.protocol,
                  .journal = &journal_,
                  .applier = &applier_,
                  .transfers = &transfers_,
                  .calls = &calls_,
                  .transport = options_.transport.get(),
                  .board = &board_,
                  .voice = &voice_,
                  .halter = this}),
      protocol_({.strand = &strands_.protocol,
                 .clock = options_.env.clock.get(),
                 .executor = options_.env.executor.get(),
                 .transport = options_.transport.get(),
                 .performer = &performer_,
                 .journal = &journal_,
                 .transfers = &transfers_,
                 .admin = &admin_,
                 .calls = &calls_,
                 .board = &board_,
                 .events = &events_,
                 .voice = &voice_,
                 .halter = this},
                options_.members) {}

bool Node::OnZkqThread() {
  if (options_.env.executor->InTask() || options_.env.blocking_executor->InTask()) return true;
  const std::array<Strand*, 6> strands = strands_.All();
  return std::any_of(strands.begin(), strands.end(), [](Strand* s) { return s->Inside(); });
}

ReplicaStatus Node::Status() const {
  ReplicaStatus status = board_.Status(options_.env.clock->Monotonic());
  status.outstanding_bytes = calls_.outstanding_bytes();
  return status;
}

absl::Status Node::Closed() const {
  if (life_.closing) return calls_.ended() ? ShutDown() : ShuttingDown();
  if (!life_.halted) return absl::OkStatus();
  const StatusBoard::Ending ending = board_.ending();
  return EndedByHalt(Fate::kNotSent, ending.code, ending.why);
}

// --- what parts tell -----------------------------------------------------------------

void Node::OnSnapshotDone(Zxid applied, absl::Status written) {
  strands_.snapshot.InTime([this, applied, written = std::move(written)]() mutable {
    if (!written.ok()) return applier_.OnSnapshotDone(std::move(written));
    board_.SetSnapshot(applied);
    protocol_.Post(core::SnapshotTaken{applied});
    applier_.OnSnapshotDone(applied);
    events_.Raise(Event::Kind::kSnapshotTaken);
  });
}

// As far as a learner is being fed from the log, it stays.
void Node::OnOldestKept(Zxid oldest) {
  strands_.snapshot.InTime(
      [this, oldest] { journal_.Purge(std::min(oldest, board_.pinned_after())); });
}

// --- halting ---------------------------------------------------------------------------

void Node::Halt(absl::Status why) {
  // What has failed has taken its time first.
  strands_.log.InTime([this, why = std::move(why)] { HaltNow(why); });
}

void Node::HaltNow(const absl::Status& why) {
  if (killed_ != nullptr && *killed_) return;
  const std::string text(FromAbsl(why.message()));
  const absl::StatusCode code = HaltCode(why);
  const std::optional<StatusBoard::Change> change =
      board_.SetHalted(code, text, options_.env.clock->Monotonic());
  if (!change) return;
  life_.halted = life_.stopping = true;
  voice_.Say(Line::kHalted, text);
  protocol_.Stop();
  journal_.Stop();
  calls_.Close([code, text](Fate fate) { return EndedByHalt(fate, code, text); });
  // Not on a strand: each of them may be what is stuck.
  options_.env.blocking_executor->Run([weak = weak_from_this()] {
    if (const auto node = weak.lock()) node->CloseTransport();
  });
  events_.Raise(*change);
  options_.env.executor->Wake();  // WaitForLeader
}

}  // namespace zkq::runtime
