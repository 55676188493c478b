// Snapshots over streams of their own, both ends, on streams that the test plays.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "test/harness/catch.h"
#include "test/link/played.h"

namespace zkq::testing {
namespace {

using absl::StatusCode;
using link::Chunk;
using link::FetchRequest;

constexpr LinkId kLink{kThree, 5, 10};  // as server 2 names it
constexpr LinkId kTheirLink{kThree, 5, 10};
constexpr Zxid kSnapshot{4, 17};

Chunk ChunkOf(uint64_t offset, std::string bytes, bool last = false) {
  return {offset, Payload(std::move(bytes)), last};
}

std::string FrameOf(const Chunk& chunk, uint64_t seq = 1) {
  std::string frame;
  link::AppendPacket(seq, link::EncodePacket(chunk), &frame);
  return frame;
}

// --- the end that reads -------------------------------------------------------------------

// Server 2 reads a snapshot of server 3's, from byte 100 on.
struct Reading {
  Reading() {
    two.table->StartDialling(two.dialler);
    link = &two.FromThree(5, 10);
    Fetch(kLink);
    stream = &two.Play(two.dialler->NextFetch("three"));
  }
  void Fetch(const LinkId& over) {
    two.table->FetchSnapshot(over, {kSnapshot, 100},
                             [this](absl::StatusOr<SnapshotChunk> chunk, Hold given) {
                               ++calls;
                               if (chunk.ok()) bytes += chunk->bytes;
                               if (!chunk.ok()) error = chunk.status();
                               if (keeps) hold = std::move(given);
                               return wants_more;
                             });
  }

  int calls = 0;
  std::string bytes;
  absl::Status error;
  bool keeps = false, wants_more = true;
  Hold hold;
  Two two;
  PlayedStream* link = nullptr;
  PlayedStream* stream = nullptr;
};

TEST_CASE("a transfer asks first, in the name of its link, and is given the pieces in order") {
  Reading reading;
  REQUIRE(reading.stream->written().size() == 1);
  const auto asked = std::get<FetchRequest>(reading.stream->written()[0].body);
  CHECK(asked == FetchRequest{{kTwo, 1, 10}, kThree, kSnapshot, 100});
  reading.stream->Say(ChunkOf(100, "some "));
  reading.stream->Say(std::string());  // the stream is kept talking
  reading.stream->Say(ChunkOf(105, "bytes", true), 2);
  CHECK(reading.bytes == "some bytes");
  CHECK(reading.error.ok());
  CHECK_FALSE(reading.stream->open());
}

TEST_CASE("the next piece is read when the last one is let go") {
  Reading reading;
  reading.keeps = true;
  CHECK(reading.stream->reads == 1);
  reading.stream->Say(ChunkOf(100, ""));
  CHECK(reading.stream->reads == 1);
  reading.hold = nullptr;
  CHECK(reading.stream->reads == 2);
}

TEST_CASE("a sink that wants no more ends the transfer, and is not called again") {
  Reading reading;
  reading.wants_more = false;
  reading.stream->Say(ChunkOf(100, "some"));
  CHECK_FALSE(reading.stream->open());
  CHECK(reading.calls == 1);
}

TEST_CASE("a piece that may not be given ends the transfer with what is wrong with it") {
  std::string changed = FrameOf(ChunkOf(100, "some"));
  changed.back() ^= 1;
  std::string hello;
  link::AppendPacket(1, link::EncodePacket(HelloOf(IdentityOf(kThree), 1)), &hello);
  const std::pair<std::string, std::string> cases[] = {
      {FrameOf(ChunkOf(101, "ome")), "is missing"},
      {FrameOf(ChunkOf(0, "some")), "is missing"},
      {changed, "has changed on its way"},
      {FrameOf(ChunkOf(100, "some"), 2), "is out of order"},
      {FrameOf(ChunkOf(100, "some")) + FrameOf(ChunkOf(104, "more"), 2), "cannot be read"},
      {"nonsense", "cannot be read"},
      {hello, "is something else"}};
  for (const auto& [frame, wrong] : cases) {
    CAPTURE(wrong);
    Reading reading;
    reading.stream->Say(frame);
    CHECK_FALSE(reading.stream->open());
    CHECK(reading.error == absl::DataLossError("the piece of the snapshot at byte 100 " + wrong));
    CHECK(reading.calls == 1);
  }
}

TEST_CASE("a piece larger than a page ends the transfer before it is whole") {
  Reading reading;
  const std::string part(link::kFragmentBytes, 'x');
  uint64_t seq = 0;
  while (reading.stream->open() && seq < 100) {
    std::string frame;
    link::AppendFragmentHead(++seq, false, part, &frame);
    reading.stream->Say(frame + part);
  }
  CHECK(seq == 5);
  CHECK(reading.calls == 1);
}

TEST_CASE("a transfer ends with its link") {
  Reading reading;
  reading.two.table->DropLink(kLink);
  CHECK_FALSE(reading.stream->open());
  CHECK(reading.error == absl::AbortedError("the link is down"));
  CHECK(reading.calls == 1);
}

TEST_CASE("a transfer that the other end cuts off tells its status, or that bytes lack") {
  Reading told;
  told.stream->End(absl::NotFoundError("no such snapshot"));
  CHECK(told.error == absl::NotFoundError("no such snapshot"));
  Reading untold;
  untold.stream->End(absl::OkStatus());
  CHECK(untold.error == absl::DataLossError("the snapshot ends before its last byte"));
}

TEST_CASE("a snapshot asked for over a dead link is refused in a task") {
  Reading reading;
  reading.stream->Say(ChunkOf(100, "all", true));
  reading.two.table->DropLink(kLink);
  reading.Fetch(kLink);
  CHECK(reading.error.ok());
  reading.two.scheduler.RunFor(absl::Milliseconds(1));
  CHECK(reading.error == absl::UnavailableError("the link is down"));
}

TEST_CASE("a transfer that finds nobody, or another machine, tries the server's next address") {
  Two two;
  two.table->SetMembers({{{.id = kThree, .address = "three", .disk = kDisk3},
                          {.id = kThree, .address = "spare", .disk = kDisk3}}});
  two.table->StartDialling(two.dialler);
  two.FromThree(5, 10);
  const auto fetch = [&] {
    two.table->FetchSnapshot(kLink, {}, [](absl::StatusOr<SnapshotChunk>, Hold) { return true; });
  };
  fetch();
  two.Play(two.dialler->NextFetch("three")).End(absl::UnavailableError("nobody there"));
  fetch();
  two.Play(two.dialler->NextFetch("spare")).End(absl::NotFoundError("no such snapshot"));
  fetch();
  two.Play(two.dialler->NextFetch("spare")).End(absl::FailedPreconditionError("no such link"));
  fetch();
  two.dialler->NextFetch("three")->OnEnded(absl::OkStatus());
}

// --- the end that gives --------------------------------------------------------------------

// Server 3 asks server 2.
struct Giving {
  Giving() { link = &two.FromThree(5, 10); }
  PlayedStream& Ask(const FetchRequest& request) {
    absl::StatusOr<link::LinkPtr> transfer = two.table->AcceptTransfer();
    REQUIRE(transfer.ok());
    PlayedStream& stream = two.Play(*std::move(transfer));
    stream.Say(request);
    return stream;
  }
  PlayedStream& Ask() { return Ask({kTheirLink, kTwo, kSnapshot, 100}); }
  void Answer(absl::StatusOr<SnapshotChunk> chunk) {
    REQUIRE(two.diary.answers.size() == 1);
    Diary::Answer answer = std::move(two.diary.answers.back());
    two.diary.answers.clear();
    std::move(answer)(std::move(chunk));
  }

  Two two;
  PlayedStream* link = nullptr;
};

TEST_CASE("the receiver is asked page after page, each when the one before is written") {
  Giving giving;
  PlayedStream& stream = giving.Ask();
  CHECK(giving.two.diary.lines().back() == "asked for 4:17 from 100");
  giving.Answer(SnapshotChunk{100, "some ", false});
  REQUIRE(stream.written().size() == 1);
  CHECK(std::get<Chunk>(stream.written()[0].body) == ChunkOf(100, "some "));
  CHECK(giving.two.diary.answers.empty());
  stream.Say(std::string());  // it keeps talking
  CHECK(giving.two.diary.answers.empty());
  stream.Written();
  CHECK(giving.two.diary.lines().back() == "asked for 4:17 from 105");
  giving.Answer(SnapshotChunk{105, "bytes", true});
  CHECK(stream.open());
  stream.Written();
  CHECK(stream.closed() == StatusCode::kOk);
}

TEST_CASE("a page leaves in fragments, and is asked for again when the last one is written") {
  Giving giving;
  PlayedStream& out = giving.Ask();
  giving.two.table->StartDialling(giving.two.dialler);
  std::string got;
  giving.two.table->FetchSnapshot(kLink, {kSnapshot, 100},
                                  [&](absl::StatusOr<SnapshotChunk> chunk, Hold) {
                                    REQUIRE(chunk.ok());
                                    got += chunk->bytes;
                                    return false;
                                  });
  PlayedStream& in = giving.two.Play(giving.two.dialler->NextFetch("three"));
  const std::string page(256 << 10, 'p');
  giving.Answer(SnapshotChunk{100, page, false});
  for (int fragments = 1; got.empty(); ++fragments) {
    REQUIRE(fragments <= 5);
    CHECK(giving.two.diary.answers.empty());
    in.Say(out.written_frame());
    out.Written();
  }
  CHECK(got == page);
  CHECK(giving.two.diary.answers.size() == 1);
}

TEST_CASE("only who shares a live link with this server may ask it") {
  Giving giving;
  LinkId other = kTheirLink;
  ++other.seq;
  CHECK(giving.Ask({other, kTwo, kSnapshot, 0}).closed() == StatusCode::kFailedPrecondition);
  CHECK(giving.Ask({kTheirLink, kOne, kSnapshot, 0}).closed() == StatusCode::kFailedPrecondition);
  CHECK(giving.Ask({{kOne, 1, 1}, kTwo, kSnapshot, 0}).closed() == StatusCode::kFailedPrecondition);
  CHECK(giving.two.diary.answers.empty());
  CHECK(giving.link->open());
}

TEST_CASE("a transfer that does not ask, or asks twice, is ended") {
  Giving giving;
  PlayedStream& twice = giving.Ask();
  twice.Say(FetchRequest{kTheirLink, kTwo, kSnapshot, 0}, 2);
  CHECK(twice.closed() == StatusCode::kInvalidArgument);
  PlayedStream& nonsense = giving.two.Play(*giving.two.table->AcceptTransfer());
  nonsense.Say(std::string("nonsense"));
  CHECK(nonsense.closed() == StatusCode::kInvalidArgument);
  PlayedStream& large = giving.two.Play(*giving.two.table->AcceptTransfer());
  std::string request;
  link::AppendPacket(1, link::EncodePacket(FetchRequest{kTheirLink, kTwo, kSnapshot, 0}), &request);
  large.Say(request + std::string(link::kFirstFrameMax, 'x'));
  CHECK(large.closed() == StatusCode::kInvalidArgument);
  Two hurried(Ticking(kTwo));
  CHECK(hurried.Play(*hurried.table->AcceptTransfer()).refused() == link::RefusalCode::kTooSlow);
}

TEST_CASE("what the receiver says in place of a page is what the asker is told") {
  Giving giving;
  PlayedStream& stream = giving.Ask();
  giving.Answer(absl::NotFoundError("no such snapshot"));
  CHECK(stream.closed() == StatusCode::kNotFound);
  PlayedStream& forgotten = giving.Ask();
  giving.two.diary.answers.clear();
  CHECK(forgotten.closed() == StatusCode::kUnavailable);
}

TEST_CASE("a transfer that is given ends with its link") {
  Giving giving;
  PlayedStream& stream = giving.Ask();
  giving.two.table->DropLink(kLink);
  CHECK(stream.closed() == StatusCode::kAborted);
  giving.Answer(SnapshotChunk{100, "late", true});
}

}  // namespace
}  // namespace zkq::testing
