// Conformance suites: hold your own FileSystem, QuorumTransport or StateMachine
// against what zkq expects of it.
//
//   absl::Status status = RunStateMachineConformance(
//       [] { return std::make_unique<MyMachine>(); },
//       {.command = [](SimRandom& random) { return MyRandomCommand(random); }});
//   EXPECT_TRUE(status.ok()) << status;
//
// A suite is a list of claims, in the order they are tried; each is tried on
// objects of its own. The first that does not hold is returned:
// kFailedPrecondition, "<the claim>: <what was seen instead>". Another code says
// that a claim could not be tried.
//
// `claim` picks one by its name (kInvalidArgument if there is none of that name),
// so that a test framework can have a test for each. The names are below, and may
// grow in number. Nothing is printed, nothing is drawn by chance, and
// only the file systems' last claim starts threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "zkq/env.h"
#include "zkq/quorum_transport.h"
#include "zkq/state_machine.h"
#include "zkq/testing/sim.h"

namespace zkq::testing {
inline namespace v1 {

// --- FileSystem -----------------------------------------------------------------
//
// What a file holds:
// - bytes are read where they were written, and zeros in between
// - a write changes its own bytes and no others
// - any number of pieces is written, one after the other, empty ones too
// - a large write is written whole
// - a read ends at the end of the file, and only there
// - a file takes the size it is given
// - what was cut off does not come back
// - what was written is there when the file is opened again
// - syncing succeeds, whether there is something new or not
// Who opens it:
// - kCreate makes a file, and is refused where one is
// - kRead and kWrite need a file, and make none
// - kWrite keeps what is there
// - a file opened to read is not changed
// - two handles of a file see each other's writes
// - a reader sees what is appended meanwhile
// What it is called:
// - a rename takes the place of what was there
// - an open file may be renamed
// - a removed file stays for those who have it open
// - a directory is made once, and making it again is fine
// - a directory lists what is in it, sorted, itself and its parent not
// - slashes to spare change nothing
// - what is missing or in the way is told by code and path
// Who may have it:
// - a lock is held by one at a time, until it is let go
// - a lock does not end because somebody else looks at its file
// - one lock does not hold another
// - calls from several threads do not disturb each other
//
// What a crash leaves cannot be tried from here: Sync and SyncDirectory must keep
// their word on their own.

struct FileSystemUnderTest {
  std::shared_ptr<FileSystem> file_system = nullptr;
  std::string directory = {};  // there and empty; what is left in it is the caller's to remove
};
// Called once a claim.
using FileSystemFactory = std::function<absl::StatusOr<FileSystemUnderTest>()>;

ZKQ_EXPORT absl::Status RunFileSystemConformance(const FileSystemFactory& factory,
                                                 std::string_view claim = {});
ZKQ_EXPORT std::vector<std::string> FileSystemClaims();

// --- QuorumTransport --------------------------------------------------------------
//
// Links:
// - every two members get one link, and know who is at the other end
// - an address in use is refused
// - a dropped link is down at both ends, and a newer one follows
// - dropping a link that is gone does not touch its replacement
// - a process that starts again is linked by its new life
// - which links are up and why others are not is told truly, or not at all
// Messages:
// - every kind of message arrives as it was sent
// - thousands of messages of all sizes arrive in order, both ways at once
// - one message goes to several peers
// - pings keep their own order beside everything else
// - a receiver may answer from inside its calls
// - what is sent to a dead link is dropped, and never reaches the next one
// - what is carried is counted, or nothing is
// Notifications:
// - a new link begins with the newest announcement, and with no older one
// - of many announcements the last one always arrives, and none after a newer
// Bounds:
// - a receiver that holds less than the bound goes on receiving
// - reading waits while more than the bound is held, and the link stays
// - what a peer has taken counts no more towards its bound
// - a peer too slow for the bound loses its link, and gets a new one
// - a hold may outlive its transport
// Who may have a link:
// - what a peer has become is told on the link that is up
// - a peer of another ensemble is refused until it belongs to ours
// - a peer with another election strategy is refused
// - a peer without an ensemble is linked: it may be founding
// - a server that is not listed is linked, with an ensemble or without
// - a server that leaves the list keeps its link
// Snapshots:
// - a snapshot is fetched whole, or from an offset on
// - the error of a snapshot reaches the peer that asked
// - the next piece is read when the one before is let go
// - a sink that wants no more is called no more
// - a snapshot's transfer ends with its link, once
// - a snapshot asked for on a dead link is refused
// Questions:
// - a question is answered by whom it asks, or this transport asks none
// - the error of an answer reaches who asked, and says whose it is
// - a question that nobody can answer ends with an error that is nobody's
// - a question that waits ends with Shutdown, once
// The end:
// - after Shutdown no call comes, and the peers know
// - a transport that was never started can be shut down
// - a transport cut off in the middle of everything shuts down cleanly
//
// Every one of them is broken, too, by a receiver that is called out of turn: a
// link up with itself, beside another to the same peer, with an older id or with
// another's identity; anything on a link that is not up or after Shutdown; a message
// without a hold; a link down without a reason.

struct TransportWorldOptions {
  size_t outbound_bytes_max = 64 << 20;
  size_t inbound_bytes_max = 16 << 20;
};

// Where the transports under test live: sockets and threads, or a simulation.
class ZKQ_EXPORT TransportWorld {
 public:
  virtual ~TransportWorld() = default;

  // A transport for a process of `sid`, not started. One may follow another of
  // the same sid, at the same address, once that one is shut down. A second one
  // beside the first must find the address in use.
  virtual std::unique_ptr<QuorumTransport> NewTransport(ServerId sid) = 0;
  // These servers with their addresses.
  virtual std::vector<Member> Members(const std::vector<ServerId>& sids) = 0;
  // Where a process of `sid` lives: its clock, executors and random numbers. For real time
  // NewSystemEnv (zkq/env.h) makes them.
  virtual Env EnvOf(ServerId sid) = 0;
  // Lets the transports work until condition() holds, and returns it. Gives up
  // after a time that no sound transport needs (30 s on real sockets). The
  // condition takes locks of its own: hold none while asking it.
  virtual bool RunUntil(absl::FunctionRef<bool()> condition) = 0;
  // Lets the transports work for a while, for what must not happen to show.
  virtual void Settle() = 0;
  // A receiver was called, on whatever thread: conditions may have changed.
  virtual void Wake() {}
};
// Called once a claim; never null.
using TransportWorldFactory =
    std::function<std::unique_ptr<TransportWorld>(const TransportWorldOptions&)>;

ZKQ_EXPORT absl::Status RunTransportConformance(const TransportWorldFactory& factory,
                                                std::string_view claim = {});
ZKQ_EXPORT std::vector<std::string> TransportClaims();

// --- StateMachine -----------------------------------------------------------------
//
// Commands:
// - a fresh machine has applied nothing
// - every command is applied
// - the same transactions get the same replies
// - the same transactions leave the same state
// - leader_time is the only clock
// - a command is not looked at after its Apply
// - whatever a command holds, Apply answers
// Snapshots:
// - taking a snapshot changes nothing
// - a snapshot is of its moment, whenever it is written
// - a snapshot that cannot be written is reported
// Restores:
// - an empty machine is snapshotted and restored
// - a restored machine goes on as the one that never stopped
// - a restore replaces whatever was there
// - a snapshot that cannot be read is reported
// Queries:
// - a query changes nothing
// - the same state gives the same answers
//
// Anybody who may call Propose decides what a command holds. So beside the commands as
// they are the machine gets every prefix of them, and 10,000 random changes: it must
// answer those too, alike wherever they are applied (see StateMachine::Apply).
//
// States are compared by their snapshots, record by record: two machines in one
// state must write the same records in the same order. Transactions have growing
// zxids with epochs that change, and leader times that stand still or go on.

struct StateMachineOptions {
  // Makes the next command from nothing but the numbers it draws; `query` makes a
  // request. A list may stand in place of either, or comes first. There must be
  // commands, well-formed ones: Apply may not fail. Queries may lack.
  std::function<std::string(SimRandom&)> command = nullptr;
  std::function<std::string(SimRandom&)> query = nullptr;
  std::vector<std::string> commands = {};
  std::vector<std::string> queries = {};

  size_t transactions = 300;  // made by `command`
  uint64_t seed = 1;
  // Called between two runs that must go alike. If your machine could read a
  // clock, move that clock (or let it tick) here.
  std::function<void()> let_time_pass = nullptr;
};
// A machine that has seen nothing; one with a disk of its own gets an empty place.
using StateMachineFactory = std::function<std::unique_ptr<StateMachine>()>;

ZKQ_EXPORT absl::Status RunStateMachineConformance(const StateMachineFactory& factory,
                                                   const StateMachineOptions& options,
                                                   std::string_view claim = {});
ZKQ_EXPORT std::vector<std::string> StateMachineClaims();

}  // namespace v1
}  // namespace zkq::testing
