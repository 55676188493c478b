// MemoryConnection: the two ends of one stream in memory, on real threads: a Stream for the
// link at each end (lib/link/stream.h).
//
// Each end calls its link from one task at a time, on the executor of its process; so nothing
// of a link is called inside the link's own calls, and its order is kept. What is written lies in
// the reader's inbox at once; the write is through when the inbox has come down to the window.
//
// Threads: any. One lock guards both ends; no link is called while it is held.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include "absl/status/status.h"
#include "lib/link/link.h"
#include "lib/link/stream.h"
#include "zkq/env.h"

namespace zkq::testing {

class MemoryConnection : public std::enable_shared_from_this<MemoryConnection> {
 public:
  MemoryConnection(size_t window, std::shared_ptr<Executor> dialler,
                   std::shared_ptr<Executor> acceptor);
  // Once: attaches both.
  void Open(link::LinkPtr dialler, link::LinkPtr acceptor);
  // What is on its way is lost, and both ends are told. Also before Open.
  void Break();

 private:
  static constexpr size_t kDialler = 0, kAcceptor = 1;
  using Lock = std::unique_lock<std::mutex>;

  struct End final : public link::Stream {
    void Read() override;
    void Write(link::Outgoing frame) override;
    void AbortSoon() override;
    void Close(const absl::Status& why) override;

    MemoryConnection* connection = nullptr;
    size_t at = 0;
    std::shared_ptr<Executor> executor = nullptr;
    link::LinkPtr link = nullptr;                      // until it knows that the stream is over
    std::shared_ptr<MemoryConnection> self = nullptr;  // while the link may use the stream
    std::deque<Payload> inbox = {};                    // arrived, and not read
    size_t inbox_bytes = 0;
    std::optional<absl::Status> told = {};  // how the peer, or the network, has ended it
    bool wants_read = false, read_failed = false;
    bool writing = false, aborted = false;
    bool closed = false;
    bool working = false;  // a task is queued or runs
  };

  // With the lock held.
  void Schedule(size_t at);
  void EndFlow(size_t to, const absl::Status& why);
  // Calls the link once, without the lock. False: there is nothing to tell it.
  bool TellNext(End* end, Lock* lock);
  bool TellWritten(End* end, Lock* lock);
  bool TellRead(End* end, Lock* lock);
  bool TellReadFailed(End* end, Lock* lock);
  bool TellEnded(End* end, Lock* lock);
  void Work(size_t at);

  const size_t window_;
  std::mutex mutex_;
  std::array<End, 2> ends_;
};

}  // namespace zkq::testing
