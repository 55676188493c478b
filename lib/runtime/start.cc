// How a node begins: the disk, the state machine, the peer, the transport; each
// may refuse, and then nothing of it remains.
#include <algorithm>
#include <utility>

#include "lib/runtime/node.h"

namespace zkq::runtime {
namespace {

Time Micros(absl::Duration duration) { return Time{absl::ToInt64Microseconds(duration)}; }

std::string ToText(std::vector<Member> members) {
  std::sort(members.begin(), members.end());
  std::string text;
  for (const Member& member : members) text += (text.empty() ? "" : ",") + ToString(member);
  return text;
}

}  // namespace

absl::StatusOr<std::shared_ptr<Node>> Node::Start(ReplicaOptions options, const Tuning& tuning) {
  std::sort(options.members.begin(), options.members.end());
  auto node = std::make_shared<Node>(std::move(options), tuning);
  for (Strand* strand : node->Strands()) strand->SetOwner(node);
  if (absl::Status opened = node->Open(); !opened.ok()) {
    node->Abandon();
    return opened;
  }
  return node;
}

absl::Status Node::Open() {
  const absl::Time wall = options.env.clock->Wall();
  absl::StatusOr<storage::DataDir> opened =
      storage::DataDir::Open(options.env.file_system, options.data_dir,
                             {.sid = options.id,
                              .random = options.env.random,
                              .wall_micros = absl::ToUnixMicros(wall),
                              .log = {.segment_bytes = options.log_segment_bytes,
                                      .batch_bytes_max = tuning.log_batch_bytes_max,
                                      .window_bytes_max = options.window_bytes}});
  if (!opened.ok()) return opened.status();
  disk = *std::move(opened);
  boot = disk.recovery.state.boot;
  NoteOtherMembers(disk.recovery.state);
  absl::StatusOr<core::Recovered> recovered = Recover();
  if (!recovered.ok()) return recovered.status();
  auto peer = std::make_unique<core::Peer>(PeerOptionsAt(wall), *std::move(recovered),
                                           std::move(options.election));
  const Identity identity = peer->identity();
  protocol.Begin(std::move(peer), options.env.clock->Monotonic());
  if (absl::Status s = options.transport->Start(identity, &protocol); !s.ok()) return s;
  board.SetListenAddress(options.transport->listen_address());
  protocol.OnCalls();  // the first drain carries out what the first step wants
  return absl::OkStatus();
}

// What was agreed counts; what was configured is where else to look for the others.
void Node::NoteOtherMembers(const HardState& state) const {
  const std::string agreed = ToText(state.config.members), given = ToText(options.members);
  if (state.ensemble == EnsembleId{} || agreed == given) return;
  Say(LogLevel::kInfo, "members lists ", given, ", and the ensemble has agreed on ", agreed,
      ": that counts, and other addresses are tried when the agreed ones do not answer");
}

absl::StatusOr<core::Recovered> Node::Recover() {
  absl::StatusOr<Zxid> applied = applier.Recover(disk.recovery);
  if (!applied.ok()) return applied.status();
  storage::Recovery& found = disk.recovery;
  core::Recovered recovered{.state = std::move(found.state),
                            .base = found.base,
                            .log_begin = found.log_begin,
                            .epochs = std::move(found.epochs),
                            .last = found.last,
                            .last_leader_time = found.last_leader_time,
                            // What a machine with a disk of its own has applied
                            // was committed, whatever the log knows of it.
                            .commit = std::max(found.commit, *applied),
                            .applied = *applied,
                            .window = std::move(found.window)};
  found = {};
  return recovered;
}

core::PeerOptions Node::PeerOptionsAt(absl::Time wall) const {
  return {.self = options.id,
          .members = options.members,
          .tick = Micros(options.tick),
          .init_limit = options.init_limit,
          .sync_limit = options.sync_limit,
          .finalize_wait = Micros(options.finalize_wait),
          .wall_at_start = absl::ToUnixMicros(wall),
          .max_command_bytes = options.max_command_bytes,
          .outstanding_bytes_max = tuning.outstanding_bytes_max,
          .window_bytes_max = options.window_bytes,
          .credit_bytes = tuning.credit_bytes,
          .diff_txns_max = tuning.diff_txns_max,
          .rollover_counter = tuning.rollover_counter};
}

}  // namespace zkq::runtime
