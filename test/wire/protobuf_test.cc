#include <vector>

#include "lib/wire/codec.h"
#include "test/harness/catch.h"

namespace zkq::wire {
namespace {

template <typename Fields>
std::string Write(const Fields& fields) {
  std::string bytes;
  AppendAll(fields, &bytes);
  return bytes;
}

// Walks all fields; true if the bytes are well-formed.
bool WellFormed(std::string_view bytes) {
  Reader in(bytes);
  while (in.Next()) {
  }
  return in.ok();
}

TEST_CASE("the encoder writes what protobuf's encoding guide shows") {
  REQUIRE(Write([](auto& out) { out(1, 150); }) == "\x08\x96\x01");
  REQUIRE(Write([](auto& out) { out(2, "testing"); }) == "\x12\x07testing");
  REQUIRE(Write([](auto& out) { out.Fixed(1, uint64_t{1}); }) ==
          std::string("\x09\x01\0\0\0\0\0\0\0", 9));
  REQUIRE(Write([](auto& out) { out.Fixed(1, uint32_t{1}); }) == std::string("\x0d\x01\0\0\0", 5));
}

TEST_CASE("the encoder omits zeros and empty bytes but not empty messages") {
  REQUIRE(Write([](auto& out) {
            out(1, 0);
            out.Fixed(2, uint64_t{0});
            out(3, "");
          }) == "");
  REQUIRE(Write([](auto& out) { out(4, Zxid{}); }) == std::string("\x22\0", 2));
}

TEST_CASE("every varint comes back, and in as few bytes as VarintSize says") {
  for (int bit = 0; bit < 64; ++bit) {
    for (uint64_t value : {uint64_t{1} << bit, (uint64_t{1} << bit) - 1, ~uint64_t{0} >> bit}) {
      char bytes[kVarintMax];
      const auto size = static_cast<size_t>(PutVarint(bytes, value) - bytes);
      REQUIRE(size == VarintSize(value));
      const std::string field = "\x08" + std::string(bytes, size);
      Reader in(field);
      REQUIRE(in.Next());
      REQUIRE(in.Varint() == value);
      REQUIRE_FALSE(in.Next());
      REQUIRE(in.ok());
    }
  }
}

TEST_CASE("the reader skips fields that nobody asks for") {
  const std::string bytes = Write([](auto& out) {
    out(900, "unknown");
    out.Fixed(901, uint64_t{7});
    out(1, 5);
  });
  uint64_t value = 0;
  Reader in(bytes);
  while (in.Next()) {
    if (in.field() == 1) value = in.Varint();
  }
  REQUIRE(in.ok());
  REQUIRE(value == 5);
}

TEST_CASE("a value of another type than asked for is malformed") {
  Reader in("\x0a\x01x");  // field 1: bytes
  REQUIRE(in.Next());
  REQUIRE(in.Varint() == 0);
  REQUIRE_FALSE(in.ok());
  REQUIRE_FALSE(in.Next());
}

TEST_CASE("a number above its bound is malformed") {
  Reader in("\x08\xff\xff\xff\xff\x1f");  // field 1: 2^33 - 1
  REQUIRE(in.Next());
  REQUIRE(in.Varint32() == 0);
  REQUIRE_FALSE(in.ok());
}

TEST_CASE("what is not protobuf is malformed") {
  REQUIRE_FALSE(WellFormed("\x08"));                       // no value
  REQUIRE_FALSE(WellFormed(std::string_view("\0\1", 2)));  // field 0
  REQUIRE_FALSE(WellFormed("\x0b\x0c"));                   // a group
  REQUIRE_FALSE(WellFormed("\x0e\x01"));                   // wire type 6
  REQUIRE_FALSE(
      WellFormed("\x0a\x05"
                 "abc"));                                                     // too short
  REQUIRE_FALSE(WellFormed("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"));  // over 64 bits
  REQUIRE_FALSE(WellFormed("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"));
  REQUIRE_FALSE(WellFormed("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));  // a huge length
}

}  // namespace
}  // namespace zkq::wire
