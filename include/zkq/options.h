// What a replica is started with, and what a call may ask for. Every member has a
// default, so name only what differs:
//
//   zkq::ReplicaOptions options{.id = zkq::ServerId{1}, .data_dir = "/var/lib/app"};
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "zkq/election.h"
#include "zkq/env.h"
#include "zkq/quorum_transport.h"
#include "zkq/state_machine.h"
#include "zkq/types.h"

namespace zkq {
inline namespace v1 {

// "1=host:port,2=[::1]:port,3=host:port:observer": each id from 1 to 2^63-1 and once.
// Host and port are what other servers dial: no wildcard, no port 0. Options follow
// the port: observer, weight=N, group=N, priority=N. The error names the part of the list that
// cannot be read, and why. ToString(Member) writes one part.
ZKQ_EXPORT absl::StatusOr<std::vector<Member>> ParseMembers(std::string_view spec);

struct ReplicaOptions {
  ServerId id{};
  std::vector<Member> members = {};  // the whole ensemble, this server included
  // Where to listen; default: this server's address in `members`. Port 0 takes any free
  // port: ReplicaStatus::listen_address tells which.
  std::string listen_address = {};
  std::string data_dir = {};  // made if it is not there; held exclusively
  std::unique_ptr<StateMachine> state_machine = nullptr;  // none: only elects

  absl::Duration tick = absl::Milliseconds(100);
  int init_limit = 20;  // ticks without progress until a synchronisation is given up
  int sync_limit = 10;  // ticks of silence until a peer is given up
  absl::Duration finalize_wait = absl::Milliseconds(50);

  size_t max_command_bytes = 1 << 20;              // at most 64 MiB
  size_t max_outstanding_bytes = 64 << 20;         // of own calls that are not answered yet
  uint64_t snapshot_every_transactions = 100'000;  // 0: never by itself
  int retain_snapshots = 3;
  uint64_t log_segment_bytes = 64 << 20;  // of one log file, about
  // The newest transactions are kept in memory, up to so many bytes; and up to as many
  // again that wait to be applied. Older ones are read from the log when a slow peer or
  // StateMachine needs them.
  size_t window_bytes = 64 << 20;

  // Parts. Null means the shipped one.
  std::unique_ptr<QuorumTransport> transport = nullptr;
  std::unique_ptr<Election> election = nullptr;
  std::shared_ptr<LogSink> log_sink = nullptr;  // null: silent
  Env env = {};
};

struct CallOptions {
  absl::Duration timeout = absl::Seconds(5);
};

enum class Consistency {
  kLinearizable,  // reflects every write that completed before the call
  kSequential,    // reflects at least ReadOptions::at_least
  kLocal,         // whatever this replica has applied
};

struct ReadOptions {
  absl::Duration timeout = absl::Seconds(5);
  Consistency consistency = Consistency::kLinearizable;
  Zxid at_least = {};  // for kSequential
  // For kLocal: since the leader was last heard, in this life. A replica that is still
  // catching up hears its leader too.
  absl::Duration max_staleness = absl::InfiniteDuration();
};

}  // namespace v1
}  // namespace zkq
