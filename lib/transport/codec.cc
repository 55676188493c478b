// The encoder and the decoder walk the same list of fields (fields.h), so the
// two directions cannot come apart.
#include "lib/transport/codec.h"

#include <type_traits>
#include <utility>
#include <vector>

#include "lib/base/codec.h"
#include "lib/base/wire.h"
#include "lib/transport/fields.h"

namespace zkq::transport {
namespace {

// Enumerations travel as numbers; what lies behind the last is malformed.
constexpr uint64_t LastOf(ServerId) { return INT64_MAX; }
constexpr uint64_t LastOf(PeerState) { return static_cast<uint64_t>(PeerState::kObserving); }
constexpr uint64_t LastOf(RejectReason) { return static_cast<uint64_t>(RejectReason::kUnknown); }
constexpr uint64_t LastOf(SessionEndReason) {
  return static_cast<uint64_t>(SessionEndReason::kLeaving);
}
constexpr uint64_t LastOf(RefusalCode) { return static_cast<uint64_t>(RefusalCode::kShutDown); }

// --- encoding -----------------------------------------------------------------------

constexpr size_t TagSize(uint32_t field) { return wire::VarintSize(uint64_t{field} << 3); }
constexpr size_t BytesSize(uint32_t field, size_t size) {
  return TagSize(field) + wire::VarintSize(size) + size;
}

void AppendNumber(uint32_t field, wire::Type type, uint64_t value, std::string* out) {
  char bytes[2 * wire::kVarintMax];
  char* end = wire::PutVarint(bytes, (uint64_t{field} << 3) | static_cast<uint8_t>(type));
  end = wire::PutVarint(end, value);
  out->append(bytes, static_cast<size_t>(end - bytes));
}
// What stands before `size` bytes that follow.
void AppendHead(uint32_t field, size_t size, std::string* out) {
  AppendNumber(field, wire::Type::kBytes, size, out);
}

// How many bytes the Encoder is going to write: a nested message is preceded by
// its size, and nothing shall be copied to find out.
class Sizer {
 public:
  template <typename T>
  static size_t Of(const T& message) {
    Sizer sizer;
    Fields(sizer, message);
    return sizer.size_;
  }
  static size_t Of(const Id128& id) { return (id.high != 0 ? 9 : 0) + (id.low != 0 ? 9 : 0); }

  void operator()(uint32_t field, uint64_t value) {
    if (value != 0) size_ += TagSize(field) + wire::VarintSize(value);
  }
  template <typename T>
  requires std::is_enum_v<T>
  void operator()(uint32_t field, T value) { (*this)(field, static_cast<uint64_t>(value)); }
  void operator()(uint32_t field, const Payload& bytes) {
    if (bytes.size() != 0) size_ += BytesSize(field, bytes.size());
  }
  void operator()(uint32_t field, const std::optional<Epoch>& value) {
    if (value) size_ += TagSize(field) + wire::VarintSize(*value);
  }
  void operator()(uint32_t field, const std::vector<uint64_t>& values) {
    if (!values.empty()) size_ += BytesSize(field, 8 * values.size());
  }
  void operator()(uint32_t field, const Txn& txn) { size_ += BytesSize(field, txn.encoded.size()); }
  template <typename T>
  void operator()(uint32_t field, const std::vector<T>& values) {
    for (const T& value : values) (*this)(field, value);
  }
  template <typename T>
  requires std::is_class_v<T>
  void operator()(uint32_t field, const T& message) { size_ += BytesSize(field, Of(message)); }

 private:
  size_t size_ = 0;
};

class Encoder {
 public:
  explicit Encoder(std::string* out) : out_(*out), writer_(out) {}

  void operator()(uint32_t field, uint64_t value) { writer_.Varint(field, value); }
  template <typename T>
  requires std::is_enum_v<T>
  void operator()(uint32_t field, T value) { writer_.Varint(field, static_cast<uint64_t>(value)); }
  void operator()(uint32_t field, const Payload& bytes) { writer_.Bytes(field, bytes.view()); }
  // Present even when it is 0.
  void operator()(uint32_t field, const std::optional<Epoch>& value) {
    if (value) AppendNumber(field, wire::Type::kVarint, *value, &out_);
  }
  void operator()(uint32_t field, const std::vector<uint64_t>& values) {
    if (values.empty()) return;
    AppendHead(field, 8 * values.size(), &out_);
    char bytes[8];
    for (uint64_t value : values) {
      wire::PutLittleEndian64(bytes, value);
      out_.append(bytes, sizeof(bytes));
    }
  }
  void operator()(uint32_t field, const Txn& txn) { writer_.Message(field, txn.encoded.view()); }
  template <typename T>
  void operator()(uint32_t field, const std::vector<T>& values) {
    for (const T& value : values) (*this)(field, value);
  }
  void operator()(uint32_t field, const Id128& id) {
    AppendHead(field, Sizer::Of(id), &out_);
    writer_.Fixed64(1, id.high);
    writer_.Fixed64(2, id.low);
  }
  template <typename T>
  requires std::is_class_v<T>
  void operator()(uint32_t field, const T& message) {
    AppendHead(field, Sizer::Of(message), &out_);
    Fields(*this, message);
  }

 private:
  std::string& out_;
  wire::Writer writer_;
};

template <typename T>
std::string EncodeBody(const T& body) {
  std::string out;
  Encoder encoder(&out);
  encoder(kBodyField<T>, body);
  return out;
}

// A message that is in no packet.
template <typename T>
std::string EncodeFields(const T& message) {
  std::string out;
  Encoder encoder(&out);
  Fields(encoder, message);
  return out;
}

// --- decoding -----------------------------------------------------------------------

// Reads one message: for each field that comes, Fields() is walked and the one
// with its number taken. Later values of a field replace earlier ones, unknown
// fields are passed over, as in protobuf. (Protobuf merges repeated occurrences
// of a message field; nobody writes such a thing.)
class Decoder {
 public:
  Decoder(const Payload& owner, std::string_view bytes) : owner_(owner), in_(bytes) {}

  template <typename T>
  static bool Decode(const Payload& owner, std::string_view bytes, T* message) {
    Decoder decoder(owner, bytes);
    while (decoder.in_.Next()) Fields(decoder, *message);
    return decoder.in_.ok();
  }

  template <typename T>
  void operator()(uint32_t field, T& value) {
    if (in_.field() == field) Take(&value);
  }

 private:
  void Take(uint32_t* value) { *value = in_.Varint32(); }
  void Take(uint64_t* value) { *value = in_.Varint(); }
  void Take(int64_t* value) { *value = static_cast<int64_t>(in_.Varint()); }
  void Take(bool* value) { *value = in_.VarintUpTo(1) != 0; }
  template <typename T>
  requires std::is_enum_v<T>
  void Take(T* value) { *value = static_cast<T>(in_.VarintUpTo(LastOf(T{}))); }
  void Take(Payload* bytes) { *bytes = owner_.Part(in_.Bytes()); }
  void Take(std::optional<Epoch>* value) { *value = in_.Varint32(); }
  void Take(Id128* id) {
    *id = {};
    wire::Reader in(in_.Bytes());
    while (in.Next()) {
      if (in.field() == 1) id->high = in.Fixed64();
      if (in.field() == 2) id->low = in.Fixed64();
    }
    if (!in.ok()) in_.Fail();
  }
  void Take(std::vector<uint64_t>* values) {
    const std::string_view bytes = in_.Bytes();
    const size_t count = bytes.size() / 8;
    if (bytes.size() % 8 != 0 || count > kItemsMax || !values->empty()) {
      in_.Fail();
      return;
    }
    values->reserve(count);
    for (size_t i = 0; i < count; ++i) values->push_back(wire::LittleEndian64(&bytes[8 * i]));
  }
  void Take(std::vector<Txn>* txns) {
    std::optional<Txn> txn = DecodeTxn(owner_.Part(in_.Bytes()));
    if (!txn || txns->size() >= kItemsMax) {
      in_.Fail();
      return;
    }
    txns->push_back(*std::move(txn));
  }
  template <typename T>
  void Take(std::vector<T>* values) {
    if (values->size() >= kItemsMax) {
      in_.Fail();
      return;
    }
    Take(&values->emplace_back());
  }
  template <typename T>
  requires std::is_class_v<T>
  void Take(T* value) {
    *value = T{};
    if (!Decode(owner_, in_.Bytes(), value)) in_.Fail();
  }

  const Payload& owner_;
  wire::Reader in_;
};

// What the types cannot say.
bool Valid(const Proposal& proposal) {
  for (size_t i = 1; i < proposal.txns.size(); ++i) {
    if (proposal.txns[i].prev != proposal.txns[i - 1].zxid) return false;
  }
  return !proposal.txns.empty();
}
bool Valid(const AckEpoch& ack) { return ack.table.size() <= kEpochTableMax; }
bool Valid(const Identity& identity) { return identity.sid != kNoServer; }
bool Valid(const Hello& hello) { return Valid(hello.from) && hello.seq != 0; }
bool Valid(const HelloAck& ack) { return Valid(ack.from); }
bool Valid(const Refused& refused) { return refused.code != RefusalCode{}; }
template <typename T>
bool Valid(const T&) {
  return true;
}

template <typename T>
std::optional<T> DecodeValid(const Payload& owner, std::string_view bytes) {
  T value = {};
  if (!Decoder::Decode(owner, bytes, &value) || !Valid(value)) return std::nullopt;
  return value;
}

// Takes the body out of the field it is in, if it is T's.
template <typename T, typename Body>
bool TakeBody(const Payload& owner, wire::Reader* in, std::optional<Body>* body) {
  if (in->field() != kBodyField<T>) return false;
  std::optional<T> value = DecodeValid<T>(owner, in->Bytes());
  if (value && !*body) {
    *body = Body(*std::move(value));
  } else {
    in->Fail();
  }
  return true;
}

template <typename... Ts>
bool TakeMessageBody(const Payload& owner, wire::Reader* in, std::optional<MessageBody>* body,
                     std::variant<Ts...>*) {
  return (TakeBody<Ts>(owner, in, body) || ...);
}

}  // namespace

Lane LaneOf(const Packet& packet) {
  if (const Message* message = std::get_if<Message>(&packet.body)) return LaneOf(*message);
  if (std::holds_alternative<Notification>(packet.body)) return Lane::kLatest;
  if (std::holds_alternative<Fragment>(packet.body)) return Lane::kZab;
  return Lane::kControl;
}

std::string Encode(const Message& message) {
  std::string out;
  std::visit(
      [&]<typename T>(const T& body) {
        constexpr size_t kSessionBytes = 2 + 2 * wire::kVarintMax;
        out.reserve(kSessionBytes + BytesSize(kBodyField<T>, Sizer::Of(body)));
        wire::Writer writer(&out);
        writer.Varint(kSessionField, message.session.number);
        writer.Varint(kSessionEpochField, message.session.epoch);
        Encoder encoder(&out);
        encoder(kBodyField<T>, body);
      },
      message.body);
  return out;
}
std::string Encode(const Notification& notification) { return EncodeBody(notification); }
std::string Encode(const Hello& hello) { return EncodeBody(hello); }
std::string Encode(const HelloAck& ack) { return EncodeBody(ack); }

std::string EncodeIdentity(const Identity& identity) { return EncodeFields(identity); }

std::optional<Identity> DecodeIdentity(std::string_view bytes) {
  return DecodeValid<Identity>(Payload(), bytes);
}

std::string EncodeRefused(const Refused& refused) { return EncodeFields(refused); }

std::optional<Refused> DecodeRefused(std::string_view bytes) {
  return DecodeValid<Refused>(Payload(), bytes);
}

void AppendPacket(uint64_t seq, std::string_view encoded, std::string* frame) {
  AppendHead(kPacketsField, 1 + wire::VarintSize(seq) + encoded.size(), frame);
  AppendNumber(kSeqField, wire::Type::kVarint, seq, frame);
  frame->append(encoded);
}

void AppendFragmentHead(uint64_t seq, bool last, size_t size, std::string* frame) {
  const size_t body = (last ? 2 : 0) + BytesSize(kFragmentBytesField, size);
  AppendHead(kPacketsField, 1 + wire::VarintSize(seq) + BytesSize(kBodyField<Fragment>, body),
             frame);
  AppendNumber(kSeqField, wire::Type::kVarint, seq, frame);
  AppendHead(kBodyField<Fragment>, body, frame);
  if (last) AppendNumber(kFragmentLastField, wire::Type::kVarint, 1, frame);
  AppendHead(kFragmentBytesField, size, frame);
}

std::optional<Packet> DecodePacket(const Payload& bytes) {
  Packet packet;
  Session session;
  std::optional<PacketBody> other;
  std::optional<MessageBody> body;
  wire::Reader in(bytes.view());
  while (in.Next()) {
    if (in.field() == kSeqField) packet.seq = in.Varint();
    if (in.field() == kGroupField) in.VarintUpTo(0);
    if (in.field() == kSessionField) session.number = in.Varint();
    if (in.field() == kSessionEpochField) session.epoch = in.Varint32();
    if (TakeMessageBody(bytes, &in, &body, static_cast<MessageBody*>(nullptr))) continue;
    if (TakeBody<Notification>(bytes, &in, &other) || TakeBody<Fragment>(bytes, &in, &other)) {
      continue;
    }
    if (TakeBody<Hello>(bytes, &in, &other)) continue;
    TakeBody<HelloAck>(bytes, &in, &other);
  }
  if (!in.ok() || body.has_value() == other.has_value()) return std::nullopt;
  packet.body = body ? PacketBody(Message{session, *std::move(body)}) : *std::move(other);
  return packet;
}

std::optional<Packet> FrameReader::Next() {
  while (in_.Next()) {
    if (in_.field() != kPacketsField) continue;
    const std::string_view bytes = in_.Bytes();
    std::optional<Packet> packet;
    if (in_.ok()) packet = DecodePacket(frame_.Part(bytes));
    if (!packet) in_.Fail();
    return packet;
  }
  return std::nullopt;
}

}  // namespace zkq::transport
