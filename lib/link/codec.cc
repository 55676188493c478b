#include "lib/link/codec.h"

#include <utility>

#include "lib/base/crc32c.h"
#include "lib/wire/codec.h"
#include "lib/wire/message.h"
#include "zkq/wire.h"

namespace zkq::link {

// --- the fields, as in lib/wire/fields.h ------------------------------------------------

void Fields(auto& io, wire::Is<Hello> auto& m) {
  io(1, m.protocol_min);
  io(2, m.protocol_max);
  io(3, m.from);
  io(4, m.to);
  io(5, m.seq);
  io(6, m.instead_of);
}
void Fields(auto& io, wire::Is<HelloAck> auto& m) {
  io(1, m.protocol);
  io(2, m.from);
}
void Fields(auto& io, wire::Is<Refused> auto& m) {
  io(1, m.code);
  io(2, m.sid);
}
void Fields(auto& io, wire::Is<Fragment> auto& m) {
  io(1, m.last);
  io(2, m.bytes);
}
void Fields(auto& io, wire::Is<FetchRequest> auto& m) {
  io(1, m.link.sid);
  io(2, m.link.boot);
  io(3, m.link.seq);
  io(4, m.to);
  io(5, m.snapshot);
  io(6, m.offset);
}
void Fields(auto& io, wire::Is<Chunk> auto& m) {
  io(1, m.offset);
  io(2, m.bytes);
  io(3, m.last);
}
bool Valid(const Hello& hello) { return hello.from.sid != kNoServer && hello.seq != 0; }
bool Valid(const HelloAck& ack) { return ack.from.sid != kNoServer; }
bool Valid(const Refused& refused) { return refused.code != RefusalCode{}; }
constexpr uint64_t LastOf(RefusalCode) { return static_cast<uint64_t>(RefusalCode::kSameDisk); }

namespace {

constexpr uint32_t kPacketsField = 1;                               // of Frame
constexpr uint32_t kSeqField = 1, kCrcField = 2, kGroupField = 15;  // of Packet
constexpr uint32_t kFragmentLastField = 1, kFragmentBytesField = 2;

// The field of Packet's oneof that each body has, where it is not a Message's.
constexpr uint32_t BodyField(const Notification*) { return 11; }
constexpr uint32_t BodyField(const Fragment*) { return 12; }
constexpr uint32_t BodyField(const Hello*) { return 13; }
constexpr uint32_t BodyField(const HelloAck*) { return 14; }
constexpr uint32_t BodyField(const FetchRequest*) { return 30; }
constexpr uint32_t BodyField(const Chunk*) { return 31; }
template <typename T>
constexpr uint32_t kBodyField = BodyField(static_cast<const T*>(nullptr));

// What stands in a frame before the `size` bytes of a packet that its checksum covers.
void AppendHead(uint64_t seq, uint32_t crc, size_t size, std::string* frame) {
  const auto head = [&](auto& encoder) {
    encoder.Number(kSeqField, seq);
    encoder.Checksum(kCrcField, crc);
  };
  const auto write = [&](auto& encoder) {
    encoder.Head(kPacketsField, wire::SizeOfAll(head) + size);
    head(encoder);
  };
  wire::AppendAll(write, frame);
}

bool FitsChecksum(std::string_view packet) {
  wire::Reader in(packet);
  if (!in.Next() || in.field() != kSeqField || !in.Next() || in.field() != kCrcField) return false;
  const uint32_t crc = in.Fixed32();
  return in.ok() && crc == Crc32c(packet.substr(packet.size() - in.rest()));
}

template <typename T>
std::string EncodeBody(const T& body) {
  std::string bytes;
  wire::AppendAll([&](auto& encoder) { encoder(kBodyField<T>, body); }, &bytes);
  return bytes;
}

// Takes the body out of the field it is in, if it is T's.
template <typename T>
bool TakeBody(const Payload& owner, wire::Reader* in, std::optional<PacketBody>* body) {
  if (in->field() != kBodyField<T>) return false;
  std::optional<T> value = wire::DecodeFields<T>(owner, in->Bytes());
  if (value && !*body) {
    *body = PacketBody(*std::move(value));
  } else {
    in->Fail();
  }
  return true;
}
template <typename... T>
void TakeAnyOf(const Payload& owner, wire::Reader* in, std::optional<PacketBody>* body) {
  (TakeBody<T>(owner, in, body) || ...);
}

}  // namespace

Lane LaneOf(const Packet& packet) {
  if (const Message* message = std::get_if<Message>(&packet.body)) return LaneOf(*message);
  if (std::holds_alternative<Notification>(packet.body)) return Lane::kLatest;
  const bool pieces =
      std::holds_alternative<Fragment>(packet.body) || std::holds_alternative<Chunk>(packet.body);
  return pieces ? Lane::kZab : Lane::kControl;
}

std::string EncodePacket(const Message& message) { return Encode(message); }
std::string EncodePacket(const Notification& notification) { return EncodeBody(notification); }
std::string EncodePacket(const Hello& hello) { return EncodeBody(hello); }
std::string EncodePacket(const HelloAck& ack) { return EncodeBody(ack); }
std::string EncodePacket(const FetchRequest& request) { return EncodeBody(request); }
std::string EncodePacket(const Chunk& chunk) { return EncodeBody(chunk); }

std::string Encode(const Refused& refused) { return wire::EncodeFields(refused); }

std::optional<Refused> DecodeRefused(std::string_view bytes) {
  return wire::DecodeFields<Refused>(bytes);
}

void AppendPacket(uint64_t seq, std::string_view encoded, std::string* frame) {
  AppendHead(seq, Crc32c(encoded), encoded.size(), frame);
  frame->append(encoded);
}

void AppendFragmentHead(uint64_t seq, bool last, std::string_view bytes, std::string* frame) {
  const auto body = [&](auto& encoder) {
    encoder(kFragmentLastField, last);
    encoder.Head(kFragmentBytesField, bytes.size());
  };
  std::string head;
  const auto packet = [&](auto& encoder) {
    encoder.Head(kBodyField<Fragment>, wire::SizeOfAll(body) + bytes.size());
    body(encoder);
  };
  wire::AppendAll(packet, &head);
  AppendHead(seq, Crc32c(bytes, Crc32c(head)), head.size() + bytes.size(), frame);
  frame->append(head);
}

std::optional<Packet> DecodePacket(const Payload& bytes) {
  Packet packet;
  std::optional<PacketBody> body;
  bool has_message = false;
  wire::Reader in(bytes.view());
  while (in.Next()) {
    if (in.field() == kSeqField) packet.seq = in.Varint();
    if (in.field() == kGroupField) in.VarintUpTo(0);
    has_message |= wire::IsMessageBody(in.field());
    TakeAnyOf<Notification, Fragment, Hello, HelloAck, FetchRequest, Chunk>(bytes, &in, &body);
  }
  if (!in.ok() || has_message == body.has_value()) return std::nullopt;
  if (has_message) {
    std::optional<Message> message = DecodeMessage(bytes);
    if (!message) return std::nullopt;
    body = *std::move(message);
  }
  packet.body = *std::move(body);
  return packet;
}

std::optional<Packet> FrameReader::Next() {
  if (!in_.Next()) return std::nullopt;
  // No checksum covers a packet's tag. Were another field skipped, one flipped bit in the tag
  // would lose the packet unnoticed.
  if (in_.field() != kPacketsField) in_.Fail();
  const std::string_view bytes = in_.Bytes();
  std::optional<Packet> packet;
  changed_ = in_.ok() && !FitsChecksum(bytes);
  if (in_.ok() && !changed_) packet = DecodePacket(frame_.Part(bytes));
  if (!packet) in_.Fail();
  return packet;
}

}  // namespace zkq::link
