// Packets and frames as bytes, and back: what a link puts around the messages of
// zkq/wire.h, and the handshake, which only links know (proto/zkq/v1/quorum.proto).
// What is decoded shares the buffer it came in.
//
// Total: whatever the bytes are, the result is a valid value or nothing. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "lib/wire/protobuf.h"
#include "zkq/message.h"

namespace zkq::link {

// The protocol versions this build speaks.
inline constexpr uint32_t kProtocolMin = 1;
inline constexpr uint32_t kProtocolMax = 1;

// Absent fields are 0 on the wire, so that is what members begin with.
struct Hello {
  uint32_t protocol_min = 0;
  uint32_t protocol_max = 0;
  Identity from = {};
  ServerId to{};     // whom the dialler means
  uint64_t seq = 0;  // LinkId::seq
  // The dialler is linked with this disk under that id, and wants another; none: there is no link.
  DiskId instead_of = {};
  friend bool operator==(const Hello&, const Hello&) = default;
};
struct HelloAck {
  uint32_t protocol = 0;
  Identity from = {};
  friend bool operator==(const HelloAck&, const HelloAck&) = default;
};
// Why a stream gets no link, or a knock is not heard: handshake.h and refusals.h.
enum class RefusalCode : uint8_t {
  kMalformed = 1,        // no handshake, or none that can be read
  kOwnId = 2,            // it has the id of who refuses
  kVersion = 3,          // no protocol version in common
  kForeignEnsemble = 4,  // both are founded, in two ensembles
  kMeantAnother = 5,     // the dialler wants another server
  kNotAMember = 6,
  kDialBack = 7,     // it is the other end's turn to dial, which it does now
  kWrongWay = 8,     // the larger id has knocked, where it should dial
  kOlder = 9,        // not newer than the live link to that server
  kSecondDisk = 10,  // another disk under its id has the id, and is linked
  kTooMany = 11,     // streams that have not said Hello yet
  kTooSlow = 12,     // no handshake in time
  kShutDown = 13,
  kElection = 14,  // it elects by another strategy
  kDialMe = 15,    // who is asked to dial cannot, or does not: who asks may
  kItself = 16,    // who asks is who answers: the same process
  kTooManyUnlisted = 17,
  kTooManyQuestions = 18,
  kSameDisk = 19,  // the dialler wants another than this one, with which it is linked
};
// All that a refused stranger is told.
struct Refused {
  RefusalCode code{};
  ServerId sid{};  // of who refuses
  friend bool operator==(const Refused&, const Refused&) = default;
};
// A piece of a message too large for one frame. All pieces of one message, put
// together, are what EncodePacket gave.
struct Fragment {
  bool last = false;
  Payload bytes = {};
  friend bool operator==(const Fragment&, const Fragment&) = default;
};

// What begins a transfer (incoming_transfer.h). The caller is named by the link that it
// shares with the called one, `to`.
struct FetchRequest {
  LinkId link = {};
  ServerId to{};
  Zxid snapshot = {};
  uint64_t offset = 0;
  friend bool operator==(const FetchRequest&, const FetchRequest&) = default;
};
// A piece of a snapshot file.
struct Chunk {
  uint64_t offset = 0;
  Payload bytes = {};
  bool last = false;  // the file ends with these bytes
  friend bool operator==(const Chunk&, const Chunk&) = default;
};

using PacketBody =
    std::variant<Message, Notification, Fragment, Hello, HelloAck, FetchRequest, Chunk>;
struct Packet {
  uint64_t seq = 0;  // of its lane; 0 in what EncodePacket gives
  PacketBody body = {};
  friend bool operator==(const Packet&, const Packet&) = default;
};
Lane LaneOf(const Packet& packet);

// A packet without its seq, which is the only thing that differs from link to
// link. A Message is one as zkq/wire.h encodes it.
std::string EncodePacket(const Message& message);
std::string EncodePacket(const Notification& notification);
std::string EncodePacket(const Hello& hello);
std::string EncodePacket(const HelloAck& ack);
std::string EncodePacket(const FetchRequest& request);
std::string EncodePacket(const Chunk& chunk);

std::string Encode(const Refused& refused);
// Nothing, too, if the code is one that this build does not know.
std::optional<Refused> DecodeRefused(std::string_view bytes);

// Adds a packet to a frame, with the checksum of all of it but its seq.
void AppendPacket(uint64_t seq, std::string_view encoded, std::string* frame);
// Adds a fragment packet up to where its bytes begin: exactly `bytes` must follow, and
// end the frame.
void AppendFragmentHead(uint64_t seq, bool last, std::string_view bytes, std::string* frame);

// One packet, as EncodePacket or AppendPacket make it; looks at no checksum. Payloads share
// its buffer.
std::optional<Packet> DecodePacket(const Payload& bytes);

// Takes the packets of one frame apart, one by one.
class FrameReader {
 public:
  explicit FrameReader(Payload frame) : frame_(std::move(frame)), in_(frame_.view()) {}
  // Nothing at the end of the frame, and for ever once it is malformed.
  std::optional<Packet> Next();
  bool malformed() const { return !in_.ok(); }
  // It is malformed because a packet is not what its checksum says.
  bool changed_on_its_way() const { return changed_; }

 private:
  Payload frame_;
  wire::Reader in_;
  bool changed_ = false;
};

}  // namespace zkq::link
