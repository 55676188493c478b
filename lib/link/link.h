// Link: one stream to one peer, from its first byte to its end. Moves bytes in
// both directions within their bounds. To whom it leads, whether it may live, and what comes
// over it is for the class derived from it: LiveLink, and the two ends of a transfer.
//
// Threads: everything may be called from any thread. Reading, and the calls of
// HandleFrame that come from it, are one at a time. The link's lock is never held
// while a Handle… function or the stream is called.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "lib/base/checks.h"
#include "lib/link/lanes.h"
#include "lib/link/pulse.h"
#include "lib/link/round_trip.h"
#include "lib/link/stream.h"
#include "zkq/env.h"
#include "zkq/quorum_transport.h"

namespace zkq::link {

struct LinkBounds {
  size_t outbound_bytes_max = 0;
  size_t inbound_bytes_max = 0;
};

// zkq::LinkCounters while they are counted, on any thread.
struct RunningCounters {
  LinkCounters Read() const {
    return {.lost_by_silence = lost_by_silence,
            .lost_by_change = lost_by_change,
            .frames_read = frames_read,
            .bytes_read = bytes_read,
            .frames_written = frames_written,
            .bytes_written = bytes_written};
  }

  std::atomic<uint64_t> lost_by_silence = 0;
  std::atomic<uint64_t> lost_by_change = 0;
  std::atomic<uint64_t> frames_read = 0, bytes_read = 0;
  std::atomic<uint64_t> frames_written = 0, bytes_written = 0;
};

// What the links of one table share, and the table keeps.
struct LinkPlace {
  Clock& clock;
  Executor& executor;
  RunningCounters& counters;
};

class ZKQ_EXPORT Link : public std::enable_shared_from_this<Link> {
 public:
  Link(const LinkBounds& bounds, const LinkPlace& place);
  virtual ~Link() = default;

  // --- for the table ---------------------------------------------------------
  // Queues without writing. False: too much waits already.
  bool QueueControl(std::string_view encoded);
  void QueueLatest(std::string encoded);
  // Writes what is queued, as soon as the write before is through.
  void Flush();
  // Both at once; a peer that does not drain its queue breaks the link.
  void Send(const Encoded& message);
  void Announce(std::string encoded);
  // Nothing is sent or read any more. The first call counts.
  void Close(absl::Status why);

  // The link cannot go on: has it taken down.
  void Break(absl::Status why) { HandleBroken(std::move(why)); }

  // The frame that came last is delivered: reads the next one, unless too much
  // is held.
  void FrameDone();
  // From now on an empty frame is written when nothing has been for `interval`, and the link
  // is broken when nothing has come for `limit`. While reading waits because too much is held,
  // nothing can come; then the frames that are written find out if the stream has ended.
  void Watch(absl::Duration limit, absl::Duration interval);
  // How often the other end wants to hear something.
  absl::Duration talk_interval();
  // A packet has been changed on its way; the caller breaks the link.
  void CountChange() { ++place_.counters.lost_by_change; }
  // Of the frames that have come: the size of the largest.
  size_t largest_read();
  // Of its handshake; none before the other end has answered.
  std::optional<absl::Duration> round_trip();
  // The next frame leaves as soon as it can, an empty one if nothing waits: the other end
  // measures how long that takes.
  void SayWord();
  // Counts `bytes` as held until the result is destroyed.
  Hold MakeHold(size_t bytes);
  // `transfer` is broken when this link closes. False: that has happened already.
  bool AddTransfer(std::weak_ptr<Link> transfer);

  // --- for the stream --------------------------------------------------------
  // The stream is ready: begins to read, and to write what is queued.
  void Attach(Stream* stream);
  void OnRead(Payload frame);
  // The peer is gone, or the stream cancelled; `why` if it is known already (a
  // dialler learns it at the end of the stream).
  void OnReadFailed(std::optional<absl::Status> why);
  void OnWritten(bool ok);
  void OnEnded(absl::Status status);

 protected:
  // A frame has come. The next one is read after FrameDone.
  virtual void HandleFrame(Payload frame) = 0;
  // It cannot go on, and is to be closed.
  virtual void HandleBroken(absl::Status why) = 0;
  // Nothing has come for so long that it has to be broken, as `why` says.
  virtual void HandleSilent(absl::Status why) { HandleBroken(std::move(why)); }
  // All that was queued is written.
  virtual void HandleDrained() {}
  // The stream is gone; `status` is why this end has closed it, if it had a reason, else what
  // the stream says.
  virtual void HandleEnded(absl::Status status) = 0;

 private:
  using Lock = std::unique_lock<std::mutex>;
  void WriteNext(Lock* lock);
  void Write(Lock* lock, Outgoing frame);
  void ReadNext(Lock* lock);
  void CloseIfDue(Lock* lock);
  void Release(size_t bytes);
  void Unhold(size_t bytes);
  void BeatAfter(absl::Duration delay);
  void Beat();
  // A stream that the peer has ended hangs as long as the network swallows its last write: the
  // link is down all the same.
  void AwaitEnd(absl::Duration now, Lock* lock);
  void BreakAs(const Invariants& violated, Lock* lock);

  Invariants& invariants() { return invariants_; }

  const LinkBounds bounds_;
  const LinkPlace place_;

  std::mutex mutex_;
  Lanes lanes_;
  Stream* stream_ = nullptr;  // from Attach on, until it is told to close
  int calls_ = 0;             // threads that are about to call stream_: it must not close yet
  bool writing_ = false;
  // The stream has ended, as a write has shown: when it did, or when a read was asked for since.
  // What came before its end, and why it ended, is still to be read. Where neither comes for a
  // whole interval, the link ends.
  std::optional<absl::Duration> refused_at_ = {};
  bool draining_ = false;    // what is being written was queued, and is no mere word
  bool wants_read_ = false;  // the next read is due, and waits for held_ to fall
  Pulse pulse_ = {};
  size_t largest_read_ = 0;
  RoundTrip round_trip_ = {};
  bool owes_word_ = false;  // see SayWord
  size_t held_ = 0;
  std::optional<absl::Status> closing_ = {};
  absl::Status closed_as_ = {};
  std::vector<std::weak_ptr<Link>> transfers_ = {};
  Invariants invariants_ = {};
};
using LinkPtr = std::shared_ptr<Link>;

}  // namespace zkq::link
