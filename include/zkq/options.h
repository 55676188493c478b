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

// "1=host:port,2=[::1]:port,3=host:port:observer": each id from 1 to 2^62-1 and once.
// Host and port are what other servers dial: no wildcard, no port 0. Options follow
// the port: observer, weight=N, group=N, priority=N.
// kInvalidArgument names the part of the list that cannot be read, and why. ToString(Member)
// writes one part.
ZKQ_EXPORT absl::StatusOr<std::vector<Member>> ParseMembers(std::string_view spec);

// Start refuses what cannot be used with kInvalidArgument, and names the member.
struct ReplicaOptions {
  // Of this server, up to kServerIdMax. None: it is that of data_dir, or an unlisted observer's:
  // zkq gives it one, which stays.
  ServerId id{};
  // This server, if it has an id, and who else is in the ensemble; at least one participant.
  //   at a first start   with no founded server in reach, the whole ensemble, the same list at
  //                      every server: it is founded once all participants are there. Else where
  //                      to find the ensemble that this server is to join, as its own entry says.
  //   from then on       the agreed list counts, and this one is where else to look for the others
  std::vector<Member> members = {};
  // False: an empty data_dir never founds an ensemble, it only joins one. For servers that have
  // once started: the loss of all disks at once looks like a first start.
  bool may_found = true;
  // Of servers that no configuration lists, observers and those that join, so many are linked
  // to this one at a time; others are refused and try again. At most 1,024.
  uint32_t max_unlisted = 64;
  // True: tools may change the ensemble, and have files written, from any machine that reaches the
  // peer port. False: from this one alone, over loopback or at an address of its own.
  bool admin_from_anywhere = false;
  // Where to listen; default: this server's address in `members`. Port 0 takes any free
  // port: ReplicaStatus::listen_address tells which. Read by the shipped transport alone.
  std::string listen_address = {};
  // Log, snapshots and identity. Made if it is not there, in a directory that is; held by one
  // replica at a time.
  std::string data_dir = {};
  std::unique_ptr<StateMachine> state_machine = nullptr;  // none: the replica only elects

  absl::Duration tick = absl::Milliseconds(100);  // unit of the limits; 1 ms to 1 h
  // Each from 1 to 1,000,000 ticks:
  int init_limit = 20;  // without progress until a synchronisation is given up
  int sync_limit = 10;  // of silence until a peer is given up
  // How long an election that a quorum has decided waits for a better vote; 0 to 1 h.
  absl::Duration finalize_wait = absl::Milliseconds(50);

  size_t max_command_bytes = 1 << 20;  // of one command; at most 64 MiB
  // Of this replica's calls that are not answered yet: text, and 256 bytes a call. At most
  // 64 MiB and a call. The leader takes 64 MiB of all servers' calls that are not committed.
  size_t max_outstanding_bytes = 64 << 20;
  // A snapshot is begun after about so many transactions, drawn anew each time from half of
  // them to all, once the one before has ended; 0: never by itself.
  uint64_t snapshot_every_transactions = 100'000;
  int retain_snapshots = 3;               // newest ones kept, with the log from the oldest on
  uint64_t log_segment_bytes = 64 << 20;  // of one log file, about; at most 1 TiB
  // The newest transactions are kept in memory, up to so many bytes; and up to as many
  // again that wait to be applied. Older ones are read from the log when a slow peer or
  // StateMachine needs them.
  size_t window_bytes = 64 << 20;

  // Parts. Null means the shipped one. The replica owns the transport and the election, and
  // shares the log sink.
  std::unique_ptr<QuorumTransport> transport = nullptr;
  std::unique_ptr<Election> election = nullptr;
  std::shared_ptr<LogSink> log_sink = nullptr;  // null: silent
  Env env = {};
};

struct CallOptions {
  absl::Duration timeout = absl::Seconds(5);  // until kDeadlineExceeded; may be infinite
};

enum class Consistency {
  kLinearizable,  // reflects every write that completed before the call
  kSequential,    // reflects at least ReadOptions::at_least
  kLocal,         // whatever this replica has applied
};

struct ReadOptions {
  absl::Duration timeout = absl::Seconds(5);  // as in CallOptions
  Consistency consistency = Consistency::kLinearizable;
  Zxid at_least = {};  // for kSequential: waits until it is applied here
  // For kLocal: refuses with kUnavailable if ReplicaStatus::staleness is more: what is read
  // reflects every write that was acknowledged so long before the call. Less than three
  // ticks and twice the round trip to the leader is more than pings may tell in time.
  absl::Duration max_staleness = absl::InfiniteDuration();
};

}  // namespace v1
}  // namespace zkq
