// Links that fall silent, and what keeps them from it (PROTOCOL 5.5), on streams that the test
// plays.
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "test/harness/catch.h"
#include "test/link/played.h"

namespace zkq::testing {
namespace {

using absl::StatusCode;
using link::HelloAck;
using link::SilenceLimit;
using link::TalkInterval;

// Server 2, linked with server 3, which waits for 300 ms.
struct Linked : Two {
  explicit Linked(std::chrono::microseconds their_tick = std::chrono::milliseconds(30))
      : Two(Ticking(kTwo)), stream(Accept()) {
    stream.Say(HelloOf(Ticking(kThree, their_tick), 10));
    REQUIRE(diary.Holds({"up 3.1.10"}));
    stream.Written();  // HelloAck
  }
  // The other end says something, and this one has written what it had to say, each 50 ms.
  void TalkFor(absl::Duration duration) {
    for (; duration > absl::ZeroDuration(); duration -= absl::Milliseconds(50)) {
      scheduler.RunFor(absl::Milliseconds(50));
      stream.Say(std::string());
      stream.Written();
    }
  }
  void Pass(int ms) { scheduler.RunFor(absl::Milliseconds(ms)); }

  static constexpr LinkId kLink{kThree, 1, 10};
  PlayedStream& stream;
};

TEST_CASE("a link on which nothing comes for this end's limit goes down, and that is said") {
  Linked linked;
  linked.Pass(999);
  CHECK(linked.stream.open());
  linked.Pass(1);
  CHECK(linked.stream.closed() == StatusCode::kUnavailable);
  CHECK(linked.diary.Holds({"up 3.1.10", "down 3.1.10"}));
  linked.Pass(1);
  CHECK(linked.log->warnings() ==
        std::vector<std::string>{"link-silent: server 3 at three: silent for 1s"});
  CHECK(linked.table->counters().lost_by_silence == 1);
}

TEST_CASE("a changed packet is said although the link before went down for silence") {
  Linked linked;
  linked.Pass(1001);
  std::string frame;
  link::AppendPacket(1, link::EncodePacket(Message{.body = Ack{}}), &frame);
  frame.back() ^= 1;
  linked.FromThree(1, 11).Say(frame);
  linked.Pass(1);
  CHECK(linked.log->warnings() ==
        std::vector<std::string>{
            "link-silent: server 3 at three: silent for 1s",
            "link-broken: server 3 at three: a packet is not what its checksum says"});
}

TEST_CASE("a link that the peer has ended goes down though its last write hangs") {
  Linked linked;
  linked.Pass(100);  // It writes that it is there, and that is swallowed.
  linked.stream.hangs = true;
  linked.stream.End(absl::UnavailableError("gone"));
  linked.Pass(2'000);
  CHECK(linked.diary.Holds({"up 3.1.10", "down 3.1.10"}));
}

TEST_CASE("a link that went silent is dialled anew") {
  Two two(Ticking(kTwo));
  two.table->StartDialling(two.dialler);
  PlayedStream& stream = two.Play(two.dialler->NextDial("one"));
  stream.Say(HelloAck{1, Ticking(kOne)});
  CHECK(stream.closed() == StatusCode::kUnavailable);
  two.dialler->NextDial("one");
}

TEST_CASE("every frame keeps a link up, an empty one too") {
  Linked linked;
  linked.TalkFor(absl::Seconds(20));
  CHECK(linked.stream.open());
  CHECK(linked.diary.lines().size() == 1);
}

TEST_CASE("a link says something when it has not for a third of the other end's limit") {
  Linked linked;
  const int before = linked.stream.writes();
  linked.Pass(99);
  CHECK(linked.stream.writes() == before);
  linked.Pass(1);
  REQUIRE(linked.stream.writes() == before + 1);
  CHECK(linked.stream.written().empty());
  linked.Pass(200);
  CHECK(linked.stream.writes() == before + 1);  // one at a time
  linked.stream.Written();
  linked.Pass(100);
  CHECK(linked.stream.writes() == before + 2);
  linked.stream.Written();
  linked.Pass(60);
  linked.table->Send({&Linked::kLink, 1}, {.body = Ack{}});
  linked.stream.Written();
  linked.Pass(60);
  CHECK(linked.stream.writes() == before + 3);
}

TEST_CASE("time in which too much is held is no silence, and the time after it is") {
  Linked linked;
  linked.diary.keep_holds = true;
  linked.stream.Say(Message{.body = Request{{MakeCall(1, Payload(std::string(2 << 20, 'x')))}}});
  linked.Pass(5000);
  CHECK(linked.stream.open());
  linked.diary.holds.clear();
  linked.Pass(999);
  CHECK(linked.stream.open());
  linked.Pass(1);
  CHECK_FALSE(linked.stream.open());
}

TEST_CASE("a piece is told of as it comes, and the message that pieces make is held whole") {
  Linked linked;
  linked.diary.keep_holds = true;
  const auto say = [&](uint64_t seq, bool last, std::string_view piece) {
    std::string frame;
    link::AppendFragmentHead(seq, last, piece, &frame);
    linked.stream.Say(frame.append(piece));
  };
  const std::string whole = link::EncodePacket(
      Message{.body = Request{{MakeCall(1, Payload(std::string(2 << 20, 'x')))}}});
  const std::string_view pieces = whole;
  say(1, false, pieces.substr(0, 1000));
  CHECK(linked.diary.Holds({"up 3.1.10", "part 3.1.10 of 1000"}));
  const int reads = linked.stream.reads;
  say(2, true, pieces.substr(1000));
  CHECK(linked.diary.Holds({"up 3.1.10", "part 3.1.10 of 1000", "message 3.1.10 request 1"}));
  CHECK(linked.stream.reads == reads);  // too much is held
  linked.diary.holds.clear();
  CHECK(linked.stream.reads == reads + 1);
}

TEST_CASE("a link with too much held reads nothing, and still learns that its stream has ended") {
  Linked linked;
  linked.diary.keep_holds = true;
  const int reads = linked.stream.reads;
  linked.stream.Say(Message{.body = Request{{MakeCall(1, Payload(std::string(2 << 20, 'x')))}}});
  linked.Pass(100);
  CHECK(linked.stream.reads == reads);
  linked.stream.AbortSoon();  // the write fails
  CHECK(linked.diary.Holds({"up 3.1.10", "message 3.1.10 request 1", "down 3.1.10"}));
}

TEST_CASE("what came before a stream ended is read, and its end heard, though a write has failed") {
  Linked linked;
  linked.Pass(100);
  linked.stream.AbortSoon();  // the write fails
  CHECK(linked.stream.open());
  const int writes = linked.stream.writes();
  linked.table->Send({&Linked::kLink, 1}, {.body = Ack{}});
  CHECK(linked.stream.writes() == writes);
  linked.stream.Say(Message{.body = Ack{}});
  CHECK(linked.stream.open());
  linked.stream.End(absl::UnavailableError("gone"));
  CHECK(linked.diary.Holds({"up 3.1.10", "message 3.1.10 ack 0:0", "down 3.1.10"}));
}

// Server 3 is told of at links()[1].
std::string WhyDown(const Linked& linked) { return linked.table->links()[1].error.ToString(); }

TEST_CASE("a stream that takes no more has a whole interval to say why it has ended") {
  Linked linked;
  linked.Pass(100);
  linked.stream.Written();  // an empty frame
  linked.Pass(99);
  linked.table->Send({&Linked::kLink, 1}, {.body = Ack{}});
  linked.stream.AbortSoon();  // the write fails
  linked.Pass(99);
  CHECK(linked.stream.open());
  linked.stream.End(absl::AbortedError("another leader"));
  CHECK(WhyDown(linked) == "ABORTED: another leader");
}

TEST_CASE("a stream that takes no more is read as long as something comes") {
  Linked linked;
  linked.Pass(100);
  linked.stream.AbortSoon();  // the write fails
  for (int i = 0; i < 10; ++i) {
    linked.Pass(90);
    linked.stream.Say(std::string());
  }
  CHECK(linked.stream.open());
  linked.Pass(200);
  CHECK(WhyDown(linked) == "UNAVAILABLE: the stream takes nothing more");
}

TEST_CASE("a stream that takes no more and does not end is ended before it can look silent") {
  Linked linked;
  linked.Pass(100);
  linked.stream.AbortSoon();  // the write fails
  linked.Pass(100);
  CHECK_FALSE(linked.stream.open());
}

TEST_CASE("a peer that does not say how long it waits is not talked to, one in haste not often") {
  CHECK(SilenceLimit(Identity{}) == absl::InfiniteDuration());
  CHECK(TalkInterval(Identity{}) == absl::InfiniteDuration());
  CHECK(SilenceLimit(Ticking(kOne)) == absl::Seconds(1));
  CHECK(TalkInterval(Ticking(kOne)) == absl::Seconds(1) / 3);
  CHECK(TalkInterval(Ticking(kOne, std::chrono::microseconds(1))) == absl::Milliseconds(10));
  Identity slow = Ticking(kOne, std::chrono::microseconds::max());
  slow.sync_limit = ~0u;
  CHECK(TalkInterval(slow) > absl::Hours(24));
  Linked untold(std::chrono::microseconds(0));
  const int writes = untold.stream.writes();
  untold.Pass(999);
  CHECK(untold.stream.writes() == writes);
}

TEST_CASE("the ends of a transfer talk, and each ends it when the other is silent") {
  Linked linked;
  linked.table->StartDialling(linked.dialler);
  absl::Status error;
  linked.table->FetchSnapshot(Linked::kLink, {}, [&](absl::StatusOr<SnapshotChunk> chunk, Hold) {
    error = chunk.status();
    return true;
  });
  PlayedStream& incoming = linked.Play(linked.dialler->NextFetch("three"));
  PlayedStream& outgoing = linked.Play(*linked.table->AcceptTransfer());
  outgoing.Say(link::FetchRequest{Linked::kLink, kTwo, {}, 0});
  incoming.Written();  // what it asks for
  linked.TalkFor(absl::Milliseconds(950));
  for (PlayedStream* stream : {&incoming, &outgoing}) {
    CHECK(stream->open());
    CHECK(stream->writes() > 0);
    CHECK(stream->written().empty());
  }
  linked.TalkFor(absl::Milliseconds(100));
  CHECK_FALSE(outgoing.open());
  CHECK(error == absl::UnavailableError("silent for 1s"));
  CHECK(linked.stream.open());
  CHECK(linked.table->counters().lost_by_silence == 2);
}

// Server 3 is linked again, as often as it takes; a frame of so many bytes comes, then nothing.
void FallSilent(Two* two, uint64_t seq, size_t bytes) {
  PlayedStream& stream = two->Accept();
  stream.Say(HelloOf(Ticking(kThree), seq));
  stream.Say(Message{.body = Request{{MakeCall(1, Payload(std::string(bytes, 'x')))}}});
  REQUIRE(stream.closed() == StatusCode::kUnavailable);
}

TEST_CASE("links that go silent before anything large comes make the log ask for the path MTU") {
  Two two(Ticking(kTwo));
  uint64_t seq = 0;
  const auto asked = [&] { return two.log->named(Line::kPathMtu).size(); };
  FallSilent(&two, ++seq, 10);
  FallSilent(&two, ++seq, 10);
  FallSilent(&two, ++seq, 2000);  // it passes
  FallSilent(&two, ++seq, 10);
  FallSilent(&two, ++seq, 10);
  CHECK(asked() == 0);
  FallSilent(&two, ++seq, 10);
  CHECK(asked() == 1);
  FallSilent(&two, ++seq, 10);
  CHECK(asked() == 1);
}

TEST_CASE("a packet that was changed on its way ends the link, and is counted") {
  Linked linked;
  std::string frame;
  link::AppendPacket(1, link::EncodePacket(Message{.body = Ack{{1, 1}}}), &frame);
  frame.back() ^= 1;
  linked.stream.Say(frame);
  CHECK(linked.stream.closed() == StatusCode::kDataLoss);
  CHECK(linked.table->counters().lost_by_change == 1);
  linked.Pass(1);
  CHECK(linked.log->named(Line::kLinkBroken) ==
        std::vector<std::string>{"server 3 at three: a packet is not what its checksum says"});
}

TEST_CASE("a message that no link can carry ends it, and the log says how large it was") {
  Linked linked;
  const std::string bytes(link::kMessageBytesMax, 'x');
  linked.table->Send({&Linked::kLink, 1}, {.body = Request{{MakeCall(1, Payload(bytes))}}});
  CHECK(linked.stream.closed() == StatusCode::kResourceExhausted);
  linked.Pass(1);
  REQUIRE(linked.log->warnings().size() == 1);
  CHECK(linked.log->warnings()[0].starts_with("link-broken: server 3 at three: a message of 838"));
}

TEST_CASE("frames and bytes are counted both ways") {
  Linked linked;
  const LinkCounters before = linked.table->counters();
  linked.stream.Say(Message{.body = Ack{{1, 1}}});
  linked.table->Send({&Linked::kLink, 1}, {.body = Ack{{1, 1}}});
  const LinkCounters after = linked.table->counters();
  CHECK(after.frames_read == before.frames_read + 1);
  CHECK(after.frames_written == before.frames_written + 1);
  CHECK(after.bytes_read > before.bytes_read);
  CHECK(after.bytes_written > before.bytes_written);
}

}  // namespace
}  // namespace zkq::testing
