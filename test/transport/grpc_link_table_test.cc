// Who may be linked, who dials, and what replaces what: PROTOCOL 5.3, without
// gRPC, on streams that the test plays.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "lib/transport/handshake.h"
#include "lib/transport/link_table.h"
#include "test/harness/catch.h"

namespace zkq::testing {
namespace {

using absl::StatusCode;
using transport::Acquaintance;
using transport::Dialler;
using transport::Encode;
using transport::Hello;
using transport::HelloAck;
using transport::LinkPtr;
using transport::LinkTable;
using transport::Outgoing;
using transport::Stream;
using transport::Timers;

constexpr ServerId kOne{1}, kTwo{2}, kThree{3};
constexpr EnsembleId kOurs{1, 1}, kTheirs{2, 2};
constexpr DiskId kDisk1{0, 1}, kDisk3{0, 3}, kStrangeDisk{9, 9};

Identity IdentityOf(ServerId sid, uint64_t boot = 1) {
  return {.sid = sid,
          .boot = boot,
          .ensemble = kOurs,
          .disk = {0, ToInt(sid)},
          .founders = {{kOne, kDisk1}, {kTwo, {0, 2}}, {kThree, kDisk3}}};
}

Hello HelloOf(const Identity& from, uint64_t seq, ServerId to = kTwo) {
  return {transport::kProtocolMin, transport::kProtocolMax, from, to, seq};
}

// --- the rules alone ------------------------------------------------------------------

StatusCode Judge(const Hello& hello, const Acquaintance& known = {.member = true}) {
  return JudgeHello(IdentityOf(kTwo), hello, known).code();
}

TEST_CASE("each broken rule of the handshake has its status") {
  const Hello good = HelloOf(IdentityOf(kThree), 1);
  CHECK(Judge(good) == StatusCode::kOk);

  Hello hello = good;
  hello.protocol_min = hello.protocol_max = transport::kProtocolMax + 1;
  CHECK(Judge(hello) == StatusCode::kFailedPrecondition);
  hello.protocol_min = hello.protocol_max = transport::kProtocolMin - 1;
  CHECK(Judge(hello) == StatusCode::kFailedPrecondition);

  hello = good;
  hello.from.ensemble = kTheirs;
  CHECK(Judge(hello) == StatusCode::kFailedPrecondition);
  hello.from.ensemble = {};  // unfounded or amnesic
  CHECK(Judge(hello) == StatusCode::kOk);

  CHECK(Judge(HelloOf(IdentityOf(kTwo), 1)) == StatusCode::kInvalidArgument);
  CHECK(Judge(HelloOf(IdentityOf(kThree), 1, kOne)) == StatusCode::kFailedPrecondition);
  CHECK(Judge(HelloOf(IdentityOf(kOne), 1)) == StatusCode::kAborted);
  CHECK(Judge(good, {.member = false}) == StatusCode::kPermissionDenied);
}

TEST_CASE("versions are a range: one in common is enough") {
  Hello hello = HelloOf(IdentityOf(kThree), 1);
  hello.protocol_min = 0;
  hello.protocol_max = transport::kProtocolMax + 7;
  CHECK(Judge(hello) == StatusCode::kOk);
}

TEST_CASE("only what is newer by boot and then seq replaces a live link") {
  const Acquaintance known{.member = true, .live = LinkId{kThree, 5, 10}};
  const auto judge = [&](uint64_t boot, uint64_t seq) {
    return Judge(HelloOf(IdentityOf(kThree, boot), seq), known);
  };
  CHECK(judge(5, 11) == StatusCode::kOk);
  CHECK(judge(6, 1) == StatusCode::kOk);
  CHECK(judge(5, 10) == StatusCode::kAlreadyExists);
  CHECK(judge(5, 9) == StatusCode::kAlreadyExists);
  CHECK(judge(4, 99) == StatusCode::kAlreadyExists);
}

TEST_CASE("a second server with a live one's id is kept out, an amnesic one is not") {
  Identity strange = IdentityOf(kThree, 9);
  strange.disk = kStrangeDisk;
  const Acquaintance live{.member = true, .live = LinkId{kThree, 5, 10}};
  CHECK(Judge(HelloOf(strange, 1), live) == StatusCode::kAlreadyExists);
  CHECK(Judge(HelloOf(strange, 1), {.member = true}) == StatusCode::kOk);
  CHECK(JudgeKnock(IdentityOf(kTwo), strange, kTwo, live).code() != StatusCode::kOk);
}

TEST_CASE("the dialler checks who answers") {
  const Identity self = IdentityOf(kTwo);
  const HelloAck good{transport::kProtocolMax, IdentityOf(kOne)};
  CHECK(JudgeAck(self, kOne, good).ok());
  HelloAck ack = good;
  ack.from.sid = kThree;
  CHECK(JudgeAck(self, kOne, ack).code() == StatusCode::kFailedPrecondition);
  ack = good;
  ack.from.ensemble = kTheirs;
  CHECK(JudgeAck(self, kOne, ack).code() == StatusCode::kFailedPrecondition);
  ack = good;
  ack.protocol = transport::kProtocolMax + 1;
  CHECK(JudgeAck(self, kOne, ack).code() == StatusCode::kFailedPrecondition);
}

TEST_CASE("a refusal names both sides") {
  Hello hello = HelloOf(IdentityOf(kThree, 17), 1);
  hello.from.ensemble = kTheirs;
  const std::string text(JudgeHello(IdentityOf(kTwo, 23), hello, {.member = true}).message());
  for (const std::string& part :
       {ToString(kTheirs), ToString(kOurs), std::string("17"), std::string("23"),
        std::string("server 3"), std::string("server 2")}) {
    CHECK(text.find(part) != std::string::npos);
  }
}

// --- the table on played streams ----------------------------------------------------------

// What the receiver was told, one line a call.
class Diary final : public QuorumTransport::Receiver {
 public:
  void OnLinkUp(const LinkId& link, const Identity&) override { Write("up " + Name(link)); }
  void OnMessage(const LinkId& link, Message message, Hold hold) override {
    if (keep_holds) holds.push_back(std::move(hold));
    Write("message " + Name(link) + " " + ToString(message));
  }
  void OnNotification(const LinkId& link, const Notification& n) override {
    Write("notification " + Name(link) + " round " + std::to_string(n.round));
  }
  void OnLinkDown(const LinkId& link, const absl::Status&) override { Write("down " + Name(link)); }
  void OnSnapshotAsked(const LinkId&, const SnapshotRequest&,
                       absl::AnyInvocable<void(absl::StatusOr<SnapshotChunk>) &&>) override {}

  static std::string Name(const LinkId& link) {
    return std::to_string(ToInt(link.sid)) + "." + std::to_string(link.boot) + "." +
           std::to_string(link.seq);
  }
  // Waits until `lines` are all there is.
  bool Holds(const std::vector<std::string>& lines) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return lines_ == lines; });
  }
  bool keep_holds = false;
  std::vector<Hold> holds;

  std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  void Write(std::string line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
};

// A stream whose other end is the test.
class PlayedStream final : public Stream {
 public:
  explicit PlayedStream(LinkPtr link) : link_(std::move(link)) { link_->Attach(this); }

  void Read() override { ++reads; }
  void Write(Outgoing frame) override {
    const std::lock_guard lock(mutex_);
    written_ = frame.head + std::string(frame.tail.view());
    ++writes_;
    changed_.notify_all();
  }
  void Hurry() override { link_->OnWritten(false); }
  void Close(const absl::Status& why) override {
    {
      const std::lock_guard lock(mutex_);
      closed_ = why.code();
      changed_.notify_all();
    }
    link_->OnEnded(absl::Status(why.code(), why.message()));
  }

  template <typename T>
  void Say(const T& body, uint64_t seq = 1) {
    std::string frame;
    transport::AppendPacket(seq, Encode(body), &frame);
    link_->OnRead(Payload(std::move(frame)));
  }
  void Written() { link_->OnWritten(true); }
  // The packets of the frame that was written last.
  std::vector<transport::Packet> written() const {
    std::vector<transport::Packet> packets;
    transport::FrameReader reader{Payload(written_)};
    while (auto packet = reader.Next()) packets.push_back(*std::move(packet));
    return packets;
  }
  // Waits until there are so many.
  bool HasWritten(int writes) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return writes_ >= writes; });
  }
  std::atomic<int> reads = 0;
  // Waits for it.
  StatusCode closed() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(10), [&] { return closed_.has_value(); });
    return closed_.value_or(StatusCode::kUnknown);
  }
  bool open() {
    const std::lock_guard lock(mutex_);
    return !closed_.has_value();
  }

 private:
  const LinkPtr link_;
  std::string written_;
  int writes_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<StatusCode> closed_;
};

// Keeps what it is asked for.
class PlayedDialler final : public Dialler {
 public:
  void Dial(const std::string& address, LinkPtr link) override {
    const std::lock_guard lock(mutex_);
    dials_.emplace_back(address, std::move(link));
    changed_.notify_all();
  }
  void Knock(const std::string& address, const Identity&, ServerId, KnockDone done) override {
    const std::lock_guard lock(mutex_);
    knocks_.emplace_back(address, std::move(done));
    changed_.notify_all();
  }

  // Waits for the next of each.
  LinkPtr NextDial(const std::string& address) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(10), [&] { return !dials_.empty(); });
    REQUIRE_FALSE(dials_.empty());
    auto [to, link] = std::move(dials_.front());
    dials_.erase(dials_.begin());
    REQUIRE(to == address);
    return link;
  }
  KnockDone NextKnock(const std::string& address) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(10), [&] { return !knocks_.empty(); });
    REQUIRE_FALSE(knocks_.empty());
    auto [to, done] = std::move(knocks_.front());
    knocks_.erase(knocks_.begin());
    REQUIRE(to == address);
    return std::move(done);
  }
  void Clear() {
    const std::lock_guard lock(mutex_);
    dials_.clear();
    knocks_.clear();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::pair<std::string, LinkPtr>> dials_;
  std::vector<std::pair<std::string, KnockDone>> knocks_;
};

// Server 2 of three.
struct Two {
  Two() : Two(absl::Seconds(60)) {}
  explicit Two(absl::Duration handshake_timeout)
      : timers(std::make_shared<Timers>()),
        table(std::make_shared<LinkTable>(
            transport::TableOptions{.bounds = {1 << 20, 1 << 20},
                                    .handshake_timeout = handshake_timeout,
                                    .redial = {absl::Milliseconds(1), absl::Milliseconds(5)}},
            timers)) {
    table->Start(IdentityOf(kTwo), &diary);
    table->SetMembers({{{.id = kOne, .address = "one"},
                        {.id = kTwo, .address = "two"},
                        {.id = kThree, .address = "three"}}});
  }
  ~Two() {
    table->Shutdown();
    timers->Stop();
    dialler.Clear();
    streams.clear();
  }

  PlayedStream& Accept() {
    LinkPtr link = table->Accept();
    REQUIRE(link != nullptr);
    return *streams.emplace_back(std::make_unique<PlayedStream>(std::move(link)));
  }
  PlayedStream& Play(LinkPtr link) {
    return *streams.emplace_back(std::make_unique<PlayedStream>(std::move(link)));
  }
  // A live link that server 3 has dialled.
  PlayedStream& FromThree(uint64_t boot, uint64_t seq) {
    PlayedStream& stream = Accept();
    stream.Say(HelloOf(IdentityOf(kThree, boot), seq));
    REQUIRE(stream.open());
    stream.Written();
    return stream;
  }

  Diary diary;
  PlayedDialler dialler;
  const std::shared_ptr<Timers> timers;
  const std::shared_ptr<LinkTable> table;
  std::vector<std::unique_ptr<PlayedStream>> streams;
};

TEST_CASE("the larger id dials, the smaller knocks, until there is a link") {
  Two two;
  two.table->ReachOut(&two.dialler);
  for (int i = 0; i < 3; ++i) {
    two.dialler.NextDial("one")->OnEnded(absl::UnavailableError("nobody there"));
    two.dialler.NextKnock("three")(absl::UnavailableError("nobody there"));
  }
  two.Play(two.dialler.NextDial("one")).Say(HelloAck{1, IdentityOf(kOne, 8)});
  CHECK(two.diary.lines().size() == 1);
  CHECK(two.diary.lines().front().substr(0, 6) == "up 1.8");
}

TEST_CASE("a newer link replaces the live one: down comes before up") {
  Two two;
  PlayedStream& old = two.FromThree(5, 10);
  REQUIRE(two.diary.Holds({"up 3.5.10"}));
  PlayedStream& twin = two.Accept();
  twin.Say(HelloOf(IdentityOf(kThree, 5), 10));
  CHECK(twin.closed() == StatusCode::kAlreadyExists);
  CHECK(old.open());
  two.FromThree(5, 11);
  CHECK(old.closed() == StatusCode::kAborted);
  CHECK(two.diary.Holds({"up 3.5.10", "down 3.5.10", "up 3.5.11"}));
}

TEST_CASE("no memory outlives a link: an older boot is welcome once it is down") {
  Two two;
  two.FromThree(5, 10);
  two.table->DropLink({kThree, 5, 10});
  two.FromThree(4, 1);
  CHECK(two.diary.Holds({"up 3.5.10", "down 3.5.10", "up 3.4.1"}));
}

TEST_CASE("a second server with a live one's id does not push it out") {
  Two two;
  PlayedStream& healthy = two.FromThree(5, 10);
  Identity second = IdentityOf(kThree, 99);
  second.disk = kStrangeDisk;
  PlayedStream& stream = two.Accept();
  stream.Say(HelloOf(second, 1));
  CHECK(stream.closed() == StatusCode::kAlreadyExists);
  CHECK(healthy.open());
  two.table->DropLink({kThree, 5, 10});
  PlayedStream& again = two.Accept();
  again.Say(HelloOf(second, 2));
  CHECK(again.open());  // it is to learn that it is amnesic
  CHECK(two.diary.Holds({"up 3.5.10", "down 3.5.10", "up 3.99.2"}));
}

TEST_CASE("a knock leaves a healthy link alone, and a later life of its peer ends it") {
  Two two;
  two.table->ReachOut(&two.dialler);
  PlayedStream& stream = two.Play(two.dialler.NextDial("one"));
  stream.Say(HelloAck{1, IdentityOf(kOne, 8)});
  stream.Written();
  CHECK(two.table->OnKnock(IdentityOf(kOne, 8), kTwo).ok());
  CHECK(two.table->OnKnock(IdentityOf(kOne, 7), kTwo).ok());
  CHECK(stream.open());
  Identity second = IdentityOf(kOne, 99);
  second.disk = kStrangeDisk;
  CHECK(two.table->OnKnock(second, kTwo).code() == StatusCode::kAlreadyExists);
  CHECK(stream.open());
  CHECK(two.table->OnKnock(IdentityOf(kOne, 9), kTwo).ok());
  CHECK(stream.closed() == StatusCode::kAborted);
  two.dialler.NextDial("one");
}

TEST_CASE("a knock of nobody we know is refused") {
  Two two;
  Identity from = IdentityOf(ServerId{77});
  CHECK(two.table->OnKnock(from, kTwo).code() == StatusCode::kPermissionDenied);
  CHECK(two.table->OnKnock(IdentityOf(kOne), kThree).code() == StatusCode::kFailedPrecondition);
  CHECK(two.table->OnKnock(IdentityOf(kThree), kTwo).code() == StatusCode::kInvalidArgument);
  from = IdentityOf(kOne);
  from.ensemble = kTheirs;
  CHECK(two.table->OnKnock(from, kTwo).code() == StatusCode::kFailedPrecondition);
}

TEST_CASE("whoever dials although we should is refused, and dialled") {
  Two two;
  two.table->ReachOut(&two.dialler);
  two.dialler.NextDial("one")->OnEnded(absl::UnavailableError("not yet"));
  PlayedStream& stream = two.Accept();
  stream.Say(HelloOf(IdentityOf(kOne), 1));
  CHECK(stream.closed() == StatusCode::kAborted);
  two.dialler.NextDial("one");
}

TEST_CASE("an answer from somebody else is no link") {
  Two two;
  two.table->ReachOut(&two.dialler);
  PlayedStream& stream = two.Play(two.dialler.NextDial("one"));
  stream.Say(HelloAck{1, IdentityOf(kThree)});
  CHECK(stream.closed() == StatusCode::kFailedPrecondition);
  CHECK(two.diary.lines().empty());
  two.dialler.NextDial("one");
}

TEST_CASE("a stream begins with its half of the handshake, and has it once") {
  Two two;
  PlayedStream& mute = two.Accept();
  mute.Say(Message{.body = Ack{}});
  CHECK(mute.closed() == StatusCode::kInvalidArgument);
  PlayedStream& confused = two.Accept();
  confused.Say(HelloAck{1, IdentityOf(kThree)});
  CHECK(confused.closed() != StatusCode::kOk);
  CHECK(two.diary.lines().empty());
  PlayedStream& twice = two.FromThree(1, 1);
  twice.Say(HelloOf(IdentityOf(kThree), 2), 2);
  CHECK(twice.closed() != StatusCode::kOk);
  CHECK(two.diary.Holds({"up 3.1.1", "down 3.1.1"}));
}

TEST_CASE("a gap in a lane takes the link down") {
  Two two;
  PlayedStream& stream = two.FromThree(1, 1);
  stream.Say(Message{.body = Ack{{1, 1}}}, 1);
  stream.Say(Message{.body = Ack{{1, 3}}}, 3);
  CHECK(stream.closed() == StatusCode::kDataLoss);
  CHECK(two.diary.Holds({"up 3.1.1", "message 3.1.1 ack 1:1", "down 3.1.1"}));
}

TEST_CASE("who says nothing is not waited for") {
  Two two(absl::Milliseconds(10));
  CHECK(two.Accept().closed() == StatusCode::kDeadlineExceeded);
  two.table->ReachOut(&two.dialler);
  CHECK(two.Play(two.dialler.NextDial("one")).closed() == StatusCode::kDeadlineExceeded);
}

// ZOOKEEPER-2164, -3756, -4220: its attempt lasts, and the others are linked meanwhile.
TEST_CASE("a peer that never answers holds up no other") {
  Two two;
  two.table->ReachOut(&two.dialler);
  PlayedStream& mute = two.Play(two.dialler.NextDial("one"));
  two.dialler.NextKnock("three")(absl::OkStatus());
  two.FromThree(5, 10).Say(Message{.body = Ack{{1, 1}}});
  CHECK(two.diary.Holds({"up 3.5.10", "message 3.5.10 ack 1:1"}));
  CHECK(mute.open());
}

TEST_CASE("while too much is held nothing is read, and the stream is probed") {
  Two two;
  PlayedStream& stream = two.FromThree(1, 1);
  two.diary.keep_holds = true;
  CHECK(stream.reads == 2);
  stream.Say(Message{.body = Request{{{1, Payload(std::string(2 << 20, 'x'))}}}});
  CHECK(stream.reads == 2);
  for (int writes = 2; writes < 5; ++writes) {  // the first was HelloAck
    REQUIRE(stream.HasWritten(writes));
    CHECK(stream.written().empty());
    stream.Written();
  }
  two.diary.holds.clear();
  CHECK(stream.reads == 3);
  CHECK(stream.open());
}

TEST_CASE("a probe that fails takes the link down") {
  Two two;
  PlayedStream& stream = two.FromThree(1, 1);
  two.diary.keep_holds = true;
  stream.Say(Message{.body = Request{{{1, Payload(std::string(2 << 20, 'x'))}}}});
  REQUIRE(stream.HasWritten(2));
  stream.Hurry();  // its write fails
  CHECK(two.diary.Holds({"up 3.1.1", "message 3.1.1 request 1", "down 3.1.1"}));
  two.diary.holds.clear();
}

TEST_CASE("strangers are bounded, and members are no strangers") {
  Two two;
  for (uint64_t seq = 1; seq <= 3; ++seq) two.FromThree(1, seq);
  for (size_t i = 0; i < transport::kStrangersMax; ++i) two.Accept();
  CHECK(two.table->Accept() == nullptr);
  two.streams.back()->Say(HelloOf(IdentityOf(kThree), 4));
  CHECK(two.table->Accept() != nullptr);
}

TEST_CASE("the announcement goes to the next link, the newest only") {
  Two two;
  two.table->Notify(kOne, {.round = 1});
  two.table->Notify(kOne, {.round = 2});
  two.table->ReachOut(&two.dialler);
  const LinkPtr link = two.dialler.NextDial("one");
  PlayedStream& stream = two.Play(link);
  stream.Written();  // Hello
  stream.Say(HelloAck{1, IdentityOf(kOne, 8)});
  CHECK(two.diary.Holds({"up " + Diary::Name(link->id)}));
  REQUIRE(stream.written().size() == 1);
  CHECK(std::get<Notification>(stream.written()[0].body).round == 2);
}

TEST_CASE("after SetIdentity every link is made anew") {
  Two two;
  two.table->ReachOut(&two.dialler);
  PlayedStream& dialled = two.Play(two.dialler.NextDial("one"));
  dialled.Say(HelloAck{1, IdentityOf(kOne, 8)});
  dialled.Written();
  PlayedStream& accepted = two.FromThree(5, 10);
  Identity identity = IdentityOf(kTwo);
  identity.config = {7, 7};
  two.table->SetIdentity(IdentityOf(kTwo));  // the same: nothing
  CHECK(dialled.open());
  two.table->SetIdentity(identity);
  CHECK(dialled.closed() == StatusCode::kAborted);
  CHECK(accepted.closed() == StatusCode::kAborted);
  two.dialler.NextDial("one");
}

TEST_CASE("an attempt that was begun as somebody else counts no more") {
  Two two;
  two.table->ReachOut(&two.dialler);
  PlayedStream& old = two.Play(two.dialler.NextDial("one"));
  Identity identity = IdentityOf(kTwo);
  identity.config = {7, 7};
  two.table->SetIdentity(identity);
  old.Say(HelloAck{1, IdentityOf(kOne, 8)});
  CHECK(old.closed() == StatusCode::kAborted);
  CHECK(two.diary.lines().empty());
  two.Play(two.dialler.NextDial("one")).Say(HelloAck{1, IdentityOf(kOne, 8)});
  CHECK(two.diary.lines().size() == 1);
}

}  // namespace
}  // namespace zkq::testing
