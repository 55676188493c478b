#include "test/e2e/relay.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <algorithm>
#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <utility>

#include "test/e2e/sockets.h"

namespace e2e {
namespace {

using TimePoint = std::chrono::steady_clock::time_point;
using Pair = std::pair<int, int>;  // from, to

constexpr size_t kPieceBytesMax = 16 << 10;
// A flow that holds more is not read until some of it is written.
size_t BytesMax(const Path& path) {
  if (path.bytes_per_second == 0) return 8 << 20;
  constexpr size_t kQueue = 256 << 10;  // of a router where the path is narrow
  return kQueue + path.bytes_per_second * static_cast<size_t>(path.delay.count()) / 1'000;
}

}  // namespace

// One thread carries; the mutex is of everything it uses.
class Relay::Impl {
 public:
  explicit Impl(int size);
  ~Impl();

  std::vector<Place> places();
  void Set(int from, int to, const Path& path);
  void SetAll(const Path& path);
  uint64_t flipped() const;

 private:
  struct Piece {
    std::string bytes;
    TimePoint due;
  };
  // One direction of a connection.
  struct Flow {
    Pair pair;
    TimePoint open_at;              // when the connection stands, by the delay of the path
    std::deque<Piece> pieces = {};  // read and not written yet
    size_t bytes = 0;               // of them
    bool lost = false;              // something is lost: silent for ever
    bool ended = false;             // the sender has closed
    bool closed = false;            // and the receiver was told

    void Lose() {
      lost = true;
      pieces.clear();
      bytes = 0;
    }
  };
  struct Connection {
    Fd dialler;
    Fd target = Fd();  // none until both directions pass
    Flow there;        // from the dialler to the target
    Flow back;
    bool broken = false;  // the kernel has refused to send
  };
  struct Server {
    Fd listener;
    Place place;
    pid_t pid = -1;
  };

  void Run();
  // Lets the mutex go until there is something to do.
  void WaitForWork(std::unique_lock<std::mutex>& lock);
  void AcceptAll();
  // 0: none of the servers.
  int DiallerOf(int accepted) const;
  void Carry(Connection& connection);
  void Open(Connection& connection);
  void Read(Connection& connection, Flow& flow, int from);
  void Write(Connection& connection, Flow& flow, int to);
  bool IsOver(const Connection& connection) const;
  bool Passes(const Connection& connection) const;
  bool Reads(const Connection& connection, const Flow& flow) const;
  bool Writes(const Connection& connection, const Flow& flow) const;
  // When the last of so many bytes has left, if the first can leave now.
  TimePoint SentAt(Pair pair, size_t bytes);
  std::string Flipped(std::string bytes, Pair pair);
  void Wake() { eventfd_write(wake_.get(), 1); }

  const Fd wake_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  mutable std::mutex mutex_;
  std::map<int, Server> servers_;
  std::map<Pair, Path> paths_;
  std::map<Pair, TimePoint> busy_until_;  // with what was read, by the path's speed
  std::map<Pair, uint32_t> unharmed_;     // pieces since the last that was flipped
  std::list<Connection> connections_;
  uint64_t flipped_ = 0;
  std::mt19937 random_;
  bool stopping_ = false;
  std::thread thread_;  // the last: it uses the others
};

Relay::Impl::Impl(int size) {
  for (int id = 1; id <= size; ++id) {
    const int port = FreePort();
    const auto started = [this, id](pid_t pid) {
      std::lock_guard lock(mutex_);
      servers_.at(id).pid = pid;
    };
    servers_[id] = {.listener = ListenAt(port),
                    .place = {.peer_address = "127.0.0.1:" + std::to_string(port),
                              .listen_address = "127.0.0.1:" + std::to_string(FreePort()),
                              .client_address = "127.0.0.1:" + std::to_string(FreePort()),
                              .started = started}};
  }
  for (const auto& [from, unused] : servers_) {
    for (const auto& [to, also] : servers_) paths_[{from, to}] = {};
  }
  thread_ = std::thread([this] { Run(); });
}

Relay::Impl::~Impl() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  Wake();
  thread_.join();
}

std::vector<Place> Relay::Impl::places() {
  std::lock_guard lock(mutex_);
  std::vector<Place> places;
  for (const auto& [id, server] : servers_) places.push_back(server.place);
  return places;
}

void Relay::Impl::Set(int from, int to, const Path& path) {
  {
    std::lock_guard lock(mutex_);
    paths_.at({from, to}) = path;
  }
  Wake();
}

void Relay::Impl::SetAll(const Path& path) {
  {
    std::lock_guard lock(mutex_);
    for (auto& [pair, present] : paths_) present = path;
  }
  Wake();
}

uint64_t Relay::Impl::flipped() const {
  std::lock_guard lock(mutex_);
  return flipped_;
}

void Relay::Impl::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    AcceptAll();
    for (Connection& connection : connections_) Carry(connection);
    connections_.remove_if([this](const Connection& connection) { return IsOver(connection); });
    WaitForWork(lock);
  }
}

void Relay::Impl::WaitForWork(std::unique_lock<std::mutex>& lock) {
  std::vector<pollfd> fds = {{wake_.get(), POLLIN, 0}};
  for (const auto& [id, server] : servers_) fds.push_back({server.listener.get(), POLLIN, 0});
  const TimePoint now = std::chrono::steady_clock::now();
  TimePoint next = now + std::chrono::seconds(1);
  for (const Connection& connection : connections_) {
    const auto add = [&](const Fd& fd, const Flow& in, const Flow& out) {
      short events = Reads(connection, in) ? POLLIN : 0;
      if (Writes(connection, out)) {
        if (out.pieces.front().due <= now) events |= POLLOUT;
        if (out.pieces.front().due > now) next = std::min(next, out.pieces.front().due);
      }
      // Nobody waits for a socket without events: one that has hung up would end each poll.
      if (events != 0) fds.push_back({fd.get(), events, 0});
    };
    add(connection.dialler, connection.there, connection.back);
    add(connection.target, connection.back, connection.there);
  }
  lock.unlock();
  const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(next - now);
  poll(fds.data(), fds.size(), static_cast<int>(timeout.count()));
  eventfd_t ignored;
  eventfd_read(wake_.get(), &ignored);
  lock.lock();
}

void Relay::Impl::AcceptAll() {
  for (auto& [to, server] : servers_) {
    for (;;) {
      Fd fd(accept4(server.listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (fd.get() < 0) break;
      const int from = DiallerOf(fd.get());
      if (from == 0) continue;
      const TimePoint open_at =
          std::chrono::steady_clock::now() + paths_[{from, to}].delay + paths_[{to, from}].delay;
      connections_.push_back({.dialler = std::move(fd),
                              .there = {.pair = {from, to}, .open_at = open_at},
                              .back = {.pair = {to, from}, .open_at = open_at}});
    }
  }
}

int Relay::Impl::DiallerOf(int accepted) const {
  const std::string inode = InodeOfOtherEnd(accepted);
  for (const auto& [id, server] : servers_) {
    if (HoldsSocket(server.pid, inode)) return id;
  }
  return 0;
}

bool Relay::Impl::Passes(const Connection& connection) const {
  return paths_.at(connection.there.pair).mode == Path::Mode::kPass &&
         paths_.at(connection.back.pair).mode == Path::Mode::kPass;
}

bool Relay::Impl::Reads(const Connection& connection, const Flow& flow) const {
  const Path& path = paths_.at(flow.pair);
  if (flow.ended || flow.bytes >= BytesMax(path) || connection.broken) return false;
  const bool open = connection.target.get() >= 0;
  // What is sent before the other end has answered waits here.
  if (!open) return &flow == &connection.there;
  return path.mode != Path::Mode::kHold;
}

bool Relay::Impl::Writes(const Connection& connection, const Flow& flow) const {
  return connection.target.get() >= 0 && !connection.broken && !flow.pieces.empty() &&
         paths_.at(flow.pair).mode == Path::Mode::kPass;
}

void Relay::Impl::Carry(Connection& connection) {
  Read(connection, connection.there, connection.dialler.get());
  Open(connection);
  Read(connection, connection.back, connection.target.get());
  Write(connection, connection.there, connection.target.get());
  Write(connection, connection.back, connection.dialler.get());
}

// A connection that is lost before it stands is one that nobody will ever answer.
void Relay::Impl::Open(Connection& connection) {
  const Flow& there = connection.there;
  if (connection.target.get() >= 0 || !Passes(connection) || there.lost || there.ended) return;
  connection.target = DialTo(PortOf(servers_.at(there.pair.second).place.listen_address));
  if (connection.target.get() < 0) connection.broken = true;  // nobody listens
}

void Relay::Impl::Read(Connection& connection, Flow& flow, int from) {
  const Path& path = paths_.at(flow.pair);
  while (Reads(connection, flow)) {
    std::string bytes(kPieceBytesMax, '\0');
    const ssize_t size = recv(from, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (size < 0 && errno == EAGAIN) return;
    if (path.mode == Path::Mode::kLose) flow.Lose();
    if (size <= 0) {
      flow.ended = true;
    } else if (!flow.lost) {
      bytes.resize(static_cast<size_t>(size));
      flow.bytes += bytes.size();
      const TimePoint due = std::max(flow.open_at, SentAt(flow.pair, bytes.size())) + path.delay;
      flow.pieces.push_back({Flipped(std::move(bytes), flow.pair), due});
    }
  }
}

void Relay::Impl::Write(Connection& connection, Flow& flow, int to) {
  const TimePoint now = std::chrono::steady_clock::now();
  while (Writes(connection, flow) && flow.pieces.front().due <= now) {
    std::string& bytes = flow.pieces.front().bytes;
    const ssize_t size = send(to, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (size < 0 && errno == EAGAIN) return;
    if (size < 0) {
      connection.broken = true;
      return;
    }
    flow.bytes -= static_cast<size_t>(size);
    bytes.erase(0, static_cast<size_t>(size));
    if (bytes.empty()) flow.pieces.pop_front();
  }
  if (!flow.ended || !flow.pieces.empty() || flow.lost || flow.closed) return;
  if (to < 0 || paths_.at(flow.pair).mode != Path::Mode::kPass) return;
  flow.closed = true;
  shutdown(to, SHUT_WR);
}

bool Relay::Impl::IsOver(const Connection& connection) const {
  const Flow &there = connection.there, &back = connection.back;
  // What is lost is never told: not that the other end has gone either.
  if (connection.broken) return Passes(connection);
  if (connection.target.get() < 0) return there.ended;
  return (there.closed || (there.lost && there.ended)) &&
         (back.closed || (back.lost && back.ended));
}

TimePoint Relay::Impl::SentAt(Pair pair, size_t bytes) {
  const TimePoint now = std::chrono::steady_clock::now();
  const uint32_t speed = paths_.at(pair).bytes_per_second;
  if (speed == 0) return now;
  const std::chrono::microseconds taken(1'000'000 * bytes / speed);
  return busy_until_[pair] = std::max(busy_until_[pair], now) + taken;
}

std::string Relay::Impl::Flipped(std::string bytes, Pair pair) {
  const uint32_t every = paths_.at(pair).flip_every;
  if (every == 0 || ++unharmed_[pair] < every) return bytes;
  unharmed_[pair] = 0;
  ++flipped_;
  bytes[random_() % bytes.size()] ^= static_cast<char>(1 << random_() % 8);
  return bytes;
}

Relay::Relay(int size, Path::Mode silence)
    : silence_(silence), impl_(std::make_unique<Impl>(size)) {}
Relay::~Relay() = default;
std::vector<Place> Relay::places() { return impl_->places(); }
void Relay::Set(int from, int to, const Path& path) { impl_->Set(from, to, path); }
void Relay::SetAll(const Path& path) { impl_->SetAll(path); }
uint64_t Relay::flipped() const { return impl_->flipped(); }

}  // namespace e2e
