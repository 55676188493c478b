// Encoder and Decoder: walk the list of fields of a message (fields.h), one to write
// its bytes, one to read them. So the two directions cannot come apart.
//
// A message is measured before it is written: what is nested is preceded by its size,
// and the buffer is allocated once. Zeros and empty bytes are omitted, as in proto3;
// messages, even empty ones, are not.
//
// Decoding is the one place where bytes from a peer or a disk become values. It is
// total: whatever the bytes are, the result is a valid value or nothing, no size is
// believed before the bytes are there, and no message unfolds to more than kItemsMax
// items. What is decoded shares the buffer it came in. Pure.
#pragma once

#include <chrono>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "lib/wire/fields.h"
#include "lib/wire/protobuf.h"
#include "lib/wire/txn.h"
#include "zkq/types.h"

namespace zkq::wire {

// Items of one message above which it counts as malformed: it bounds what a
// small message can unfold to.
inline constexpr size_t kItemsMax = 1 << 20;

// --- encoding -------------------------------------------------------------------------

// The two things an Encoder writes to: Size only counts, Bytes writes, to where there
// is room for what was counted.
struct Size {
  size_t bytes = 0;
  void Varint(uint64_t value) { bytes += VarintSize(value); }
  void Fixed32(uint32_t) { bytes += 4; }
  void Fixed64(uint64_t) { bytes += 8; }
  void Append(std::string_view text) { bytes += text.size(); }
};
struct Bytes {
  char* end = nullptr;
  void Varint(uint64_t value) { end = PutVarint(end, value); }
  void Fixed32(uint32_t value) {
    PutLittleEndian32(end, value);
    end += 4;
  }
  void Fixed64(uint64_t value) {
    PutLittleEndian64(end, value);
    end += 8;
  }
  void Append(std::string_view text) { end += text.copy(end, text.size()); }
};

template <typename T>
size_t SizeOfFields(const T& message);

template <typename Out>
class Encoder {
 public:
  explicit Encoder(Out out) : out_(out) {}
  const Out& out() const { return out_; }

  template <typename T>
  requires std::integral<T> || std::is_enum_v<T>
  void operator()(uint32_t field, T value) {
    if (value != T{}) Number(field, static_cast<uint64_t>(value));
  }
  void operator()(uint32_t field, std::string_view bytes) {
    if (bytes.empty()) return;
    Head(field, bytes.size());
    out_.Append(bytes);
  }
  void operator()(uint32_t field, const Payload& bytes) { (*this)(field, bytes.view()); }
  void operator()(uint32_t field, std::chrono::microseconds time) { (*this)(field, time.count()); }
  // Present even when it is 0, unless it is none.
  void operator()(uint32_t field, const std::optional<Epoch>& value) {
    if (value) Number(field, *value);
  }
  template <typename T>
  requires std::is_class_v<T>
  void operator()(uint32_t field, const std::optional<T>& message) {
    if (message) (*this)(field, *message);
  }
  void operator()(uint32_t field, const std::vector<uint64_t>& values) {
    if (values.empty()) return;
    Head(field, 8 * values.size());
    for (uint64_t value : values) out_.Fixed64(value);
  }
  template <typename T>
  void operator()(uint32_t field, const std::vector<T>& values) {
    for (const T& value : values) (*this)(field, value);
  }
  // A batch: encoded already.
  void operator()(uint32_t field, const std::vector<Txn>& txns) {
    Runs runs;
    for (const Txn& txn : txns) runs.Add(txn);
    Head(field, runs.bytes());
    for (std::string_view piece : runs.pieces()) out_.Append(piece);
  }
  template <typename T>
  requires(std::is_class_v<T> && !std::convertible_to<T, std::string_view>) void operator()(
      uint32_t field, const T& message) {
    Head(field, SizeOfFields(message));
    Fields(*this, message);
  }
  void Fixed(uint32_t field, uint64_t value) {
    if (value == 0) return;
    out_.Varint(Tag(field, Type::kFixed64));
    out_.Fixed64(value);
  }
  void Fixed(uint32_t field, uint32_t value) {
    if (value != 0) Checksum(field, value);
  }

  // What stands before `size` bytes that follow.
  void Head(uint32_t field, size_t size) {
    out_.Varint(Tag(field, Type::kBytes));
    out_.Varint(size);
  }
  // Present even when it is 0, as is the next.
  void Number(uint32_t field, uint64_t value) {
    out_.Varint(Tag(field, Type::kVarint));
    out_.Varint(value);
  }
  void Checksum(uint32_t field, uint32_t crc) {
    out_.Varint(Tag(field, Type::kFixed32));
    out_.Fixed32(crc);
  }

 private:
  Out out_;
};

// How many bytes `write(encoder)` writes.
template <typename Write>
size_t SizeOfAll(const Write& write) {
  Encoder<Size> encoder(Size{});
  write(encoder);
  return encoder.out().bytes;
}
template <typename T>
size_t SizeOfFields(const T& message) {
  return SizeOfAll([&](auto& encoder) { Fields(encoder, message); });
}

// Appends what `write(encoder)` writes.
template <typename Write>
void AppendAll(const Write& write, std::string* out) {
  const size_t before = out->size();
  out->resize(before + SizeOfAll(write));
  Encoder<Bytes> encoder(Bytes{out->data() + before});
  write(encoder);
}
template <typename T>
std::string EncodeFields(const T& message) {
  std::string bytes;
  AppendAll([&](auto& encoder) { Fields(encoder, message); }, &bytes);
  return bytes;
}

// --- decoding -------------------------------------------------------------------------

// Reads one message. Later values of a field replace earlier ones, unknown fields are
// passed over, as in protobuf. (Protobuf merges repeated occurrences of a message
// field; nobody writes such a thing.)
class Decoder {
 public:
  // `owner` holds `bytes`, which the message's payloads then share.
  template <typename T>
  static bool Decode(const Payload& owner, std::string_view bytes, T* message) {
    Decoder decoder(owner, bytes);
    decoder.Walk(message);
    return decoder.in_.ok() && Valid(*message);
  }

  template <typename T>
  void operator()(uint32_t field, T& value) {
    for (; At(field); Next()) Take(&value);
  }
  void Fixed(uint32_t field, uint64_t& value) {
    for (; At(field); Next()) value = in_.Fixed64();
  }
  void Fixed(uint32_t field, uint32_t& value) {
    for (; At(field); Next()) value = in_.Fixed32();
  }

 private:
  Decoder(const Payload& owner, std::string_view bytes) : owner_(owner), in_(bytes) { Next(); }

  bool At(uint32_t field) const { return more_ && in_.field() == field; }
  void Next() {
    more_ = in_.Next();
    ++taken_;
  }
  // Fields in the order of their numbers, as everybody writes them, are all taken in
  // one walk over the list. A walk that takes none stands before one that is not in it.
  template <typename T>
  void Walk(T* message) {
    while (more_) {
      const size_t before = taken_;
      Fields(*this, *message);
      if (taken_ == before) Next();
    }
  }

  template <typename T>
  requires std::unsigned_integral<T>
  void Take(T* value) { *value = static_cast<T>(in_.VarintUpTo(T(-1))); }
  void Take(int64_t* value) { *value = static_cast<int64_t>(in_.Varint()); }
  template <typename T>
  requires std::is_enum_v<T>
  void Take(T* value) { *value = static_cast<T>(in_.VarintUpTo(LastOf(T{}))); }
  void Take(std::chrono::microseconds* time) {
    *time = std::chrono::microseconds(in_.VarintUpTo(INT64_MAX));
  }
  void Take(std::string* bytes) { *bytes = in_.Bytes(); }
  void Take(Payload* bytes) { *bytes = owner_.Part(in_.Bytes()); }
  void Take(std::optional<Epoch>* value) { *value = in_.Varint32(); }
  template <typename T>
  requires std::is_class_v<T>
  void Take(std::optional<T>* message) { Take(&message->emplace()); }
  void Take(std::vector<uint64_t>* values) {
    const std::string_view bytes = in_.Bytes();
    const size_t count = bytes.size() / 8;
    if (bytes.size() % 8 != 0 || count > kItemsMax || !values->empty()) {
      in_.Fail();
      return;
    }
    values->reserve(count);
    for (size_t i = 0; i < count; ++i) values->push_back(LittleEndian64(&bytes[8 * i]));
  }
  void Take(std::vector<Txn>* txns) {
    TxnReader batch(owner_.Part(in_.Bytes()));
    while (std::optional<Txn> txn = batch.Next()) {
      if (txns->size() >= kItemsMax) in_.Fail();
      if (!in_.ok()) return;
      txns->push_back(*std::move(txn));
    }
    if (!batch.ok()) in_.Fail();
  }
  template <typename T>
  void Take(std::vector<T>* values) {
    if (values->size() < kItemsMax) {
      Take(&values->emplace_back());
    } else {
      in_.Fail();
    }
  }
  template <typename T>
  requires std::is_class_v<T>
  void Take(T* value) {
    *value = Blank<T>();
    if (!Decode(owner_, in_.Bytes(), value)) in_.Fail();
  }

  const Payload& owner_;
  Reader in_;
  bool more_ = false;
  size_t taken_ = 0;
};

// Nothing if the bytes are malformed, or say what cannot be.
template <typename T>
std::optional<T> DecodeFields(const Payload& owner, std::string_view bytes) {
  T message = Blank<T>();
  if (!Decoder::Decode(owner, bytes, &message)) return std::nullopt;
  return message;
}
// Of a message without payloads.
template <typename T>
std::optional<T> DecodeFields(std::string_view bytes) {
  return DecodeFields<T>(Payload(), bytes);
}

}  // namespace zkq::wire
