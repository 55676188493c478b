// The relay itself: this process is every server, and dials and answers with bare sockets.
#include "test/e2e/relay.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "test/e2e/sockets.h"
#include "test/harness/catch.h"

using namespace e2e;

namespace {

// Two servers; 1 dials 2.
class Pair {
 public:
  Pair() {
    places_.at(0).started(getpid());
    Dial();
  }

  void Dial() {
    dialler_ = DialTo(PortOf(places_.at(1).peer_address));
    target_ = Fd();
  }
  // The end at the server that was dialled, once the relay has passed the connection on.
  int target() {
    if (target_.get() < 0) {
      WaitFor("a connection", [this] {
        target_ = Fd(accept(listener_.get(), nullptr, nullptr));
        return target_.get() >= 0;
      });
    }
    return target_.get();
  }
  bool dialled_on() {
    Fd one(accept(listener_.get(), nullptr, nullptr));
    return one.get() >= 0;
  }
  int dialler() const { return dialler_.get(); }
  void HangUp() { dialler_ = Fd(); }

  Relay relay{2};

 private:
  const std::vector<Place> places_ = relay.places();
  const Fd listener_ = ListenAt(PortOf(places_.at(1).listen_address));
  Fd dialler_;
  Fd target_;
};

void Say(int fd, const std::string& bytes) {
  CHECK(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
}

// As many bytes as come before `size` or the end.
std::string Hear(int fd, size_t size) {
  timeval limit = {.tv_sec = kDeadline.count(), .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  std::string bytes(size, '\0');
  const ssize_t got = recv(fd, bytes.data(), size, MSG_WAITALL);
  bytes.resize(got < 0 ? 0 : static_cast<size_t>(got));
  return bytes;
}

bool HearsNothing(int fd) {
  char byte;
  return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0;
}

}  // namespace

TEST_CASE("a relay passes bytes and ends both ways") {
  Pair pair;
  Say(pair.dialler(), "there");
  CHECK(Hear(pair.target(), 5) == "there");
  Say(pair.target(), "back");
  CHECK(Hear(pair.dialler(), 4) == "back");
  pair.HangUp();
  CHECK(Hear(pair.target(), 1) == "");
}

TEST_CASE("a relay drops a connection of a process that is none of its servers") {
  Relay relay(2);
  const Fd dialler = DialTo(PortOf(relay.places().at(1).peer_address));
  CHECK(Hear(dialler.get(), 1) == "");
}

TEST_CASE("what a relay holds arrives when the path passes again, the end too") {
  Pair pair;
  Say(pair.dialler(), "1");
  CHECK(Hear(pair.target(), 1) == "1");
  pair.relay.Set(1, 2, {.mode = Path::Mode::kHold});
  Say(pair.dialler(), "23");
  // The other direction passes, after the relay has been awake.
  Say(pair.target(), "back");
  CHECK(Hear(pair.dialler(), 4) == "back");
  CHECK(HearsNothing(pair.target()));
  pair.HangUp();
  pair.relay.Heal();
  CHECK(Hear(pair.target(), 3) == "23");
}

TEST_CASE("a connection that has lost something is silent for ever, and a new one is not") {
  Pair pair;
  Say(pair.dialler(), "1");
  CHECK(Hear(pair.target(), 1) == "1");
  pair.relay.Set(1, 2, {.mode = Path::Mode::kLose});
  Say(pair.dialler(), "lost");
  Say(pair.target(), "back");
  CHECK(Hear(pair.dialler(), 4) == "back");
  pair.relay.Heal();
  Say(pair.dialler(), "lost too");
  Say(pair.target(), "back");
  CHECK(Hear(pair.dialler(), 4) == "back");
  CHECK(HearsNothing(pair.target()));

  pair.Dial();
  Say(pair.dialler(), "new");
  CHECK(Hear(pair.target(), 3) == "new");
}

TEST_CASE("a server that is cut off is dialled in vain, whichever direction is silent") {
  Pair pair;
  pair.target();
  for (const auto& [from, to] : {std::pair(1, 2), std::pair(2, 1)}) {
    pair.relay.Set(from, to, {.mode = Path::Mode::kHold});
    pair.Dial();
    Say(pair.dialler(), "hello");
    CHECK_FALSE(pair.dialled_on());
    pair.relay.Heal();
    CHECK(Hear(pair.target(), 5) == "hello");
  }
}

TEST_CASE("a relay delays each direction, and dialling by both") {
  Pair pair;
  pair.target();
  const auto begin = std::chrono::steady_clock::now();
  pair.relay.Set(1, 2, {.delay = std::chrono::milliseconds(30)});
  pair.relay.Set(2, 1, {.delay = std::chrono::milliseconds(50)});
  pair.Dial();
  Say(pair.dialler(), "there");
  CHECK(Hear(pair.target(), 5) == "there");
  CHECK(std::chrono::steady_clock::now() - begin >= std::chrono::milliseconds(30 + 50 + 30));
}

TEST_CASE("a relay takes its time for bytes beyond the speed of the path") {
  Pair pair;
  pair.target();
  const auto begin = std::chrono::steady_clock::now();
  pair.relay.Set(1, 2, {.bytes_per_second = 1'000'000});
  const std::string bytes(100'000, 'x');
  Say(pair.dialler(), bytes);
  CHECK(Hear(pair.target(), bytes.size()) == bytes);
  CHECK(std::chrono::steady_clock::now() - begin >= std::chrono::milliseconds(99));
}

TEST_CASE("a relay flips one bit of each so-manieth piece") {
  Pair pair;
  pair.relay.Set(1, 2, {.flip_every = 2});
  uint64_t flipped = 0;
  for (int i = 0; i < 8; ++i) {
    Say(pair.dialler(), "piece");
    const std::string heard = Hear(pair.target(), 5);
    int bits = 0;
    for (size_t at = 0; at < 5; ++at) bits += __builtin_popcount(heard.at(at) ^ "piece"[at]);
    CHECK(bits == i % 2);
    flipped += bits;
  }
  CHECK(pair.relay.flipped() == flipped);
}
