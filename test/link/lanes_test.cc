// The pure parts of a link: what leaves when, and what may come in.
#include <string>
#include <vector>

#include "lib/link/codec.h"
#include "lib/link/inbound.h"
#include "lib/link/lanes.h"
#include "lib/link/redial.h"
#include "test/harness/catch.h"
#include "zkq/wire.h"

namespace zkq::testing {
namespace {

using link::EncodeOnce;
using link::EncodePacket;
using link::Fragment;
using link::FrameReader;
using link::Inbound;
using link::kFragmentBytes;
using link::kMessageBytesMax;
using link::Lanes;
using link::Outgoing;
using link::Packet;
using link::Redial;

constexpr size_t kNoBound = 1 << 30;

Message Numbered(uint64_t tag, size_t bytes = 0) {
  return {.body = Request{{MakeCall(tag, Payload(std::string(bytes, 'x')))}}};
}
Message PingOf(uint64_t seq) { return {.body = Ping{.seq = seq}}; }

std::vector<Packet> PacketsOf(const Outgoing& frame) {
  std::vector<Packet> packets;
  FrameReader reader{Payload(frame.head + std::string(frame.tail.view()))};
  while (std::optional<Packet> packet = reader.Next()) packets.push_back(*std::move(packet));
  REQUIRE_FALSE(reader.malformed());
  return packets;
}

// What arrives of all that waits.
std::vector<Message> Through(Lanes* lanes, Inbound* inbound) {
  std::vector<Message> messages;
  while (!lanes->empty()) {
    for (Packet& packet : PacketsOf(lanes->Take())) {
      std::optional<Packet> whole;
      REQUIRE(inbound->Accept(std::move(packet), &whole));
      if (whole) messages.push_back(std::get<Message>(whole->body));
    }
  }
  return messages;
}

TEST_CASE("control leaves before the notification, and that before the rest") {
  Lanes lanes(kNoBound);
  REQUIRE(lanes.Add(EncodeOnce(PingOf(0))));
  lanes.Take();
  REQUIRE(lanes.Add(EncodeOnce(Numbered(1))));
  lanes.SetLatest(EncodePacket(Notification{.round = 1}));
  lanes.SetLatest(EncodePacket(Notification{.round = 2}));
  REQUIRE(lanes.Add(EncodeOnce(PingOf(1))));
  const std::vector<Packet> packets = PacketsOf(lanes.Take());
  REQUIRE(packets.size() == 3);
  CHECK(std::get<Message>(packets[0].body) == PingOf(1));
  CHECK(std::get<Notification>(packets[1].body).round == 2);
  CHECK(std::get<Message>(packets[2].body) == Numbered(1));
  CHECK(lanes.empty());
}

TEST_CASE("messages that wait leave together, in their order") {
  Lanes lanes(kNoBound);
  Inbound inbound;
  for (uint64_t i = 0; i < 100; ++i) REQUIRE(lanes.Add(EncodeOnce(Numbered(i))));
  const Outgoing frame = lanes.Take();
  CHECK(lanes.empty());
  CHECK(PacketsOf(frame).size() == 100);
  for (uint64_t i = 100; i < 1000; ++i) REQUIRE(lanes.Add(EncodeOnce(Numbered(i, i))));
  size_t frames = 0;
  for (uint64_t next = 100; !lanes.empty(); ++frames) {
    for (const Packet& packet : PacketsOf(lanes.Take())) {
      CHECK(packet.seq == next + 1);
      CHECK(std::get<Message>(packet.body) == Numbered(next, next));
      ++next;
    }
  }
  CHECK(frames > 5);
}

TEST_CASE("a large message leaves in fragments, and control between them") {
  Lanes lanes(kNoBound);
  Inbound inbound;
  const Message large = Numbered(7, 3 * kFragmentBytes);
  REQUIRE(lanes.Add(EncodeOnce(Numbered(6))));
  REQUIRE(lanes.Add(EncodeOnce(large)));
  REQUIRE(lanes.Add(EncodeOnce(Numbered(8))));
  std::vector<Message> arrived;
  for (uint64_t frames = 1; !lanes.empty(); ++frames) {
    REQUIRE(lanes.Add(EncodeOnce(PingOf(frames))));
    const Outgoing frame = lanes.Take();
    CHECK(frame.size() < kFragmentBytes + 1000);
    for (Packet& packet : PacketsOf(frame)) {
      std::optional<Packet> whole;
      REQUIRE(inbound.Accept(std::move(packet), &whole));
      if (whole) arrived.push_back(std::get<Message>(whole->body));
    }
  }
  const std::vector<Message> expected = {PingOf(1), PingOf(2), Numbered(6), PingOf(3), PingOf(4),
                                         PingOf(5), PingOf(6), large,       PingOf(7), Numbered(8)};
  CHECK(arrived == expected);
}

TEST_CASE("a message just over a fragment, or of several exactly, arrives whole") {
  const size_t around = EncodeOnce(Numbered(1, kFragmentBytes)).large.size() - kFragmentBytes;
  for (const size_t bytes : {kFragmentBytes - around, kFragmentBytes - around + 1, kFragmentBytes,
                             2 * kFragmentBytes - around, 2 * kFragmentBytes - around + 1}) {
    Lanes lanes(kNoBound);
    Inbound inbound;
    REQUIRE(lanes.Add(EncodeOnce(Numbered(1, bytes))));
    REQUIRE(lanes.Add(EncodeOnce(Numbered(2))));
    CHECK(Through(&lanes, &inbound) == std::vector{Numbered(1, bytes), Numbered(2)});
  }
}

TEST_CASE("a lane above its bound takes nothing, and has room when frames leave") {
  Lanes lanes(1000);
  uint64_t taken = 0;
  while (lanes.Add(EncodeOnce(Numbered(taken, 100)))) ++taken;
  CHECK(taken >= 9);
  CHECK(taken <= 10);
  CHECK_FALSE(lanes.Add(EncodeOnce(PingOf(1))));
  lanes.Take();
  CHECK(lanes.Add(EncodeOnce(PingOf(1))));
  // The first of a queue is never too large for it.
  lanes.Take();
  CHECK(lanes.Add(EncodeOnce(Numbered(1, 2 * kFragmentBytes))));
  CHECK_FALSE(lanes.Add(EncodeOnce(Numbered(2))));
}

TEST_CASE("no frame of messages that wait is larger than a batch") {
  Lanes lanes(kNoBound);
  for (uint64_t i = 0; i < 100; ++i) REQUIRE(lanes.Add(EncodeOnce(Numbered(i, 60'000))));
  lanes.Take();
  while (!lanes.empty()) CHECK(lanes.Take().size() <= link::kBatchBytes + 100);
}

// A stranger's first frame is taken up to a bound, and the answer to it likewise.
TEST_CASE("the first frame is that of the handshake alone, whatever waits after it") {
  Lanes lanes(kNoBound);
  REQUIRE(lanes.Add(EncodeOnce(PingOf(1))));
  REQUIRE(lanes.Add(EncodeOnce(Numbered(1, kFragmentBytes - 100))));
  lanes.SetLatest(EncodePacket(Notification{.round = 1}));
  CHECK(PacketsOf(lanes.Take()).size() == 1);
  CHECK(PacketsOf(lanes.Take()).size() == 2);
}

TEST_CASE("a message that no peer would take is not sent") {
  Lanes lanes(kNoBound);
  CHECK_FALSE(lanes.Add(EncodeOnce(Numbered(1, kMessageBytesMax))));
  CHECK(lanes.empty());
}

// --- what may come in ----------------------------------------------------------------

bool Accepts(Inbound* inbound, uint64_t seq, link::PacketBody body) {
  std::optional<Packet> whole;
  return inbound->Accept({seq, std::move(body)}, &whole);
}

TEST_CASE("a lane has neither gaps nor repetitions") {
  for (const link::PacketBody& body : {link::PacketBody(Numbered(1)), link::PacketBody(PingOf(1)),
                                       link::PacketBody(Notification{})}) {
    Inbound gap, repetition, zero;
    CHECK(Accepts(&gap, 1, body));
    CHECK_FALSE(Accepts(&gap, 3, body));
    CHECK(Accepts(&repetition, 1, body));
    CHECK_FALSE(Accepts(&repetition, 1, body));
    CHECK_FALSE(Accepts(&zero, 0, body));
  }
  Inbound lanes;
  CHECK(Accepts(&lanes, 1, Numbered(1)));
  CHECK(Accepts(&lanes, 1, PingOf(1)));
  CHECK(Accepts(&lanes, 1, Notification{}));
  CHECK(Accepts(&lanes, 2, Numbered(2)));
}

TEST_CASE("no other packet of the lane comes between fragments") {
  Inbound inbound;
  CHECK(Accepts(&inbound, 1, Fragment{false, Payload("a")}));
  CHECK(Accepts(&inbound, 1, PingOf(1)));
  CHECK_FALSE(Accepts(&inbound, 2, Numbered(1)));
}

TEST_CASE("fragments that are no message, or more than one can be, end the link") {
  Inbound nonsense, nested, control, endless;
  CHECK_FALSE(Accepts(&nonsense, 1, Fragment{true, Payload("nonsense")}));
  std::string fragment;
  link::AppendFragmentHead(1, true, "x", &fragment);
  CHECK_FALSE(Accepts(&nested, 1, Fragment{true, Payload(fragment.substr(2) + "x")}));
  CHECK_FALSE(Accepts(&control, 1, Fragment{true, Payload(EncodePacket(PingOf(1)))}));
  const Payload piece(std::string(8 << 20, 'x'));
  uint64_t seq = 1;
  while (seq < 100 && Accepts(&endless, seq, Fragment{false, piece})) ++seq;
  CHECK(seq == 1 + kMessageBytesMax / piece.size());
}

// --- when to try again ----------------------------------------------------------------

TEST_CASE("attempts to dial come at once, then ever more rarely, up to the bound") {
  Redial redial;
  CHECK(redial.Next(0) == absl::ZeroDuration());
  const int expected[] = {50, 100, 200, 400, 500, 500};
  for (const int delay : expected) {
    redial.Failed();
    CHECK(redial.Next(20) == absl::Milliseconds(delay));
    for (uint64_t random = 0; random < 100; ++random) {
      CHECK(redial.Next(random) >= 0.8 * absl::Milliseconds(delay));
      CHECK(redial.Next(random) <= 1.2 * absl::Milliseconds(delay));
    }
  }
}

TEST_CASE("a link that has lived is dialled again at once, one that has not is not") {
  Redial redial;
  redial.Failed();
  redial.Lost(false);
  CHECK(redial.Next(20) == absl::Milliseconds(100));
  redial.Lost(true);
  CHECK(redial.Next(20) == absl::ZeroDuration());
}

TEST_CASE("a knock makes the next attempt come at once, and only that one") {
  Redial redial;
  redial.Failed();
  redial.Failed();
  redial.WantSoon();
  redial.Lost(false);
  CHECK(redial.Next(20) == absl::ZeroDuration());
  redial.Failed();
  CHECK(redial.Next(20) == link::kRedialMin);
}

}  // namespace
}  // namespace zkq::testing
