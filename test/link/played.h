// Links whose other ends the test plays, in virtual time: streams, a dialler, and server 2
// of three with a table of links.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/link/link_table.h"
#include "test/harness/catch.h"
#include "zkq/testing/sim.h"
#include "zkq/wire.h"

namespace zkq::testing {

inline constexpr ServerId kOne{1}, kTwo{2}, kThree{3};
inline constexpr EnsembleId kOurs{1, 1}, kTheirs{2, 2};
inline constexpr DiskId kDisk1{0, 1}, kDisk3{0, 3}, kStrangeDisk{9, 9};

inline Identity IdentityOf(ServerId sid, uint64_t boot = 1) {
  return {.sid = sid, .boot = boot, .ensemble = kOurs, .disk = {0, ToInt(sid)}, .config = Zxid{}};
}

inline Identity OnDisk(ServerId sid, const DiskId& disk, uint64_t boot = 1) {
  Identity identity = IdentityOf(sid, boot);
  identity.disk = disk;
  return identity;
}

// With a tick: as default, it waits for a second.
inline Identity Ticking(ServerId sid,
                        std::chrono::microseconds tick = std::chrono::milliseconds(100)) {
  Identity identity = IdentityOf(sid);
  identity.tick = tick;
  identity.init_limit = 20;
  identity.sync_limit = 10;
  return identity;
}

inline link::Hello HelloOf(const Identity& from, uint64_t seq, ServerId to = kTwo) {
  return {link::kProtocolMin, link::kProtocolMax, from, to, seq};
}

// How long a test waits for what must come.
inline constexpr absl::Duration kPatience = absl::Seconds(10);

// What the receiver was told, one line a call.
class Diary final : public QuorumTransport::Receiver {
 public:
  using Answer = absl::AnyInvocable<void(absl::StatusOr<SnapshotChunk>) &&>;

  explicit Diary(SimScheduler* scheduler) : scheduler_(*scheduler) {}
  void OnLinkUp(const LinkId& link, const Identity&) override { Write("up " + Name(link)); }
  void OnIntroduced(const LinkId& link, const Identity& peer) override {
    Write("introduced " + Name(link) + " " + ToString(peer.ensemble));
  }
  void OnMessage(const LinkId& link, Message message, Hold hold) override {
    if (keep_holds) holds.push_back(std::move(hold));
    Write("message " + Name(link) + " " + ToString(message));
  }
  void OnPart(const LinkId& link, size_t bytes) override {
    Write("part " + Name(link) + " of " + std::to_string(bytes));
  }
  void OnNotification(const LinkId& link, const Notification& n) override {
    Write("notification " + Name(link) + " round " + std::to_string(n.round));
  }
  void OnLinkDown(const LinkId& link, const absl::Status&) override { Write("down " + Name(link)); }
  void OnSnapshotAsked(const LinkId&, const SnapshotRequest& request, Answer answer) override {
    Write("asked for " + ToString(request.snapshot) + " from " + std::to_string(request.offset));
    answers.push_back(std::move(answer));
  }

  void OnAsked(const Asker& asker, Question question, absl::Duration time_left,
               QuorumTransport::Answer reply) override {
    Write("asked by " + ToString(asker.id) + " for " + question.kind + " within " +
          absl::FormatDuration(time_left));
    replies.push_back(std::move(reply));
  }
  std::vector<QuorumTransport::Answer> replies;

  static std::string Name(const LinkId& link) {
    return std::to_string(ToInt(link.sid)) + "." + std::to_string(link.boot) + "." +
           std::to_string(link.seq);
  }
  // Lets time pass until `lines` are all there is.
  bool Holds(const std::vector<std::string>& lines) {
    return scheduler_.RunUntil([&] { return lines_ == lines; }, kPatience);
  }
  bool keep_holds = false;
  std::vector<Hold> holds;
  std::vector<Answer> answers;  // that snapshots are asked for with
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  void Write(std::string line) { lines_.push_back(std::move(line)); }

  SimScheduler& scheduler_;
  std::vector<std::string> lines_;
};

// A stream whose other end is the test.
class PlayedStream final : public link::Stream {
 public:
  PlayedStream(SimScheduler* scheduler, link::LinkPtr link)
      : scheduler_(*scheduler), link_(std::move(link)) {
    link_->Attach(this);
  }

  void Read() override { ++reads; }
  void Write(link::Outgoing frame) override {
    written_ = frame.head + std::string(frame.tail.view());
    ++writes_;
  }
  void AbortSoon() override {
    if (!hangs) link_->OnWritten(false);
  }
  void Close(const absl::Status& why) override {
    closed_ = why.code();
    refused_ = link::RefusedIn(why);
    told_ = why.ToString();
    link_->OnEnded(ends_as_.value_or(absl::Status(why.code(), why.message())));
  }
  // The other end has ended it.
  void End(absl::Status status) {
    ends_as_ = std::move(status);
    link_->OnReadFailed({});
  }

  template <typename T>
  void Say(const T& body, uint64_t seq = 1) {
    std::string frame;
    link::AppendPacket(seq, link::EncodePacket(body), &frame);
    link_->OnRead(Payload(std::move(frame)));
  }
  void Say(std::string frame) { link_->OnRead(Payload(std::move(frame))); }
  void Written() { link_->OnWritten(true); }
  const std::string& written_frame() const { return written_; }
  bool hangs = false;  // the write that is under way never ends, not even when it is aborted
  // The packets of the frame that was written last.
  std::vector<link::Packet> written() const {
    std::vector<link::Packet> packets;
    link::FrameReader reader{Payload(written_)};
    while (auto packet = reader.Next()) packets.push_back(*std::move(packet));
    return packets;
  }
  // Lets time pass until there are so many.
  bool HasWritten(int writes) {
    return scheduler_.RunUntil([&] { return writes_ >= writes; }, kPatience);
  }
  int reads = 0;
  int writes() const { return writes_; }
  // Lets time pass until it is.
  absl::StatusCode closed() {
    scheduler_.RunUntil([&] { return !open(); }, kPatience);
    return closed_.value_or(absl::StatusCode::kUnknown);
  }
  // The same, if that was a refusal.
  link::RefusalCode refused() {
    closed();
    return refused_ ? refused_->code : link::RefusalCode{};
  }
  // All of what the other end is told.
  std::string told() {
    closed();
    return told_;
  }
  bool open() const { return !closed_.has_value(); }

 private:
  SimScheduler& scheduler_;
  const link::LinkPtr link_;
  std::string written_;
  int writes_ = 0;
  std::optional<absl::StatusCode> closed_;
  std::optional<absl::Status> ends_as_;
  std::optional<link::Refused> refused_;
  std::string told_;
};

// Keeps what it is asked for.
class PlayedDialler final : public link::Dialler {
 public:
  explicit PlayedDialler(SimScheduler* scheduler) : scheduler_(*scheduler) {}

  absl::Status Dial(const std::string& address, link::LinkPtr link) override {
    if (!has_threads) return absl::ResourceExhaustedError("no thread is free to dial");
    dials_.emplace_back(address, std::move(link));
    return absl::OkStatus();
  }
  bool has_threads = true;
  void Knock(const std::string& address, const Identity&, ServerId, KnockDone done) override {
    knocks_.emplace_back(address, std::move(done));
  }

  void Ask(const std::string& address, link::AskRequest request, absl::Duration,
           link::AskDone done) override {
    asked.push_back(std::move(request));
    asks_.emplace_back(address, std::move(done));
  }
  link::AskDone NextAsk(const std::string& address) { return Next(address, &asks_); }
  std::vector<link::AskRequest> asked = {};

  void Fetch(const std::string& address, link::LinkPtr transfer) override {
    fetches_.emplace_back(address, std::move(transfer));
  }

  // Lets time pass until the next of each.
  link::LinkPtr NextDial(const std::string& address) { return Next(address, &dials_); }
  KnockDone NextKnock(const std::string& address) { return Next(address, &knocks_); }
  link::LinkPtr NextFetch(const std::string& address) { return Next(address, &fetches_); }
  bool has_dials() const { return !dials_.empty(); }
  bool has_knocks() const { return !knocks_.empty(); }
  void Clear() {
    dials_.clear();
    fetches_.clear();
    knocks_.clear();
    asks_.clear();
  }

 private:
  template <typename T>
  T Next(const std::string& address, std::vector<std::pair<std::string, T>>* asked) {
    scheduler_.RunUntil([&] { return !asked->empty(); }, kPatience);
    REQUIRE_FALSE(asked->empty());
    auto [to, what] = std::move(asked->front());
    asked->erase(asked->begin());
    REQUIRE(to == address);
    return std::move(what);
  }

  SimScheduler& scheduler_;
  std::vector<std::pair<std::string, link::LinkPtr>> dials_, fetches_;
  std::vector<std::pair<std::string, KnockDone>> knocks_;
  std::vector<std::pair<std::string, link::AskDone>> asks_;
};

class Lines final : public LogSink {
 public:
  void Log(LogLevel level, ServerId, std::string_view line) override {
    lines_.emplace_back(line);
    if (level == LogLevel::kWarning) warnings_.emplace_back(line);
  }
  const std::vector<std::string>& lines() const { return lines_; }
  const std::vector<std::string>& warnings() const { return warnings_; }
  // What the lines of this name say.
  std::vector<std::string> named(Line line) const {
    const std::string head = std::string(InfoOf(line).name) + ": ";
    std::vector<std::string> texts;
    for (const std::string& each : lines_) {
      if (each.starts_with(head)) texts.push_back(each.substr(head.size()));
    }
    return texts;
  }

 private:
  std::vector<std::string> lines_, warnings_;
};

// Server 2 of three.
struct Two {
  explicit Two(const Identity& self = IdentityOf(kTwo))
      : table(std::make_shared<link::LinkTable>(
            link::TableOptions{.bounds = {1 << 20, 1 << 20}, .log_sink = log})) {
    table->Start({.clock = std::make_shared<SimClock>(&scheduler),
                  .executor = std::make_shared<SimExecutor>(&scheduler),
                  .random = std::make_shared<SimRandom>(1)},
                 self, &diary);
    table->SetMembers({{{.id = kOne, .address = "one", .disk = kDisk1},
                        {.id = kTwo, .address = "two"},
                        {.id = kThree, .address = "three", .disk = kDisk3}}});
  }
  ~Two() {
    table->Shutdown();
    dialler->Clear();
    streams.clear();
  }

  PlayedStream& Accept() {
    absl::StatusOr<link::LinkPtr> link = table->Accept();
    REQUIRE(link.ok());
    return *streams.emplace_back(std::make_unique<PlayedStream>(&scheduler, *std::move(link)));
  }
  PlayedStream& Play(link::LinkPtr link) {
    return *streams.emplace_back(std::make_unique<PlayedStream>(&scheduler, std::move(link)));
  }
  // A live link that server 3 has dialled.
  PlayedStream& FromThree(uint64_t boot, uint64_t seq) {
    PlayedStream& stream = Accept();
    stream.Say(HelloOf(IdentityOf(kThree, boot), seq));
    REQUIRE(stream.open());
    stream.Written();
    return stream;
  }

  SimScheduler scheduler{1};
  Diary diary{&scheduler};
  const std::shared_ptr<PlayedDialler> dialler = std::make_shared<PlayedDialler>(&scheduler);
  const std::shared_ptr<Lines> log = std::make_shared<Lines>();
  const std::shared_ptr<link::LinkTable> table;
  std::vector<std::unique_ptr<PlayedStream>> streams;
};

}  // namespace zkq::testing
