// What goes over the wire: the encoding of lib/wire and of links against protoc's, and
// against bytes that nobody sane has sent.
#include <string>

#include "lib/base/crc32c.h"
#include "lib/link/codec.h"
#include "lib/wire/disk.h"
#include "lib/wire/status.h"
#include "test/harness/catch.h"
#include "test/wire/random_messages.h"
#include "zkq/v1/quorum.pb.h"

namespace zkq::testing {
namespace {

using link::AppendFragmentHead;
using link::AppendPacket;
using link::Chunk;
using link::EncodePacket;
using link::FetchRequest;
using link::Fragment;
using link::FrameReader;
using link::Hello;
using link::HelloAck;
using link::Packet;
using link::PacketBody;

namespace pb = ::zkq::wire::v1;

constexpr int kRounds = 300;

// One packet of each kind.
std::vector<Packet> AnyPackets(RandomMessages* random) {
  std::vector<Packet> packets;
  for (size_t kind = 0; kind < kMessageKinds; ++kind) {
    packets.push_back({1 + random->Number(), random->AnyMessage(kind)});
    REQUIRE(std::get<Message>(packets.back().body).body.index() == kind);
  }
  packets.push_back({1 + random->Number(), random->AnyNotification()});
  packets.push_back({1, Hello{random->Small(), random->Small(), random->AnyIdentity(),
                              random->Sid(), 1 + random->Number(), random->AnyId()}});
  packets.push_back({1, HelloAck{random->Small(), random->AnyIdentity()}});
  packets.push_back({1, FetchRequest{{random->Sid(), random->Number(), random->Number()},
                                     random->Sid(),
                                     random->AnyZxid(),
                                     random->Number()}});
  packets.push_back({1 + random->Number(), Chunk{random->Number(), Payload(random->Bytes(50)),
                                                 random->Small() % 2 == 0}});
  return packets;
}

struct Encoding {
  std::string operator()(const Fragment& fragment) const {
    return std::string(fragment.bytes.view());  // never asked for
  }
  template <typename T>
  std::string operator()(const T& body) const {
    return EncodePacket(body);
  }
};

std::string FrameOf(const Packet& packet) {
  std::string frame;
  AppendPacket(packet.seq, std::visit(Encoding(), packet.body), &frame);
  return frame;
}

std::vector<Packet> PacketsOf(std::string frame, bool* malformed) {
  std::vector<Packet> packets;
  FrameReader reader{Payload(std::move(frame))};
  while (std::optional<Packet> packet = reader.Next()) packets.push_back(*std::move(packet));
  *malformed = reader.malformed();
  return packets;
}

TEST_CASE("every kind of packet comes back as it went") {
  for (uint64_t seed = 0; seed < kRounds; ++seed) {
    RandomMessages random(seed);
    for (const Packet& packet : AnyPackets(&random)) {
      bool malformed = true;
      REQUIRE(PacketsOf(FrameOf(packet), &malformed) == std::vector{packet});
      REQUIRE_FALSE(malformed);
    }
  }
}

TEST_CASE("protoc's code reads our frames and would write the same bytes") {
  for (uint64_t seed = 0; seed < kRounds; ++seed) {
    RandomMessages random(seed);
    std::string frame;
    const std::vector<Packet> packets = AnyPackets(&random);
    for (const Packet& packet : packets) frame += FrameOf(packet);
    v1::Frame parsed;
    REQUIRE(parsed.ParseFromString(frame));
    REQUIRE(parsed.packets_size() == static_cast<int>(packets.size()));
    REQUIRE(parsed.SerializeAsString() == frame);
  }
}

TEST_CASE("a frame is its packets one after the other, whoever joins them") {
  RandomMessages random(1);
  std::string frame;
  const std::vector<Packet> packets = AnyPackets(&random);
  for (const Packet& packet : packets) frame += FrameOf(packet);
  bool malformed = true;
  REQUIRE(PacketsOf(frame, &malformed) == packets);
  REQUIRE_FALSE(malformed);
}

// A field of Frame that is skipped would be a packet that is lost: no checksum covers its tag.
TEST_CASE("a bit of a frame that flips loses no packet unnoticed") {
  RandomMessages random(8);
  for (const Packet& packet : AnyPackets(&random)) {
    std::string frame = FrameOf(packet);
    for (size_t bit = 0; bit < frame.size() * 8; ++bit) {
      frame[bit / 8] = static_cast<char>(frame[bit / 8] ^ (1 << bit % 8));
      bool malformed = false;
      const std::vector<Packet> packets = PacketsOf(frame, &malformed);
      CAPTURE(bit);
      // Its place in the lane is not in the checksum: the lane notices.
      const bool only_seq = packets.size() == 1 && packets[0].body == packet.body;
      REQUIRE((malformed || (only_seq && packets[0].seq != packet.seq)));
      frame[bit / 8] = static_cast<char>(frame[bit / 8] ^ (1 << bit % 8));
    }
  }
}

// Field by field, so that two fields of one type cannot stand in for each other.
TEST_CASE("our fields are the ones of the same name in the schema") {
  const auto parse = [](const PacketBody& body) {
    v1::Frame frame;
    REQUIRE(frame.ParseFromString(FrameOf({7, body})));
    REQUIRE(frame.packets(0).seq() == 7);
    return frame.packets(0);
  };
  const auto message = [&](MessageBody body) {
    const v1::Packet packet = parse(Message{{8, 9}, std::move(body)});
    CHECK(packet.session() == 8);
    CHECK(packet.session_epoch() == 9);
    return packet;
  };
  const auto is = [](const pb::Zxid& zxid, uint32_t epoch, uint32_t counter) {
    return zxid.epoch() == epoch && zxid.counter() == counter;
  };

  const auto info =
      message(FollowerInfo{{1, ServerId{2}, 3}, 4, {5, 6}, 7, {8, 9}, LearnerKind::kObserver});
  CHECK(info.follower_info().accepted().epoch() == 1);
  CHECK(info.follower_info().accepted().leader() == 2);
  CHECK(info.follower_info().accepted().boot() == 3);
  CHECK(info.follower_info().current() == 4);
  CHECK(is(info.follower_info().last(), 5, 6));
  CHECK(info.follower_info().look_seq() == 7);
  CHECK(is(info.follower_info().config(), 8, 9));
  CHECK(info.follower_info().kind() == 1);
  CHECK(message(LeaderInfo{1, true}).leader_info().epoch() == 1);
  CHECK(message(LeaderInfo{1, true}).leader_info().decided());
  const auto ack_epoch = message(AckEpoch{0, {1, 2}, {3, 4}, {{5, 6}, {7, 8}}}).ack_epoch();
  CHECK(ack_epoch.has_current());
  CHECK_FALSE(message(AckEpoch{}).ack_epoch().has_current());
  CHECK(is(ack_epoch.last(), 1, 2));
  CHECK(is(ack_epoch.base(), 3, 4));
  CHECK(is(ack_epoch.table(1), 7, 8));
  CHECK(is(message(Diff{{1, 2}}).diff().last(), 1, 2));
  CHECK(is(message(Trunc{{1, 2}, {3, 4}}).trunc().after(), 1, 2));
  CHECK(is(message(Trunc{{1, 2}, {3, 4}}).trunc().last(), 3, 4));
  CHECK(is(message(Snap{{1, 2}}).snap().snapshot(), 1, 2));
  CHECK(is(message(NewLeader{{1, 2}, {3, 4}}).new_leader().last(), 1, 2));
  CHECK(is(message(NewLeader{{1, 2}, {3, 4}}).new_leader().commit(), 3, 4));
  CHECK(is(message(UpToDate{{1, 2}, {3, 4}}).up_to_date().commit(), 1, 2));
  CHECK(is(message(UpToDate{{1, 2}, {3, 4}}).up_to_date().last_proposed(), 3, 4));
  const Txn txn = EncodeTxn({1, 3}, {1, 2}, TxnKind::kNoop, {}, 4, "five");
  const auto proposal = message(Proposal{{txn}, {1, 2}}).proposal();
  CHECK(is(proposal.commit(), 1, 2));
  CHECK(proposal.batch().txns(0).counter() == 3);
  CHECK(is(message(Ack{{1, 2}}).ack().zxid(), 1, 2));
  CHECK(is(message(Commit{{1, 2}}).commit().zxid(), 1, 2));
  const auto request =
      message(Request{{MakeCall(1, Payload("one")), MakeCall(2, Payload("two"))}}).request();
  CHECK(request.calls(1).tag() == 2);
  CHECK(request.calls(1).kind() == 1);
  CHECK(request.calls(1).command_crc() == Crc32c("two"));
  CHECK(request.calls(1).command() == "two");
  const auto refusal = message(Refusal{{1, 2}, RejectReason::kTooLarge}).refusal();
  CHECK(refusal.tags(1) == 2);
  CHECK(refusal.reason() == 2);
  const auto change = message(Refusal{{1}, RejectReason::kNoQuorum, "two", {3, 4}}).refusal();
  CHECK(change.reason() == 7);
  CHECK(change.text() == "two");
  CHECK(change.servers(1) == 4);
  CHECK(message(ReadIndex{{1, 2}}).read_index().tags(0) == 1);
  CHECK(message(ReadIndexReply{{1, 2}, {3, 4}}).read_index_reply().tags(1) == 2);
  CHECK(is(message(ReadIndexReply{{1, 2}, {3, 4}}).read_index_reply().at(), 3, 4));
  CHECK(message(Ping{1, {2, 3}}).ping().seq() == 1);
  CHECK(is(message(Ping{1, {2, 3}}).ping().commit(), 2, 3));
  CHECK(message(Ping{1, {2, 3}, true}).ping().syncing());
  const auto pong =
      message(Pong{1, {2, 3}, {4, 5}, true, true, std::chrono::microseconds(6), 7}).pong();
  CHECK(pong.seq() == 1);
  CHECK(is(pong.durable(), 2, 3));
  CHECK(is(pong.applied(), 4, 5));
  CHECK(pong.installing());
  CHECK(pong.syncing());
  CHECK(pong.sync() == 6);
  CHECK(pong.taken() == 7);
  CHECK(message(SessionEnd{SessionEndReason::kGap}).session_end().reason() == 6);
  const auto activate = message(CommitAndActivate{{1, 2}, ServerId{3}}).commit_and_activate();
  CHECK(is(activate.zxid(), 1, 2));
  CHECK(activate.leader() == 3);
  const Membership next{{2, 3}, {{ServerId{4}}, {ServerId{5}}}};
  const auto asked = message(Reconfigure{1, next, std::chrono::microseconds(6)}).reconfigure();
  CHECK(asked.tag() == 1);
  CHECK(is(asked.next().version(), 2, 3));
  CHECK(asked.next().members(1).id() == 5);
  CHECK(asked.time_left() == 6);

  const auto notified = parse(Notification{{1, {2, 3}, ServerId{4}},
                                           5,
                                           PeerState::kLeading,
                                           Zxid{6, 7},
                                           8,
                                           true,
                                           false,
                                           Membership{{6, 7}, {}},
                                           Membership{{9, 10}, {}}})
                            .notification();
  CHECK(notified.vote().epoch() == 1);
  CHECK(is(notified.vote().zxid(), 2, 3));
  CHECK(notified.vote().leader() == 4);
  CHECK(notified.round() == 5);
  CHECK(notified.state() == 2);
  CHECK(is(notified.config(), 6, 7));
  CHECK(notified.look_seq() == 8);
  CHECK(notified.quorum_connected());
  CHECK_FALSE(notified.amnesic());
  CHECK(is(notified.membership().version(), 6, 7));
  CHECK(is(notified.pending().version(), 9, 10));

  const Identity identity{.sid = ServerId{1},
                          .boot = 2,
                          .ensemble = {3, 4},
                          .disk = {5, 6},
                          .former_disk = {20, 21},
                          .config = Zxid{12, 13},
                          .founding = {10, 11},
                          .seen = {14, 15},
                          .election = "fast",
                          .features = 16,
                          .tick = std::chrono::microseconds(17),
                          .init_limit = 18,
                          .sync_limit = 19};
  const auto hello = parse(Hello{1, 2, identity, ServerId{3}, 4, {22, 23}}).hello();
  CHECK(hello.protocol_min() == 1);
  CHECK(hello.protocol_max() == 2);
  CHECK(hello.to() == 3);
  CHECK(hello.stream_seq() == 4);
  CHECK(hello.instead_of().low() == 23);
  CHECK(hello.from().sid() == 1);
  CHECK(hello.from().boot() == 2);
  CHECK(hello.from().ensemble().high() == 3);
  CHECK(hello.from().ensemble().low() == 4);
  CHECK(hello.from().disk().low() == 6);
  CHECK(hello.from().former_disk().low() == 21);
  CHECK(hello.from().founding().low() == 11);
  CHECK(hello.from().seen().low() == 15);
  CHECK(is(hello.from().config(), 12, 13));
  CHECK(hello.from().election() == "fast");
  CHECK(hello.from().features() == 16);
  CHECK(hello.from().tick() == 17);
  CHECK(hello.from().init_limit() == 18);
  CHECK(hello.from().sync_limit() == 19);
  CHECK(parse(HelloAck{5, identity}).hello_ack().protocol() == 5);
}

TEST_CASE("a refusal is protoc's message of the same fields and codes") {
  using link::RefusalCode;
  for (int code = pb::RefusalCode_MIN + 1; code <= pb::RefusalCode_MAX; ++code) {
    const link::Refused refused{static_cast<RefusalCode>(code), ServerId{7}};
    pb::Refused message;
    REQUIRE(message.ParseFromString(Encode(refused)));
    CHECK(message.code() == code);
    CHECK(message.sid() == 7);
    CHECK(link::DecodeRefused(message.SerializeAsString()) == refused);
  }
  CHECK(pb::REFUSAL_CODE_ELECTION == static_cast<int>(RefusalCode::kElection));
  pb::Refused message;
  CHECK_FALSE(link::DecodeRefused(message.SerializeAsString()).has_value());
  message.set_code(static_cast<pb::RefusalCode>(pb::RefusalCode_MAX + 1));
  CHECK_FALSE(link::DecodeRefused(message.SerializeAsString()).has_value());
  CHECK_FALSE(link::DecodeRefused("\xff").has_value());
}

TEST_CASE("transactions are protobuf messages, byte for byte") {
  RandomMessages random(2);
  for (int i = 0; i < kRounds; ++i) {
    const Txn txn =
        random.AnyTxn({1 + random.Small() % 9, 1 + random.Small() % 9}, random.AnyZxid());
    pb::Batch batch;
    REQUIRE(batch.ParseFromString(std::string(txn.encoded.view())));
    REQUIRE(batch.SerializeAsString() == txn.encoded.view());
    REQUIRE(batch.txns_size() == 1);
    const pb::Txn& parsed = batch.txns(0);
    REQUIRE(Zxid{parsed.epoch(), parsed.counter()} == txn.zxid);
    REQUIRE(Zxid{parsed.prev_epoch(), parsed.prev_counter()} == txn.prev);
    REQUIRE(parsed.kind() == static_cast<uint32_t>(txn.kind));
    REQUIRE(Origin{ServerId{parsed.origin_sid()}, parsed.origin_boot(), parsed.origin_call()} ==
            txn.origin);
    REQUIRE(parsed.leader_time() == txn.leader_time);
    REQUIRE(parsed.command_crc() == Crc32c(txn.command.view()));
    REQUIRE(parsed.command() == txn.command.view());
    REQUIRE(DecodeTxn(Payload(batch.SerializeAsString())) == txn);
  }
}

HardState AnyState(RandomMessages* random) {
  return {.ensemble = random->AnyId(),
          .sid = random->Sid(),
          .disk = random->AnyId(),
          .former_disk = random->AnyId(),
          .boot = random->Number(),
          .accepted = random->AnyPromise(),
          .current = random->Small(),
          .config = {random->AnyZxid(), random->Members()},
          .listed = random->Flag()};
}

TEST_CASE("hard state is a protobuf message, byte for byte") {
  RandomMessages random(3);
  for (int i = 0; i < kRounds; ++i) {
    const HardState state = AnyState(&random);
    pb::HardState parsed;
    REQUIRE(parsed.ParseFromString(EncodeHardState(state)));
    REQUIRE(parsed.SerializeAsString() == EncodeHardState(state));
    REQUIRE(ServerId{parsed.sid()} == state.sid);
    REQUIRE(parsed.disk().high() == state.disk.high);
    REQUIRE(parsed.boot() == state.boot);
    REQUIRE(parsed.accepted().epoch() == state.accepted.epoch);
    REQUIRE(parsed.current() == state.current);
    REQUIRE(parsed.config().version().counter() == state.config.version.counter);
    REQUIRE(parsed.config().members_size() == static_cast<int>(state.config.members.size()));
    REQUIRE(DecodeHardState(parsed.SerializeAsString()) == state);
  }
}

TEST_CASE("payloads share the buffer of the frame they came in") {
  RandomMessages random(4);
  Payload frame(FrameOf({1, random.AnyMessage(8)}));
  const std::string_view all = frame.view();
  const std::optional<Packet> packet = FrameReader(frame).Next();
  REQUIRE(packet.has_value());
  for (const Txn& txn : std::get<Proposal>(std::get<Message>(packet->body).body).txns) {
    REQUIRE(txn.encoded.view().data() >= all.data());
    REQUIRE(txn.encoded.view().data() + txn.encoded.size() <= all.data() + all.size());
  }
}

TEST_CASE("the head of a fragment is what protoc would write before its bytes") {
  for (const size_t size : {size_t{1}, size_t{127}, size_t{128}, size_t{300'000}}) {
    for (const bool last : {false, true}) {
      std::string frame;
      const std::string bytes(size, 'x');
      AppendFragmentHead(1234, last, bytes, &frame);
      frame += bytes;
      v1::Frame parsed;
      REQUIRE(parsed.ParseFromString(frame));
      REQUIRE(parsed.SerializeAsString() == frame);
      REQUIRE(parsed.packets(0).fragment().last() == last);
      bool malformed = true;
      const Packet packet{1234, Fragment{last, Payload(bytes)}};
      REQUIRE(PacketsOf(frame, &malformed) == std::vector{packet});
    }
  }
}

TEST_CASE("a frame that is cut anywhere is malformed") {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    RandomMessages random(seed);
    for (const Packet& packet : AnyPackets(&random)) {
      const std::string frame = FrameOf(packet);
      for (size_t size = 1; size < frame.size(); ++size) {
        bool malformed = false;
        PacketsOf(frame.substr(0, size), &malformed);
        REQUIRE(malformed);
      }
    }
  }
}

// A number that was changed leaves a gap in its lane (Inbound), as does a packet that no
// longer is one.
TEST_CASE("of a packet no bit but its number changes unnoticed") {
  RandomMessages random(9);
  size_t noticed = 0;
  for (const Packet& packet : AnyPackets(&random)) {
    const std::string frame = FrameOf(packet);
    for (size_t bit = 0; bit < 8 * frame.size(); ++bit) {
      std::string flipped = frame;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      FrameReader reader{Payload(flipped)};
      while (std::optional<Packet> decoded = reader.Next()) {
        REQUIRE(decoded->seq != packet.seq);
        REQUIRE(decoded->body == packet.body);
      }
      if (reader.changed_on_its_way()) ++noticed;
    }
  }
  REQUIRE(noticed > 1000);
}

TEST_CASE("no flipped bit makes decoding more than fail") {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    RandomMessages random(seed);
    for (const Packet& packet : AnyPackets(&random)) {
      const std::string bytes = std::visit(Encoding(), packet.body);
      for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
        std::string flipped = bytes;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
        // Whatever still decodes is a value that goes over the wire again.
        const std::optional<Packet> decoded = link::DecodePacket(Payload(flipped));
        if (decoded && !std::holds_alternative<Fragment>(decoded->body)) FrameOf(*decoded);
      }
    }
  }
}

TEST_CASE("random bytes are not a frame, and do no harm") {
  RandomMessages random(5);
  for (int i = 0; i < 20'000; ++i) {
    bool malformed = false;
    PacketsOf(random.Bytes(64), &malformed);
    DecodeIdentity(random.Bytes(64));
    DecodeTxn(Payload(random.Bytes(64)));
    DecodeHardState(random.Bytes(64));
  }
}

void Add(const Txn& txn, pb::Proposal* proposal) {
  pb::Batch one;
  REQUIRE(one.ParseFromString(std::string(txn.encoded.view())));
  proposal->mutable_batch()->MergeFrom(one);
}

TEST_CASE("values outside their range are malformed") {
  const auto refused = [](const std::function<void(v1::Packet*)>& fill) {
    v1::Packet packet;
    fill(&packet);
    std::string frame;
    AppendPacket(1, packet.SerializeAsString(), &frame);
    bool malformed = false;
    return PacketsOf(frame, &malformed).empty() && malformed;
  };
  CHECK(refused([](v1::Packet*) {}));  // no body
  CHECK(refused([](v1::Packet* p) { p->mutable_notification()->set_state(4); }));
  CHECK(refused([](v1::Packet* p) { p->mutable_session_end()->set_reason(13); }));
  CHECK(refused([](v1::Packet* p) { p->mutable_refusal()->set_reason(10); }));
  CHECK(refused([](v1::Packet* p) { p->mutable_request()->add_calls(); }));  // of no kind
  CHECK(refused([](v1::Packet* p) { p->mutable_proposal(); }));              // without a txn
  CHECK(refused([](v1::Packet* p) { p->mutable_proposal()->mutable_batch()->add_txns(); }));
  CHECK(refused([](v1::Packet* p) {
    RandomMessages random(6);
    Add(random.AnyTxn({2, 5}, {2, 4}), p->mutable_proposal());
    p->mutable_proposal()->mutable_commit()->set_epoch(2);  // above the last of the batch
    p->mutable_proposal()->mutable_commit()->set_counter(6);
  }));
  CHECK(refused([](v1::Packet* p) {
    for (int i = 0; i < 65; ++i) p->mutable_ack_epoch()->add_table();
  }));
  CHECK(refused([](v1::Packet* p) { p->mutable_ack(), p->set_group(1); }));
  CHECK(refused([](v1::Packet* p) { p->mutable_hello()->set_stream_seq(1); }));  // of nobody
  CHECK(refused([](v1::Packet* p) {
    p->mutable_hello()->mutable_from()->set_sid(uint64_t{1} << 63);
    p->mutable_hello()->set_stream_seq(1);
  }));
  CHECK(refused([](v1::Packet* p) {
    RandomMessages random(6);
    Add(random.AnyTxn({2, 5}, {2, 4}), p->mutable_proposal());
    Add(random.AnyTxn({2, 7}, {2, 6}), p->mutable_proposal());
  }));
}

TEST_CASE("fields of a newer version are passed over in a packet, and malformed in a frame") {
  RandomMessages random(7);
  for (const Packet& packet : AnyPackets(&random)) {
    std::string bytes = std::visit(Encoding(), packet.body);
    bytes += std::string("\xf8\x07\x01", 3);          // field 127, a number
    bytes += std::string("\xfa\x07\x03", 3) + "new";  // field 127, bytes
    std::string newer;
    AppendPacket(packet.seq, bytes, &newer);
    bool malformed = true;
    REQUIRE(PacketsOf(newer, &malformed) == std::vector{packet});
    REQUIRE_FALSE(malformed);
    newer += std::string("\xfa\x07\x00", 3);
    REQUIRE(PacketsOf(newer, &malformed) == std::vector{packet});
    REQUIRE(malformed);
  }
}

ErrorReport AnyError(RandomMessages* random) {
  return {random->Small(), random->Bytes(20), random->Bytes(20)};
}
std::chrono::microseconds AnyTime(RandomMessages* random) {
  return std::chrono::microseconds(random->Number() >> 1);
}
LinkReport AnyLink(RandomMessages* random) {
  return {random->Sid(),
          static_cast<MemberType>(random->Below(2)),
          static_cast<Standing>(random->Below(5)),
          random->Flag(),
          AnyTime(random),
          AnyError(random),
          AnyTime(random),
          random->AnyZxid(),
          random->AnyZxid(),
          random->Number(),
          random->Number(),
          random->Flag()};
}
StatusReport AnyStatus(RandomMessages* random) {
  StatusReport report{.id = random->Sid(),
                      .state = static_cast<PeerState>(random->Below(4)),
                      .phase = static_cast<ZabPhase>(random->Below(4)),
                      .standing = static_cast<Standing>(random->Below(5)),
                      .leader = ServerId{random->Number()},
                      .epoch = random->Small(),
                      .last_logged = random->AnyZxid(),
                      .last_committed = random->AnyZxid(),
                      .last_applied = random->AnyZxid(),
                      .last_snapshot = random->AnyZxid(),
                      .staleness = AnyTime(random),
                      .transactions_behind = random->Number(),
                      .membership = {random->AnyZxid(), random->Members()},
                      .ensemble = random->AnyId(),
                      .listen_address = random->Bytes(20),
                      .outstanding_bytes = random->Number(),
                      .last_sync_latency = AnyTime(random),
                      .ready = AnyError(random),
                      .health = AnyError(random),
                      .halted = random->Flag(),
                      .changing = random->Flag()};
  if (random->Flag()) report.leads = random->Small();
  for (uint64_t i = random->Below(4); i > 0; --i) report.links.push_back(AnyLink(random));
  return report;
}

TEST_CASE("what a server tells from outside is protobuf, byte for byte") {
  RandomMessages random(9);
  for (int i = 0; i < kRounds; ++i) {
    const StatusReport status = AnyStatus(&random);
    pb::StatusReport parsed;
    REQUIRE(parsed.ParseFromString(EncodeStatusReport(status)));
    REQUIRE(parsed.SerializeAsString() == EncodeStatusReport(status));
    REQUIRE(parsed.has_leads() == status.leads.has_value());
    REQUIRE(parsed.ready().text() == status.ready.text);
    REQUIRE(DecodeStatusReport(parsed.SerializeAsString()) == status);

    const ChangeRequest request{{random.AnyZxid(), random.Members()}, AnyTime(&random)};
    pb::ChangeRequest asked;
    REQUIRE(asked.ParseFromString(EncodeChangeRequest(request)));
    REQUIRE(asked.SerializeAsString() == EncodeChangeRequest(request));
    REQUIRE(DecodeChangeRequest(asked.SerializeAsString()) == request);

    const ChangeReport report{AnyError(&random), {random.AnyZxid(), random.Members()}};
    pb::ChangeReport answer;
    REQUIRE(answer.ParseFromString(EncodeChangeReport(report)));
    REQUIRE(answer.SerializeAsString() == EncodeChangeReport(report));
    REQUIRE(DecodeChangeReport(answer.SerializeAsString()) == report);
  }
  StatusReport status = AnyStatus(&random);
  status.standing = static_cast<Standing>(5);
  REQUIRE_FALSE(DecodeStatusReport(EncodeStatusReport(status)).has_value());
}

TEST_CASE("an identity comes back as it went") {
  RandomMessages random(8);
  for (int i = 0; i < kRounds; ++i) {
    const Identity identity = random.AnyIdentity();
    REQUIRE(DecodeIdentity(Encode(identity)) == identity);
    pb::Identity parsed;
    REQUIRE(parsed.ParseFromString(Encode(identity)));
    REQUIRE(parsed.SerializeAsString() == Encode(identity));
  }
  REQUIRE_FALSE(DecodeIdentity("").has_value());
}

}  // namespace
}  // namespace zkq::testing
