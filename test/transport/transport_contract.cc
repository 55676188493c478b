#include "test/transport/transport_contract.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "lib/base/codec.h"
#include "test/harness/catch.h"
#include "test/transport/contract_peer.h"

namespace zkq::testing {
namespace {

constexpr ServerId kOne{1}, kTwo{2}, kThree{3};
constexpr EnsembleId kEnsemble{.high = 7, .low = 7};

Identity IdentityOf(ServerId sid, uint64_t boot = 1, EnsembleId ensemble = kEnsemble) {
  return {.sid = sid,
          .boot = boot,
          .ensemble = ensemble,
          .disk = {.high = 1, .low = ToInt(sid)},
          .founders = {{.sid = kOne, .disk = {.high = 1, .low = 1}}},
          .members = {.high = 5, .low = 6},
          .config = {.epoch = 2, .counter = 3}};
}

// The two ends of a link, and both ways to look at one.
struct Ends {
  ServerId here{};
  ServerId there{};
};
constexpr Ends kBothWays[] = {{kOne, kTwo}, {kTwo, kOne}};

// A message that tells its number and has about so many bytes.
MessageBody Numbered(uint64_t number, size_t bytes = 0) {
  return Request{.calls = {{.tag = number, .command = Payload(std::string(bytes, 'x'))}}};
}
uint64_t NumberOf(const Message& message) {
  return std::get<Request>(message.body).calls.front().tag;
}

// Processes that know each other, started. Their story is checked at the end.
class Ensemble {
 public:
  explicit Ensemble(const std::vector<ServerId>& sids, const WorldOptions& options = {})
      : world_(NewWorld(options)), sids_(sids) {
    for (const ServerId sid : sids) Start(IdentityOf(sid));
  }
  ~Ensemble() {
    for (auto& [sid, peer] : peers_) peer->Shutdown();
    for (auto& [sid, peer] : peers_) CHECK(peer->violations() == "");
  }

  World& world() { return *world_; }
  ContractPeer& operator[](ServerId sid) { return *peers_.at(sid); }

  // A process in place of the one before of that sid, which ends.
  void Start(const Identity& self) {
    Stop(self.sid);
    auto peer = std::make_unique<ContractPeer>(world_.get(), self);
    peer->SetMembers(sids_);
    REQUIRE(peer->Start().ok());
    peers_[self.sid] = std::move(peer);
  }
  void Stop(ServerId sid) {
    const auto found = peers_.find(sid);
    if (found == peers_.end()) return;
    found->second->Shutdown();
    CHECK(found->second->violations() == "");
    peers_.erase(found);
  }

  bool Until(absl::FunctionRef<bool()> condition) { return world_->RunUntil(condition); }
  bool Linked(ServerId a, ServerId b) {
    const auto one = peers_.at(a)->link(b), other = peers_.at(b)->link(a);
    return one.has_value() && other.has_value() && one->seq == other->seq;
  }
  bool UntilLinked(ServerId a, ServerId b) {
    return Until([&] { return Linked(a, b); });
  }

 private:
  const std::unique_ptr<World> world_;
  const std::vector<ServerId> sids_;
  std::map<ServerId, std::unique_ptr<ContractPeer>> peers_;
};

// --- links ------------------------------------------------------------------------

TEST_CASE("every two members get one link, and know who is at the other end") {
  Ensemble ensemble({kOne, kTwo, kThree});
  const std::pair<ServerId, ServerId> pairs[] = {{kOne, kTwo}, {kOne, kThree}, {kTwo, kThree}};
  for (const auto& [a, b] : pairs) REQUIRE(ensemble.UntilLinked(a, b));
  ensemble.world().Settle();
  for (const auto& [a, b] : pairs) {
    for (const auto& [here, there] : {std::pair(a, b), std::pair(b, a)}) {
      CHECK(ensemble[here].ups(there) == 1);
      CHECK(ensemble[here].downs(there) == 0);
      CHECK(ensemble[here].ups(here) == 0);
      CHECK(ensemble[here].seen(there) == IdentityOf(there));
    }
  }
}

TEST_CASE("an address in use is refused") {
  Ensemble ensemble({kOne, kTwo});
  ContractPeer second(&ensemble.world(), IdentityOf(kOne, 2));
  CHECK(second.Start().code() == absl::StatusCode::kUnavailable);
}

TEST_CASE("a dropped link is down at both ends, and a newer one follows") {
  Ensemble ensemble({kOne, kTwo});
  for (const Ends& ends : kBothWays) {
    REQUIRE(ensemble.UntilLinked(kOne, kTwo));
    ContractPeer& dropper = ensemble[ends.here];
    ContractPeer& other = ensemble[ends.there];
    const LinkId here = *dropper.link(ends.there), there = *other.link(ends.here);
    dropper.transport().DropLink(here);
    REQUIRE(ensemble.Until([&] {
      return ensemble.Linked(kOne, kTwo) && *dropper.link(ends.there) > here &&
             *other.link(ends.here) > there;
    }));
  }
}

TEST_CASE("dropping a link that is gone does not touch its replacement") {
  Ensemble ensemble({kOne, kTwo});
  REQUIRE(ensemble.UntilLinked(kOne, kTwo));
  const LinkId old = *ensemble[kOne].link(kTwo);
  ensemble[kOne].transport().DropLink(old);
  REQUIRE(ensemble.Until(
      [&] { return ensemble.Linked(kOne, kTwo) && *ensemble[kOne].link(kTwo) != old; }));
  const int ups = ensemble[kOne].ups(kTwo);
  ensemble[kOne].transport().DropLink(old);
  ensemble[kOne].Send(kTwo, Numbered(1));
  REQUIRE(ensemble.Until([&] { return ensemble[kTwo].received(kOne) == 1; }));
  CHECK(ensemble[kOne].ups(kTwo) == ups);
}

TEST_CASE("a process that starts again is linked by its new life") {
  Ensemble ensemble({kOne, kTwo, kThree});
  for (const ServerId restarted : {kOne, kThree}) {
    REQUIRE(ensemble.UntilLinked(restarted, kTwo));
    ensemble.Start(IdentityOf(restarted, 2));
    REQUIRE(ensemble.Until([&] {
      const std::optional<LinkId> link = ensemble[kTwo].link(restarted);
      return link.has_value() && link->boot == 2 && ensemble.Linked(restarted, kTwo);
    }));
    CHECK(ensemble[kTwo].seen(restarted) == IdentityOf(restarted, 2));
    CHECK(ensemble[kTwo].downs(restarted) == ensemble[kTwo].ups(restarted) - 1);
  }
}

// --- messages -----------------------------------------------------------------------

TEST_CASE("every kind of message arrives as it was sent") {
  Ensemble ensemble({kOne, kTwo});
  REQUIRE(ensemble.UntilLinked(kOne, kTwo));
  const Zxid z{4, 17};
  const Txn txn =
      EncodeTxn(z, {4, 16}, TxnKind::kCommand, {kTwo, 3, 9}, -5, std::string("a\0b", 3));
  const Txn next = EncodeTxn({4, 18}, z, TxnKind::kReconfig, {}, 6, "");
  const Payload command{std::string("\0\xff", 2)};
  // Zab before control: both kinds of ping come last, and overtake nothing.
  const std::vector<MessageBody> bodies = {
      FollowerInfo{.accepted = {.epoch = 4, .leader = kOne, .boot = 8},
                   .current = 3,
                   .last = z,
                   .look_seq = 5,
                   .config = {1, 2}},
      FollowerInfo{},
      LeaderInfo{.epoch = 5, .decided = true},
      AckEpoch{.current = 0, .last = z, .base = {2, 2}, .table = {{1, 9}, {4, 17}}},
      AckEpoch{},
      Diff{z},
      Trunc{.after = {3, 1}, .last = z},
      Snap{z},
      NewLeader{.last = z, .commit = {4, 2}},
      UpToDate{z},
      Proposal{{txn, next}},
      Ack{{5, 0}},
      Commit{z},
      Request{{{.tag = 1, .command = command}, {.tag = ~uint64_t{0}, .command = {}}}},
      Refusal{.tags = {1, 2}, .reason = RejectReason::kUnknown},
      ReadIndex{{3, 4}},
      ReadIndexReply{.tags = {3, 4}, .at = z},
      SessionEnd{SessionEndReason::kLeaving}};
  std::vector<Message> sent;
  for (const MessageBody& body : bodies) sent.push_back({.session = {9, 4}, .body = body});
  const auto send_all = [&] {
    for (const Message& message : sent) {
      const LinkId link = *ensemble[kOne].link(kTwo);
      ensemble[kOne].transport().Send(std::span(&link, 1), message);
    }
  };
  send_all();
  REQUIRE(ensemble.Until([&] { return ensemble[kTwo].received(kOne) == sent.size(); }));
  CHECK(ensemble[kTwo].messages(kOne) == sent);

  const std::vector<Message> pings = {
      {.session = {1, 2}, .body = Ping{.seq = 7, .commit = z}},
      {.session = {1, 2},
       .body = Pong{.seq = 7, .durable = z, .applied = {4, 1}, .installing = true}}};
  sent = pings;
  send_all();
  REQUIRE(ensemble.Until([&] { return ensemble[kTwo].received(kOne) == bodies.size() + 2; }));
  const std::vector<Message> got = ensemble[kTwo].messages(kOne);
  CHECK(std::vector<Message>(got.end() - 2, got.end()) == pings);
}

TEST_CASE("thousands of messages of all sizes arrive in order, both ways at once") {
  constexpr uint64_t kCount = 3000;
  const auto size_of = [](uint64_t i) -> size_t {
    return i % 500 == 0 ? 700'000 : i % 97 == 0 ? 262'144 : i % 7 * 100;
  };
  Ensemble ensemble({kOne, kTwo});
  REQUIRE(ensemble.UntilLinked(kOne, kTwo));
  for (uint64_t i = 1; i <= kCount; ++i) {
    ensemble[kOne].Send(kTwo, Numbered(i, size_of(i)));
    ensemble[kTwo].Send(kOne, Numbered(i, size_of(i)));
  }
  for (const Ends& ends : kBothWays) {
    const ContractPeer& reader = ensemble[ends.here];
    REQUIRE(ensemble.Until([&] { return reader.received(ends.there) == kCount; }));
    uint64_t expected = 0;
    bool in_order = true, whole = true;
    for (const Message& message : reader.messages(ends.there)) {
      in_order &= NumberOf(message) == ++expected;
      whole &= message.body == Numbered(expected, size_of(expected));
    }
    CHECK(in_order);
    CHECK(whole);
  }
}

TEST_CASE("one message goes to several peers") {
  Ensemble ensemble({kOne, kTwo, kThree});
  REQUIRE(ensemble.UntilLinked(kOne, kTwo));
  REQUIRE(ensemble.UntilLinked(kOne, kThree));
  const LinkId links[] = {*ensemble[kOne].link(kTwo), *ensemble[kOne].link(kThree)};
  ensemble[kOne].transport().Send(links, {.body = Numbered(1)});
  for (const ServerId sid : {kTwo, kThree}) {
    REQUIRE(ensemble.Until([&] { return ensemble[sid].received(kOne) == 1; }));
  }
}

TEST_CASE("pings keep their own order beside everything else") {
  Ensemble ensemble({kOne, kTwo});
  REQUIRE(ensemble.UntilLinked(kOne, kTwo));
  constexpr uint64_t kCount = 300;
  for (uint64_t i = 1; i <= kCount; ++i) {
    ensemble[kOne].Send(kTwo, Numbered(i, 10'000));
    ensemble[kOne].Send(kTwo, Ping{.seq = i});
  }
  REQUIRE(ensemble.Until([&] { return ensemble[kTwo].received(kOne) == 2 * kCount; }));
  uint64_t pings = 0, others = 0;
  bool in_order = true;
  for (const Message& message : ensemble[kTwo].messages(kOne)) {
    const Ping* ping = std::get_if<Ping>(&message.body);
    in_order &= ping != nullptr ? ping->seq == ++pings : NumberOf(message) == ++others;
  }
  CHECK(in_order);
}

TEST_CASE("a receiver may answer from inside its calls") {
  Ensemble ensemble({kOne, kTwo});
  ContractPeer& echo = ensemble[kTwo];
  echo.React([&echo](const LinkId& link, const Message& message) {
    echo.transport().Send(std::span(&link, 1), message);
  });
  REQUIRE(ensemble.UntilLinked(kOne, kTwo));
  for (uint64_t i = 1; i <= 100; ++i) ensemble[kOne].Send(kTwo, Numbered(i));
  REQUIRE(ensemble.Until([&] { return ensemble[kOne].received(kTwo) == 100; }));
  CHECK(ensemble[kOne].messages(kTwo) == ensemble[kTwo].messages(kOne));
}

TEST_CASE("what is sent to a dead link is dropped, and never reaches the next one") {
  Ensemble ensemble({kOne, kTwo});
  REQUIRE(ensemble.UntilLinked(kOne, kTwo));
  const LinkId old = *ensemble[kOne].link(kTwo), old_there = *ensemble[kTwo].link(kOne);
  const auto send_to_old = [&](uint64_t number) {
    ensemble[kOne].transport().Send(std::span(&old, 1), {.body = Numbered(number)});
  };
  for (uint64_t i = 1; i <= 100; ++i) send_to_old(i);
  ensemble[kOne].transport().DropLink(old);
  for (uint64_t i = 101; i <= 200; ++i) send_to_old(i);
  REQUIRE(ensemble.Until(
      [&] { return ensemble.Linked(kOne, kTwo) && *ensemble[kOne].link(kTwo) != old; }));
  send_to_old(201);
  ensemble[kOne].Send(kTwo, Numbered(1000));
  REQUIRE(ensemble.Until([&] { return ensemble[kTwo].received(kOne) > 0; }));
  CHECK(NumberOf(ensemble[kTwo].messages(kOne).front()) == 1000);
  // What the old link still carried is a beginning of what was sent before.
  uint64_t expected = 0;
  for (const Message& message : ensemble[kTwo].messages(old_there)) {
    CHECK(NumberOf(message) == ++expected);
  }
  CHECK(expected <= 100);
}

// --- notifications ---------------------------------------------------------------------

TEST_CASE("a new link begins with the newest announcement, and with no older one") {
  Ensemble ensemble({kOne, kTwo});
  const Notification full{.vote = {.epoch = 1, .zxid = {1, 2}, .leader = kTwo},
                          .round = 3,
                          .state = PeerState::kLeading,
                          .config = {1, 1},
                          .look_seq = 4,
                          .quorum_connected = true,
                          .amnesic = true};
  ensemble.Stop(kTwo);
  ensemble[kOne].transport().Notify(kTwo, {.round = 1});
  ensemble[kOne].transport().Notify(kTwo, full);
  ensemble.Start(IdentityOf(kTwo, 2));
  for (int life = 0; life < 3; ++life) {
    REQUIRE(ensemble.UntilLinked(kOne, kTwo));
    const LinkId link = *ensemble[kTwo].link(kOne);
    REQUIRE(ensemble.Until([&] { return !ensemble[kTwo].notifications(link).empty(); }));
    CHECK(ensemble[kTwo].notifications(link).front() == full);
    ensemble[kOne].transport().DropLink(*ensemble[kOne].link(kTwo));
    REQUIRE(ensemble.Until([&] { return ensemble[kTwo].link(kOne) != link; }));
  }
}

TEST_CASE("of many announcements the last one always arrives, and none after a newer") {
  Ensemble ensemble({kOne, kTwo});
  REQUIRE(ensemble.UntilLinked(kOne, kTwo));
  constexpr uint64_t kCount = 1000;
  const LinkId link = *ensemble[kTwo].link(kOne);
  for (uint64_t i = 1; i <= kCount; ++i) ensemble[kOne].transport().Notify(kTwo, {.round = i});
  REQUIRE(ensemble.Until([&] {
    const std::vector<Notification> got = ensemble[kTwo].notifications(link);
    return !got.empty() && got.back().round == kCount;
  }));
  const std::vector<Notification> got = ensemble[kTwo].notifications(link);
  CHECK(std::is_sorted(got.begin(), got.end(),
                       [](const auto& a, const auto& b) { return a.round < b.round; }));
}

// --- bounds ------------------------------------------------------------------------------

constexpr size_t kPiece = 64 << 10;

TEST_CASE("a receiver that holds less than the bound goes on receiving") {
  Ensemble ensemble({kOne, kTwo}, {.inbound_bytes_max = 1 << 20});
  REQUIRE(ensemble.UntilLinked(kOne, kTwo));
  ensemble[kTwo].HoldAll();
  for (uint64_t i = 1; i <= 8; ++i) ensemble[kOne].Send(kTwo, Numbered(i, kPiece));
  REQUIRE(ensemble.Until([&] { return ensemble[kTwo].received(kOne) == 8; }));
  ensemble[kTwo].Release();
  // What was released counts no more: far more than the bound passes in all.
  for (uint64_t i = 9; i <= 200; ++i) ensemble[kOne].Send(kTwo, Numbered(i, kPiece));
  REQUIRE(ensemble.Until([&] { return ensemble[kTwo].received(kOne) == 200; }));
  CHECK(ensemble[kOne].downs(kTwo) == 0);
}

TEST_CASE("reading waits while more than the bound is held, and the link stays") {
  constexpr size_t kBound = 1 << 20;
  constexpr uint64_t kCount = 100;
  Ensemble ensemble({kOne, kTwo}, {.outbound_bytes_max = 64 << 20, .inbound_bytes_max = kBound});
  REQUIRE(ensemble.UntilLinked(kOne, kTwo));
  ensemble[kTwo].HoldAll();
  for (uint64_t i = 1; i <= kCount; ++i) ensemble[kOne].Send(kTwo, Numbered(i, kPiece));
  REQUIRE(ensemble.Until([&] { return ensemble[kTwo].held_bytes() > kBound - kPiece; }));
  ensemble.world().Settle();
  CHECK(ensemble[kTwo].held_bytes() <= kBound + 2 * kPiece);
  ensemble[kTwo].Release();
  REQUIRE(ensemble.Until([&] { return ensemble[kTwo].received(kOne) == kCount; }));
  CHECK(ensemble[kOne].downs(kTwo) == 0);
}

TEST_CASE("what a peer has taken counts no more towards its bound") {
  Ensemble ensemble({kOne, kTwo}, {.outbound_bytes_max = 1 << 20});
  REQUIRE(ensemble.UntilLinked(kOne, kTwo));
  for (uint64_t i = 1; i <= 100; ++i) {
    ensemble[kOne].Send(kTwo, Numbered(i, kPiece));
    REQUIRE(ensemble.Until([&] { return ensemble[kTwo].received(kOne) == i; }));
  }
  CHECK(ensemble[kOne].downs(kTwo) == 0);
}

TEST_CASE("a peer too slow for the bound loses its link, and gets a new one") {
  Ensemble ensemble({kOne, kTwo}, {.outbound_bytes_max = 1 << 20, .inbound_bytes_max = 1 << 20});
  REQUIRE(ensemble.UntilLinked(kOne, kTwo));
  ensemble[kTwo].HoldAll();
  const LinkId link = *ensemble[kOne].link(kTwo);
  uint64_t sent = 0;
  // Beyond both bounds only what lies in between, such as socket buffers, fits.
  while (sent < 1000 && ensemble[kOne].downs(kTwo) == 0) {
    const Message message{.body = Numbered(++sent, kPiece)};
    ensemble[kOne].transport().Send(std::span(&link, 1), message);
  }
  REQUIRE(ensemble.Until([&] { return ensemble[kOne].downs(kTwo) == 1; }));
  REQUIRE(ensemble.Until([&] { return ensemble[kTwo].downs(kOne) == 1; }));
  ensemble[kTwo].Release();
  REQUIRE(ensemble.UntilLinked(kOne, kTwo));
  ensemble[kOne].Send(kTwo, Numbered(1));
  REQUIRE(ensemble.Until([&] { return ensemble[kTwo].received(kOne) == 1; }));
}

TEST_CASE("a hold may outlive its transport") {
  Ensemble ensemble({kOne, kTwo});
  REQUIRE(ensemble.UntilLinked(kOne, kTwo));
  ensemble[kTwo].HoldAll();
  ensemble[kOne].Send(kTwo, Numbered(1));
  REQUIRE(ensemble.Until([&] { return ensemble[kTwo].received(kOne) == 1; }));
  ensemble[kTwo].Shutdown();
  ensemble[kTwo].Release();
}

// --- who may have a link -------------------------------------------------------------------

TEST_CASE("a peer that has become somebody else is linked anew, as that") {
  Ensemble ensemble({kOne, kTwo});
  for (const Ends& ends : kBothWays) {
    REQUIRE(ensemble.UntilLinked(kOne, kTwo));
    ContractPeer& changed = ensemble[ends.here];
    const LinkId old = *changed.link(ends.there);
    Identity identity = IdentityOf(ends.here);
    identity.config = {9, 9};
    changed.transport().SetIdentity(identity);
    REQUIRE(ensemble.Until([&] {
      return ensemble.Linked(kOne, kTwo) && ensemble[ends.there].seen(ends.here) == identity;
    }));
    CHECK(*changed.link(ends.there) > old);
  }
}

TEST_CASE("a peer of another ensemble is refused until it belongs to ours") {
  constexpr EnsembleId kForeign{.high = 6, .low = 6};
  Ensemble ensemble({kOne, kTwo, kThree});
  for (const ServerId foreign : {kThree, kOne}) {
    ensemble.Start(IdentityOf(foreign, 2, kForeign));
    ensemble.world().Settle();
    CHECK(ensemble[foreign].ups(kTwo) == 0);
    CHECK(ensemble[kTwo].seen(foreign) != IdentityOf(foreign, 2, kForeign));
    ensemble[foreign].transport().SetIdentity(IdentityOf(foreign, 2));
    REQUIRE(ensemble.UntilLinked(foreign, kTwo));
    CHECK(ensemble[kTwo].seen(foreign) == IdentityOf(foreign, 2));
  }
}

TEST_CASE("a peer without an ensemble is linked: it may be founding") {
  Ensemble ensemble({kOne, kTwo, kThree});
  ensemble.Start(IdentityOf(kThree, 2, {}));
  ensemble.Start(IdentityOf(kOne, 2, {}));
  REQUIRE(ensemble.Until([&] {
    return ensemble[kTwo].seen(kThree) == IdentityOf(kThree, 2, {}) &&
           ensemble[kThree].seen(kOne) == IdentityOf(kOne, 2, {});
  }));
}

TEST_CASE("who is not a member is refused, until it is one") {
  Ensemble ensemble({kOne, kTwo, kThree});
  for (const ServerId stranger : {kThree, kOne}) {
    REQUIRE(ensemble.UntilLinked(stranger, kTwo));
    const ServerId friend_of_two = stranger == kOne ? kThree : kOne;
    ensemble[kTwo].SetMembers({kTwo, friend_of_two});
    REQUIRE(ensemble.Until([&] {
      return !ensemble[kTwo].link(stranger).has_value() &&
             !ensemble[stranger].link(kTwo).has_value();
    }));
    const int ups = ensemble[stranger].ups(kTwo);
    ensemble.world().Settle();
    CHECK_FALSE(ensemble[kTwo].link(stranger).has_value());
    CHECK(ensemble[kTwo].link(friend_of_two).has_value());
    ensemble[kTwo].SetMembers({kOne, kTwo, kThree});
    REQUIRE(ensemble.UntilLinked(stranger, kTwo));
    // The stranger never saw a link that its peer did not accept.
    CHECK(ensemble[stranger].ups(kTwo) == ups + 1);
  }
}

// --- snapshots -----------------------------------------------------------------------------

// What a sink was given, and the hold of the last piece.
struct Fetched {
  mutable std::mutex mutex;
  std::string bytes;
  int pieces = 0;
  bool keep = false;  // the holds
  Hold hold;
  bool complete = false;
  std::optional<absl::StatusCode> error;
  int calls_after_end = 0;

  QuorumTransport::SnapshotSink Sink(World* world) {
    return [this, world](absl::StatusOr<SnapshotChunk> chunk, Hold piece_hold) {
      {
        const std::lock_guard lock(mutex);
        if (complete || error.has_value()) ++calls_after_end;
        if (chunk.ok()) {
          bytes += chunk->bytes;
          ++pieces;
          complete = chunk->last;
          if (keep) hold = std::move(piece_hold);
        } else {
          error = chunk.status().code();
        }
      }
      piece_hold.reset();
      world->Wake();
    };
  }
  bool ended() const {
    const std::lock_guard lock(mutex);
    return complete || error.has_value();
  }
  int pieces_now() const {
    const std::lock_guard lock(mutex);
    return pieces;
  }
  void Release() {
    Hold released;
    const std::lock_guard lock(mutex);
    keep = false;
    released.swap(hold);
  }
};

std::string Snapshot() {
  std::string bytes;
  for (int i = 0; bytes.size() < 1'000'000; ++i) bytes += std::to_string(i) + " ";
  return bytes;
}

TEST_CASE("a snapshot is fetched whole, or from an offset on") {
  const std::string snapshot = Snapshot();
  Ensemble ensemble({kOne, kTwo});
  ensemble[kTwo].Serve(snapshot, 200'000);
  REQUIRE(ensemble.UntilLinked(kOne, kTwo));
  for (const uint64_t offset : {uint64_t{0}, uint64_t{333'333}, uint64_t{snapshot.size()}}) {
    Fetched fetched;
    ensemble[kOne].transport().FetchSnapshot(*ensemble[kOne].link(kTwo),
                                             {.snapshot = {1, 1}, .offset = offset},
                                             fetched.Sink(&ensemble.world()));
    REQUIRE(ensemble.Until([&] { return fetched.ended(); }));
    CHECK(fetched.complete);
    CHECK(fetched.bytes == snapshot.substr(offset));
    CHECK(fetched.calls_after_end == 0);
  }
}

TEST_CASE("what is wrong with a snapshot reaches whoever asked") {
  Ensemble ensemble({kOne, kTwo});
  REQUIRE(ensemble.UntilLinked(kOne, kTwo));
  Fetched fetched;
  ensemble[kTwo].transport().FetchSnapshot(*ensemble[kTwo].link(kOne), {.snapshot = {1, 1}},
                                           fetched.Sink(&ensemble.world()));
  REQUIRE(ensemble.Until([&] { return fetched.ended(); }));
  CHECK(fetched.error == absl::StatusCode::kNotFound);
  CHECK(ensemble[kOne].downs(kTwo) == 0);
}

TEST_CASE("the next piece is read when the one before is let go") {
  const std::string snapshot = Snapshot();
  Ensemble ensemble({kOne, kTwo});
  ensemble[kTwo].Serve(snapshot, 50'000);
  REQUIRE(ensemble.UntilLinked(kOne, kTwo));
  Fetched fetched;
  fetched.keep = true;
  ensemble[kOne].transport().FetchSnapshot(*ensemble[kOne].link(kTwo), {.snapshot = {1, 1}},
                                           fetched.Sink(&ensemble.world()));
  REQUIRE(ensemble.Until([&] { return fetched.pieces_now() == 1; }));
  ensemble.world().Settle();
  CHECK(fetched.pieces_now() == 1);
  CHECK(ensemble[kTwo].snapshot_questions() <= 2);  // one piece may be read ahead
  fetched.Release();
  REQUIRE(ensemble.Until([&] { return fetched.ended(); }));
  CHECK(fetched.bytes == snapshot);
}

TEST_CASE("a snapshot's transfer ends with its link, once") {
  Ensemble ensemble({kOne, kTwo});
  ensemble[kTwo].Serve(Snapshot(), 50'000);
  REQUIRE(ensemble.UntilLinked(kOne, kTwo));
  const LinkId link = *ensemble[kOne].link(kTwo);
  Fetched fetched;
  fetched.keep = true;
  ensemble[kOne].transport().FetchSnapshot(link, {.snapshot = {1, 1}},
                                           fetched.Sink(&ensemble.world()));
  REQUIRE(ensemble.Until([&] { return fetched.pieces_now() == 1; }));
  ensemble[kOne].transport().DropLink(link);
  REQUIRE(ensemble.Until([&] { return fetched.ended(); }));
  CHECK(fetched.error.has_value());
  fetched.Release();
  ensemble.world().Settle();
  CHECK(fetched.calls_after_end == 0);
}

TEST_CASE("a snapshot asked for on a dead link is refused") {
  Ensemble ensemble({kOne, kTwo});
  REQUIRE(ensemble.UntilLinked(kOne, kTwo));
  LinkId dead = *ensemble[kOne].link(kTwo);
  ++dead.seq;
  Fetched fetched;
  ensemble[kOne].transport().FetchSnapshot(dead, {.snapshot = {1, 1}},
                                           fetched.Sink(&ensemble.world()));
  REQUIRE(ensemble.Until([&] { return fetched.ended(); }));
  CHECK(fetched.error.has_value());
}

// --- the end ----------------------------------------------------------------------------------

TEST_CASE("after Shutdown no call comes, and the peers know") {
  Ensemble ensemble({kOne, kTwo, kThree});
  REQUIRE(ensemble.UntilLinked(kOne, kTwo));
  REQUIRE(ensemble.UntilLinked(kTwo, kThree));
  for (uint64_t i = 1; i <= 1000; ++i) {
    ensemble[kOne].Send(kTwo, Numbered(i, 100));
    ensemble[kTwo].Send(kThree, Numbered(i, 100));
  }
  ensemble[kTwo].Shutdown();  // a later call to its receiver is a violation
  for (const ServerId sid : {kOne, kThree}) {
    REQUIRE(ensemble.Until([&] { return !ensemble[sid].link(kTwo).has_value(); }));
  }
  ensemble[kTwo].Shutdown();
  ensemble.world().Settle();
}

TEST_CASE("a transport that was never started can be shut down") {
  const std::unique_ptr<World> world = NewWorld({});
  world->NewTransport(kOne)->Shutdown();
}

TEST_CASE("a transport cut off in the middle of everything shuts down cleanly") {
  Ensemble ensemble({kOne, kTwo});
  ensemble[kTwo].Serve(Snapshot(), 50'000);
  REQUIRE(ensemble.UntilLinked(kOne, kTwo));
  Fetched fetched;
  ensemble[kTwo].HoldAll();
  ensemble[kOne].transport().FetchSnapshot(*ensemble[kOne].link(kTwo), {.snapshot = {1, 1}},
                                           fetched.Sink(&ensemble.world()));
  for (uint64_t i = 1; i <= 500; ++i) ensemble[kOne].Send(kTwo, Numbered(i, kPiece));
  ensemble[kOne].transport().Notify(kTwo, {.round = 1});
  ensemble.Stop(kOne);
  const bool ended = fetched.ended();
  const int pieces = fetched.pieces_now();
  ensemble[kTwo].Release();
  ensemble.world().Settle();
  CHECK(fetched.ended() == ended);
  CHECK(fetched.pieces_now() == pieces);
}

}  // namespace
}  // namespace zkq::testing
