#include "lib/wire/message.h"

#include <utility>

#include "lib/wire/codec.h"
#include "zkq/wire.h"

namespace zkq {
namespace wire {
namespace {

constexpr uint32_t kSessionField = 3, kSessionEpochField = 4;  // of Packet

template <typename... Ts>
constexpr bool HasField(uint32_t field, const std::variant<Ts...>*) {
  return ((field == kBodyField<Ts>) || ...);
}

// Takes the body out of the field it is in, if it is T's.
template <typename T>
bool TakeBody(const Payload& owner, Reader* in, std::optional<MessageBody>* body) {
  if (in->field() != kBodyField<T>) return false;
  std::optional<T> value = DecodeFields<T>(owner, in->Bytes());
  if (value && !*body) {
    *body = *std::move(value);
  } else {
    in->Fail();
  }
  return true;
}

template <typename... Ts>
void TakeAnyBody(const Payload& owner, Reader* in, std::optional<MessageBody>* body,
                 const std::variant<Ts...>*) {
  (TakeBody<Ts>(owner, in, body) || ...);
}

constexpr const MessageBody* kAny = nullptr;

}  // namespace

bool IsMessageBody(uint32_t field) { return HasField(field, kAny); }

}  // namespace wire

inline namespace v1 {

std::string Encode(const Message& message) {
  std::string bytes;
  const auto write = [&](auto& encoder) {
    encoder(wire::kSessionField, message.session.number);
    encoder(wire::kSessionEpochField, message.session.epoch);
    std::visit([&]<typename T>(const T& body) { encoder(wire::kBodyField<T>, body); },
               message.body);
  };
  wire::AppendAll(write, &bytes);
  return bytes;
}

std::optional<Message> DecodeMessage(const Payload& bytes) {
  Session session;
  std::optional<MessageBody> body;
  wire::Reader in(bytes.view());
  while (in.Next()) {
    if (in.field() == wire::kSessionField) session.number = in.Varint();
    if (in.field() == wire::kSessionEpochField) session.epoch = in.Varint32();
    wire::TakeAnyBody(bytes, &in, &body, wire::kAny);
  }
  if (!in.ok() || !body) return std::nullopt;
  return Message{session, *std::move(body)};
}

std::string Encode(const Notification& notification) { return wire::EncodeFields(notification); }

std::optional<Notification> DecodeNotification(std::string_view bytes) {
  return wire::DecodeFields<Notification>(bytes);
}

std::string Encode(const Identity& identity) { return wire::EncodeFields(identity); }

std::optional<Identity> DecodeIdentity(std::string_view bytes) {
  return wire::DecodeFields<Identity>(bytes);
}

}  // namespace v1
}  // namespace zkq
