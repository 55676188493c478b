// QuorumTransport: carries messages between the members of one ensemble.
//
// A link is one accepted stream to one peer and has an identity (LinkId). On a
// link the ZAB lane is first-in first-out, without loss or repetition; CONTROL
// is first-in first-out and may overtake ZAB; LATEST holds one notification a
// peer, newest wins, announced again on a new link. A link that cannot keep that
// promise goes down, and is down before the next one to the same peer comes up.
// At most one link to a peer is up at a time. Who dials, the handshake, and who is
// refused: lib/link/README.md.
//
// Queues are bounded both ways. Outbound: a peer too slow to drain its queue
// loses its link. Inbound: the next read of a link waits while the messages it
// has delivered are still held.
//
// Threads: everything may be called from any thread, also inside a call to the receiver
// unless it says otherwise. Nothing blocks but Start and Shutdown.
//
// To write a transport of your own: zkq/wire.h makes bytes of messages and back, and
// RunTransportConformance (zkq/testing/conformance.h) tests it against all of the above.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "zkq/env.h"
#include "zkq/message.h"

namespace zkq {
inline namespace v1 {

// Says "this message is not consumed yet"; released by its destruction, on any
// thread, also after the transport's end.
using Hold = std::shared_ptr<void>;

// One piece of a snapshot file on its way to a peer.
struct SnapshotChunk {
  uint64_t offset = 0;
  std::string bytes = {};
  bool last = false;  // the file ends with these bytes
};
struct SnapshotRequest {
  Zxid snapshot = {};   // its name
  uint64_t offset = 0;  // in bytes: where to go on
};

// What the streams of one transport, links and snapshot transfers with all peers, have done
// since it was made. A frame is what is written to a stream at once. Frames and bytes also count
// what keeps a silent link alive, and handshakes, but not what the network adds.
struct LinkCounters {
  uint64_t lost_by_silence = 0;  // streams on which nothing came for tick * sync_limit
  uint64_t lost_by_change = 0;   // streams that brought a packet which was changed on its way
  uint64_t frames_read = 0, bytes_read = 0;
  uint64_t frames_written = 0, bytes_written = 0;
  friend bool operator==(const LinkCounters&, const LinkCounters&) = default;
};

// How a transport stands with one server.
struct LinkState {
  ServerId id{};
  bool up = false;
  // When the link went up, or down; until it has been up, when the server was first listed. By
  // the monotonic clock of the Env that the transport was started with.
  absl::Duration since = absl::ZeroDuration();
  // OK while it is up. Else the newest reason why it is not, in one clause for people, and as a
  // code:
  //   kUnavailable         not reached (no such name, connection refused, ...), or silent
  //   kDeadlineExceeded    no answer within the time that an attempt has
  //   kPermissionDenied    refused: one of the two is not founded, and does not list the other
  //   kFailedPrecondition  refused: another ensemble, server, election strategy or version
  //   kAlreadyExists       refused: another server with its id is linked
  //   kInvalidArgument     what it says is against the protocol
  //   kDataLoss            what came from it was changed on its way
  //   kResourceExhausted   it does not take what is sent, or no thread is free to dial; or refused:
  //                        it has as many links with servers that it does not list as it takes
  //   kAborted             taken down by this end, to begin anew
  // A server may say others, of which only the text tells.
  absl::Status error = absl::OkStatus();
  // From a question of the newest link's handshake to its answer; none: not measured yet.
  std::optional<absl::Duration> round_trip = {};
  // False: it is linked, and is not in the list of members, or with another disk alone.
  bool listed = true;
};

// One question to a server, beside the links, and its answer: bytes that the two ends
// understand. Of both the size is bounded.
struct Question {
  std::string kind = {};  // its name, for who answers
  std::string bytes = {};
};
inline constexpr size_t kAskBytesMax = 1 << 20;  // of a question with its kind, and of an answer
// Who asks, as it says itself: nothing proves it.
struct Asker {
  ServerId id{};  // none: a tool, which is no server
  DiskId disk = {};
  uint64_t boot = 0;
  EnsembleId ensemble = {};  // that of the asked, or none
  bool local = false;        // it is on this machine: this the transport knows
};
// Of an error that QuorumTransport::Ask gives: the server whose answer it is. Nothing: the
// question has got no answer.
ZKQ_EXPORT std::optional<ServerId> AnsweredBy(const absl::Status& status);

class ZKQ_EXPORT QuorumTransport {
 public:
  using Answer = absl::AnyInvocable<void(absl::StatusOr<std::string>) &&>;

  // Calls for one link come one at a time and in order, from any thread, and
  // must not block. They may call back into the transport.
  class Receiver {
   public:
    virtual ~Receiver() = default;
    // A link is accepted by both ends; `peer` is what the other end said of itself.
    virtual void OnLinkUp(const LinkId& link, const Identity& peer) = 0;
    // The peer at the other end, still the same process on the same disk, says
    // something else of itself than before: it has been founded, say.
    virtual void OnIntroduced(const LinkId& link, const Identity& peer) = 0;
    // A message of lane ZAB or CONTROL. Its bytes count against what may be read from that
    // peer until `hold` is released.
    virtual void OnMessage(const LinkId& link, Message message, Hold hold) = 0;
    // So much of a message that is not whole yet has come: what is large takes its time, and
    // is on its way. A transport that does not tell costs a slow peer its session.
    virtual void OnPart(const LinkId& /*link*/, size_t /*bytes*/) {}
    virtual void OnNotification(const LinkId& link, const Notification& notification) = 0;
    // Nothing of `link` comes after this. `why` is for people.
    virtual void OnLinkDown(const LinkId& link, const absl::Status& why) = 0;
    // A peer reads a snapshot file: `reply` is called once, on any thread, with
    // the bytes from request.offset on (at most 256 KiB), or with what is wrong.
    virtual void OnSnapshotAsked(
        const LinkId& link, const SnapshotRequest& request,
        absl::AnyInvocable<void(absl::StatusOr<SnapshotChunk>) &&> reply) = 0;
    // Somebody asks, and waits for `time_left` at most. `reply` is called once, on any thread,
    // also later: with at most kAskBytesMax, or an error, which the asker gets with code and
    // text. Belongs to no link: comes at any time, several side by side. A kind that is not
    // known is kUnimplemented.
    virtual void OnAsked(const Asker& /*asker*/, Question /*question*/,
                         absl::Duration /*time_left*/, Answer reply) {
      std::move(reply)(absl::UnimplementedError("this server answers no questions"));
    }
  };

  virtual ~QuorumTransport() = default;

  // Begins to listen and to dial. Once. With sid 0 it does neither, and is no server: it
  // asks, and that is all; its listen address must be empty, and `receiver` may be null. `receiver`
  // must live until Shutdown returns. Time, timers and chance are taken from `env`, and threads
  // where one is needed: so the transport lives in a simulation, too. It needs no file system.
  // Errors: kInvalidArgument (the address), kUnavailable (address in use, or its name is not
  // resolved yet), kPermissionDenied; each names the address. kResourceExhausted: no thread, file
  // descriptor or memory is left.
  virtual absl::Status Start(const Env& env, const Identity& self, Receiver* receiver) = 0;
  // Where it listens once Start has returned OK, with the port it got if port 0 was
  // asked for; empty if there is no such place. From any thread.
  virtual std::string listen_address() const { return {}; }
  // Says who this peer has become, on every link that is up and in every handshake
  // from now on. A link to whom that makes a stranger goes down. Server, boot and
  // disk stay what they were at the start.
  virtual void SetIdentity(const Identity& self) = 0;
  // Who belongs to the ensemble, this server included: the members of every configuration that
  // counts, each voter with its disk, the newest configuration last; before them those that may
  // come to belong to it, and addresses to spare. May be called before Start, and should.
  //
  // A server may stand there more than once. It has so many addresses, which are tried in turn;
  // it is a voter if one entry lists it as a participant, with that entry's disk or, where no
  // entry of it names a disk, with any. Two disks of one server may be listed: of those that are
  // linked at a time the last one in the list has the id. An entry without an address, or that
  // names no server, is no error.
  //
  // From this follow the links. Each two voters keep one. An observer, and a server that is not
  // listed or with other disks alone, keeps one with each voter that it knows of: it dials,
  // nobody dials it. Voters of an ensemble take such servers of the same ensemble or of none,
  // at most so many that are not listed as the transport's options say. A server that belongs to no
  // ensemble yet takes none that it does not list.
  //
  // No link goes down by this call, whatever becomes of its ends; who has left the list is one
  // that is not listed from then on.
  virtual void SetMembers(absl::Span<const Member> members) = 0;

  // What tells, in a few words, why no server could be dialled at an address, whatever the network
  // looks like; "" if its form is good. Reconfigure refuses such an address. A plain function,
  // which may be called at any time, on any thread, also without a transport. Null: all are good.
  using AddressCheck = std::string_view (*)(std::string_view address);
  virtual AddressCheck address_check() const { return nullptr; }

  // Queues `message`, encoded once, on each of the links; skips those that are gone. A link
  // whose queue is full goes down. Never blocks.
  virtual void Send(std::span<const LinkId> to, Message message) = 0;
  // Replaces the announcement for `to`, which it gets now or with its next link.
  virtual void Notify(ServerId to, const Notification& notification) = 0;
  // Takes the link down, if it is up; the receiver hears of it. If a link is due it is made anew.
  virtual void DropLink(const LinkId& link) = 0;

  // Streams a snapshot file from the peer at the other end of `link`, from
  // request.offset on. `sink` is called for each chunk in order, the last one
  // with `last` set, or once with an error; it returns whether it wants more. After
  // a false, the last chunk or an error it is called no more but destroyed, and
  // nothing more is read. Else the next chunk is read when the hold is released and
  // the sink has returned. Ends with an error if the link goes down.
  using SnapshotSink = absl::AnyInvocable<bool(absl::StatusOr<SnapshotChunk>, Hold)>;
  virtual void FetchSnapshot(const LinkId& link, const SnapshotRequest& request,
                             SnapshotSink sink) = 0;

  // Asks the server `to` at its address in the list (SetMembers), whether or not there is a link;
  // tries one address, once. From Start on. `done` is called exactly once, never inside this
  // call, on any thread; by the end of Shutdown where it was asked before. An error that AnsweredBy
  // knows is the server's own answer. Else
  //   kUnavailable         not reached, it stops, or this end does; its address is not known.
  //                        It may have heard the question all the same, unless it was not reached
  //   kDeadlineExceeded    no answer within `timeout`; the same
  //   kFailedPrecondition  it belongs to another ensemble, or is another server than `to`. For
  //                        who asks with sid 0 any server will do that is at the address
  //   kResourceExhausted   it is asked too many questions already (64)
  //   kInvalidArgument     the question is larger than kAskBytesMax
  //   kUnimplemented       this transport, or the server, knows no questions
  virtual void Ask(ServerId /*to*/, Question /*question*/, absl::Duration /*timeout*/,
                   Answer done) {
    std::move(done)(absl::UnimplementedError("this transport asks no questions"));
  }

  // None falls, also after Shutdown; each is read by itself, so two may be a moment apart. All
  // zero: this transport does not count.
  virtual LinkCounters counters() const { return {}; }

  // How it stands with each server that it keeps links with, or that is linked here; ordered by
  // id, without this one. Waits for no network. Empty: this transport does not tell.
  virtual std::vector<LinkState> links() const { return {}; }

  // Drops every link and stops. Bounded (about 1 s at worst), idempotent. No
  // call to the receiver or to a sink begins after it returns, and none is
  // running, so it must not be called from one.
  virtual void Shutdown() = 0;
};

}  // namespace v1
}  // namespace zkq
