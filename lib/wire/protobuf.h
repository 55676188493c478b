// Protobuf's wire format, the part of it that zkq uses: varints, fixed numbers of 32
// and 64 bits, length-delimited bytes. Written by hand, because protobuf's own code
// may not be known where most of zkq's bytes are made: in the core and the storage.
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

namespace zkq::wire {

enum class Type : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

inline constexpr size_t kVarintMax = 10;

constexpr size_t VarintSize(uint64_t value) { return (std::bit_width(value | 1) + 6) / 7; }

// What stands before a value: which field it is, and how long.
constexpr uint64_t Tag(uint32_t field, Type type) {
  return (uint64_t{field} << 3) | static_cast<uint8_t>(type);
}

// Writes at `to`, which has room for kVarintMax; returns the end.
inline char* PutVarint(char* to, uint64_t value) {
  for (; value >= 0x80; value >>= 7) *to++ = static_cast<char>(value | 0x80);
  *to++ = static_cast<char>(value);
  return to;
}

inline uint64_t LittleEndian64(const char* from) {
  uint64_t value = 0;
  for (int i = 7; i >= 0; --i) value = (value << 8) | static_cast<unsigned char>(from[i]);
  return value;
}

inline uint32_t LittleEndian32(const char* from) {
  uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = (value << 8) | static_cast<unsigned char>(from[i]);
  return value;
}

inline void PutLittleEndian32(char* to, uint32_t value) {
  for (int i = 0; i < 4; ++i) to[i] = static_cast<char>(value >> (8 * i));
}

inline void PutLittleEndian64(char* to, uint64_t value) {
  for (int i = 0; i < 8; ++i) to[i] = static_cast<char>(value >> (8 * i));
}

// Walks the fields of one message: Next() until it is false, then ok() says whether
// the bytes were well-formed. Total: whatever the bytes are, the reader stays within
// them and ends. A value of another type than asked for is 0 or empty and makes the
// message malformed; so does a group (wire types 3 and 4).
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  // Moves to the next field. False at the end, and at once when malformed.
  bool Next() {
    uint64_t tag = 0;
    if (!ok_ || rest_.empty()) return false;
    if (!TakeVarint(&tag)) return Fail();
    field_ = static_cast<uint32_t>(tag >> 3);
    if (tag > UINT32_MAX || field_ == 0) return Fail();
    type_ = static_cast<Type>(tag & 7);
    return TakeValue() || Fail();
  }
  bool ok() const { return ok_; }

  uint32_t field() const { return field_; }
  uint64_t Varint() { return Is(Type::kVarint) ? number_ : 0; }
  // A varint above `max` makes the message malformed.
  uint64_t VarintUpTo(uint64_t max) {
    const uint64_t value = Varint();
    return value <= max ? value : uint64_t{Fail()};
  }
  uint32_t Varint32() { return static_cast<uint32_t>(VarintUpTo(UINT32_MAX)); }
  uint32_t Fixed32() { return Is(Type::kFixed32) ? static_cast<uint32_t>(number_) : 0; }
  uint64_t Fixed64() { return Is(Type::kFixed64) ? number_ : 0; }
  std::string_view Bytes() { return Is(Type::kBytes) ? bytes_ : std::string_view(); }
  // How many bytes have not been read.
  size_t rest() const { return rest_.size(); }
  // For the caller that finds the content of a field malformed.
  bool Fail() { return ok_ = false; }

 private:
  bool Is(Type type) { return type_ == type || Fail(); }

  bool TakeVarint(uint64_t* value) {
    *value = 0;
    for (size_t i = 0; i < rest_.size() && i < kVarintMax; ++i) {
      const auto byte = static_cast<unsigned char>(rest_[i]);
      if (i == kVarintMax - 1 && byte > 1) return false;
      *value |= uint64_t{byte & 0x7fu} << (7 * i);
      if (byte < 0x80) {
        rest_.remove_prefix(i + 1);
        return true;
      }
    }
    return false;
  }

  bool TakeValue() {
    switch (type_) {
      case Type::kVarint:
        return TakeVarint(&number_);
      case Type::kFixed64:
        return TakeBytes(8) && (number_ = LittleEndian64(bytes_.data()), true);
      case Type::kFixed32:
        return TakeBytes(4) && (number_ = LittleEndian32(bytes_.data()), true);
      case Type::kBytes:
        return TakeVarint(&number_) && TakeBytes(number_);
    }
    return false;
  }

  bool TakeBytes(uint64_t size) {
    if (rest_.size() < size) return false;
    bytes_ = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }

  std::string_view rest_;
  std::string_view bytes_;
  uint64_t number_ = 0;
  uint32_t field_ = 0;
  Type type_ = Type::kVarint;
  bool ok_ = true;
};

}  // namespace zkq::wire
