// The bytes of what only links know: frames, the handshake, transfers of snapshots.
#include "test/wire/golden.h"
#include "lib/link/codec.h"
#include "test/harness/catch.h"
#include "test/harness/script.h"
#include "zkq/v1/quorum.pb.h"
#include "zkq/wire.h"

namespace zkq::link {
namespace {

using testing::Command;
using testing::RunScript;
using testing::Schema;

const Identity kIdentity = {
    .sid = ServerId{1}, .boot = 3, .ensemble = {0xe1, 0xe2}, .disk = {0xd1, 0xd2}};
const Hello kHello = {1, 2, kIdentity, ServerId{2}, 9};
const HelloAck kHelloAck = {1, kIdentity};
const FetchRequest kFetch = {{ServerId{1}, 3, 9}, ServerId{2}, {4, 17}, 262'144};
const Chunk kChunk = {262'144, Payload(std::string("some bytes")), true};
const Refused kRefused = {RefusalCode::kElection, ServerId{2}};

// One packet of each kind that is no message: what a frame holds at least once.
std::string SampleFrame() {
  const std::string_view piece = "a piece";
  std::string frame;
  AppendPacket(1, EncodePacket(kHello), &frame);
  AppendPacket(1, EncodePacket(kHelloAck), &frame);
  AppendPacket(2, EncodePacket(Notification{.vote = {4, {4, 17}, ServerId{2}}}), &frame);
  AppendPacket(3, EncodePacket(Message{{7, 5}, Ack{{5, 0}}}), &frame);
  AppendFragmentHead(4, true, piece, &frame);
  return frame.append(piece);
}

const std::vector<Packet> kSample = {
    {1, kHello},
    {1, kHelloAck},
    {2, Notification{.vote = {4, {4, 17}, ServerId{2}}}},
    {3, Message{{7, 5}, Ack{{5, 0}}}},
    {4, Fragment{.last = true, .bytes = Payload(std::string("a piece"))}}};

std::vector<Packet> PacketsOf(const std::string& frame) {
  std::vector<Packet> packets;
  FrameReader reader{Payload(frame)};
  while (std::optional<Packet> packet = reader.Next()) packets.push_back(*std::move(packet));
  REQUIRE_FALSE(reader.malformed());
  return packets;
}

// The same of a packet alone: what a later version puts in changes its checksum.
void RequireReadFromLaterVersion(const Schema& schema) {
  const auto read = [&](const auto& sample) {
    const std::string later = schema.FromLaterVersion("Packet", EncodePacket(sample));
    const std::optional<Packet> packet = DecodePacket(Payload(later));
    REQUIRE(packet.has_value());
    REQUIRE(packet->body == PacketBody(sample));
  };
  read(kHello);
  read(kHelloAck);
  read(kFetch);
  read(kChunk);
  REQUIRE(DecodeRefused(schema.FromLaterVersion("Refused", Encode(kRefused))) == kRefused);
}

// protoc's code writes and reads these.
template <typename T>
std::string Golden(Schema* schema, const std::string& type, const T& sample) {
  T later;
  if (!later.ParseFromString(schema->FromLaterVersion(type, sample.SerializeAsString()))) {
    return "is not read from a later version, which has fields more";
  }
  return schema->Text(type, sample.SerializeAsString());
}

v1::AskRequest SampleQuestion() {
  v1::AskRequest request;
  request.mutable_ensemble()->set_high(0xe1);
  request.set_sid(1);
  request.mutable_disk()->set_high(0xd1);
  request.set_boot(3);
  request.set_kind("status");
  request.set_bytes("a question");
  request.set_to(2);
  return request;
}

v1::AskReply SampleAnswer() {
  v1::AskReply reply;
  reply.mutable_ensemble()->set_high(0xe1);
  reply.set_sid(2);
  reply.mutable_disk()->set_high(0xd2);
  reply.set_boot(4);
  reply.set_code(5);
  reply.set_text("no such kind");
  reply.set_bytes("an answer");
  return reply;
}

std::string GoldenText(Schema* schema, const Command& command) {
  if (command.name == "frame") {
    const std::string frame = SampleFrame();
    if (PacketsOf(frame) != kSample) return "is not read back as it was written";
    return schema->Text("Frame", frame);
  }
  if (command.name == "refused") {
    const std::string bytes = Encode(kRefused);
    if (DecodeRefused(bytes) != kRefused) return "is not read back as it was written";
    return schema->Text("Refused", bytes);
  }
  if (command.name == "knock") {
    v1::KnockRequest request;
    REQUIRE(request.mutable_from()->ParseFromString(Encode(kIdentity)));
    request.set_to(2);
    return Golden(schema, "KnockRequest", request);
  }
  if (command.name == "ask") return Golden(schema, "AskRequest", SampleQuestion());
  if (command.name == "answer") return Golden(schema, "AskReply", SampleAnswer());
  std::string frame;
  AppendPacket(1, command.name == "fetch" ? EncodePacket(kFetch) : EncodePacket(kChunk), &frame);
  const Packet sample{1, command.name == "fetch" ? PacketBody(kFetch) : PacketBody(kChunk)};
  if (PacketsOf(frame) != std::vector{sample}) return "is not read back as it was written";
  return schema->Text("Frame", frame);
}

TEST_CASE("each packet, and each message of an rpc, has a golden text and is written as it says") {
  Schema schema(ZKQ_TEST_DATA_DIR "/../../proto");
  REQUIRE(RunScript("testdata/golden.txt",
                    [&](const Command& command) { return GoldenText(&schema, command); }) == "");
  REQUIRE(schema.Unseen({"Frame", "Fragment", "Hello", "HelloAck", "Refused", "KnockRequest",
                         "KnockReply", "AskRequest", "AskReply", "FetchRequest", "Chunk"}) == "");
  RequireReadFromLaterVersion(schema);
}

}  // namespace
}  // namespace zkq::link
