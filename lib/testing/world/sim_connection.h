// SimConnection: one TCP connection of a simulated network with the RPC on it: a Stream for
// the link at each end (lib/link/stream.h).
//
// What TCP does with a network that loses packets: nobody is told. What was lost is sent
// again after 200 ms, then after twice that and so on, up to 120 s; all that was written
// meanwhile comes after it, in order, once a retry gets through. After 15 minutes of that the
// sender alone is told that the connection is over. A connection that the network has
// forgotten (a half-open one) loses everything for ever.
//
// Threads: the scheduler's. Frames are what is lost, delayed and changed: a frame is to it
// one packet.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "lib/link/stream.h"
#include "lib/testing/world/sim_paths.h"
#include "lib/testing/world/sim_process.h"

namespace zkq::testing {

class SimConnection : public std::enable_shared_from_this<SimConnection> {
 public:
  // What all connections of a network share. It lives until each was told to Abandon.
  struct World {
    SimScheduler* scheduler = nullptr;
    SimPaths* paths = nullptr;
    const SimNetworkOptions* options = nullptr;
    std::function<SimProcessPtr(ServerId)> listener = nullptr;  // null: nobody listens
  };
  // Of a transfer the next frame is written when the one before has been read.
  enum class For { kLink, kTransfer };
  SimConnection(const World* world, SimProcessPtr dialler, ServerId to, For use);

  // Attaches `link` at the dialler's end and connects.
  void Open(link::LinkPtr link);

  ServerId dialler() const { return places_[kDialler]; }
  ServerId acceptor() const { return places_[kAcceptor]; }
  bool Joins(ServerId a, ServerId b) const;
  bool Touches(const SimProcess& process) const;
  bool over() const;  // nobody needs it any more

  // Both ends are told, each in its time; some of what is on its way arrives before.
  void Break(const absl::Status& why);
  // Only `told` is told. What the other end sends is lost for ever.
  void HalfOpen(ServerId told);
  // Nobody is told, and everything is lost for ever.
  void Forget() { forgotten_ = true; }
  // The process at an end is gone: its kernel says so to the other end.
  void OnGone(const SimProcess& process);
  // Something that could have kept packets or a process waiting is over.
  void Kick();
  // The network is gone: ends what is outstanding, and does nothing more.
  void Abandon();

 private:
  static constexpr size_t kDialler = 0, kAcceptor = 1;

  struct Packet {
    Payload bytes = {};
    std::optional<absl::Status> end = {};               // the stream ends with it
    bool certain = false;                               // comes whatever the network does
    absl::Duration arrives = absl::InfiniteDuration();  // infinite: it was lost
  };
  // What one end sends.
  struct Flow {
    std::deque<Packet> packets = {};  // that have not arrived
    size_t bytes = 0;                 // in these, and in the reader's inbox
    bool ended = false;
    absl::Duration line_free = absl::ZeroDuration();  // when the line takes the next packet
    absl::Duration arrives = absl::ZeroDuration();    // the newest packet
    absl::Duration retry = absl::ZeroDuration();      // not 0: the first one was lost
    absl::Duration lost_at = absl::ZeroDuration();
  };
  class End final : public link::Stream {
   public:
    void Read() override;
    void Write(link::Outgoing frame) override;
    void AbortSoon() override;
    void Close(const absl::Status& why) override;

    SimConnection* connection = nullptr;
    size_t index = 0;
    SimProcessPtr process = nullptr;
    link::LinkPtr link = nullptr;                   // until it knows that the stream is over
    std::shared_ptr<SimConnection> self = nullptr;  // while the link may use the stream
    Flow out = {};
    std::deque<Packet> inbox = {};          // arrived, and not read
    std::optional<absl::Status> told = {};  // how the peer, or the network, has ended it
    bool wants_read = false;
    bool writing = false;
    bool written = false;  // the write is through; to be told
    bool handing_up = false;
    bool closed = false;
  };

  // Runs `task` unless the network is gone by then.
  template <typename Task>
  void Later(absl::Duration delay, Task task);
  absl::Duration now() const { return world_->scheduler->now(); }
  absl::Duration DrawDelay(size_t from);
  const SimPath& PathOf(size_t from) const;
  bool Passes(size_t from, size_t bytes) const;
  bool Gone(size_t at) const;

  void Connect();
  void OnConnectArrives();
  void OnConnected();
  void Accept();

  void Send(size_t from, Packet packet);
  void Transmit(size_t from, Packet* packet);
  void MayFlip(size_t from, Packet* packet);
  void Lose(size_t from);
  void Retry(size_t from);
  void Arrive(size_t from);
  bool Blocked(size_t from);
  void CutShort(size_t from);
  void Drop(size_t from, size_t count);
  void EndFlow(size_t from, const absl::Status& why);
  void EndSurely(size_t from, const absl::Status& why);
  void HandUp(size_t to);
  void TellWritten(size_t at);
  void AnswerWrite(size_t at);
  void DropInbox(size_t at);
  void TellEnded(size_t at);

  const For use_;
  const World* world_;  // null: the network is gone
  std::array<End, 2> ends_;
  std::array<ServerId, 2> places_;
  bool connected_ = false;
  bool accept_due_ = false;
  bool forgotten_ = false;
  absl::Duration next_connect_ = absl::Seconds(1);
};

}  // namespace zkq::testing
