#include "lib/wire/codec.h"
#include "test/harness/catch.h"
#include "test/wire/torment.h"
#include "zkq/wire.h"

namespace zkq {
namespace {

const Origin kOrigin = {ServerId{3}, 1'700'000'000'000'000, 42};

Txn Sample() {
  return EncodeTxn({4, 17}, {4, 16}, TxnKind::kCommand, kOrigin, 1'700'000'000'123'456, "put k v");
}

TEST_CASE("an encoded txn decodes to itself") {
  const Txn txn = Sample();
  const std::optional<Txn> decoded = DecodeTxn(txn.encoded);
  REQUIRE(decoded);
  REQUIRE(*decoded == txn);
  REQUIRE(decoded->zxid == Zxid{4, 17});
  REQUIRE(decoded->prev == Zxid{4, 16});
  REQUIRE(decoded->kind == TxnKind::kCommand);
  REQUIRE(decoded->origin == kOrigin);
  REQUIRE(decoded->leader_time == 1'700'000'000'123'456);
  REQUIRE(decoded->command.view() == "put k v");
}

TEST_CASE("a txn without origin and command needs only what it has") {
  const Txn txn = EncodeTxn({1, 1}, {}, TxnKind::kNoop, {}, 0, "");
  REQUIRE(txn.encoded.view() == "\x08\x01\x10\x01\x28\x03");
  const std::optional<Txn> decoded = DecodeTxn(txn.encoded);
  REQUIRE(decoded);
  REQUIRE(decoded->prev == Zxid{});
  REQUIRE(decoded->command.size() == 0);
}

TEST_CASE("the largest values come back") {
  constexpr uint64_t kMax = ~uint64_t{0};
  const Txn txn =
      EncodeTxn({UINT32_MAX, UINT32_MAX}, {UINT32_MAX, UINT32_MAX - 1}, TxnKind::kReconfig,
                {ServerId{kMax >> 1}, kMax, kMax}, -1, std::string(1 << 20, 'x'));
  const std::optional<Txn> decoded = DecodeTxn(txn.encoded);
  REQUIRE(decoded);
  REQUIRE(decoded->zxid == txn.zxid);
  REQUIRE(decoded->prev == txn.prev);
  REQUIRE(decoded->origin == txn.origin);
  REQUIRE(decoded->leader_time == -1);
  REQUIRE(decoded->command == txn.command);
}

TEST_CASE("a command lies at the end of the encoded txn, in the same buffer") {
  const Txn txn = Sample();
  for (const Txn& one : {txn, *DecodeTxn(txn.encoded)}) {
    REQUIRE(one.command.view().data() + one.command.size() ==
            one.encoded.view().data() + one.encoded.size());
  }
}

TEST_CASE("a txn without zxid or kind is refused") {
  REQUIRE_FALSE(DecodeTxn(Payload("")));
  REQUIRE_FALSE(DecodeTxn(EncodeTxn({0, 1}, {}, TxnKind::kNoop, {}, 0, "").encoded));
  REQUIRE_FALSE(DecodeTxn(EncodeTxn({1, 0}, {}, TxnKind::kNoop, {}, 0, "").encoded));
  REQUIRE_FALSE(DecodeTxn(EncodeTxn({1, 1}, {}, TxnKind{}, {}, 0, "").encoded));
  REQUIRE_FALSE(DecodeTxn(EncodeTxn({1, 1}, {}, TxnKind{9}, {}, 0, "").encoded));
}

TEST_CASE("unknown fields of a txn are skipped") {
  std::string bytes(Sample().encoded.view());
  wire::AppendAll([](auto& encoder) { encoder(77, "from a later version"); }, &bytes);
  const std::optional<Txn> decoded = DecodeTxn(Payload(bytes));
  REQUIRE(decoded);
  REQUIRE(decoded->command.view() == "put k v");
}

TEST_CASE("no truncation and no flipped bit of a txn does harm") {
  int accepted = 0;
  Torment(std::string(Sample().encoded.view()), [&](const std::string& bytes) {
    const std::optional<Txn> txn = DecodeTxn(Payload(bytes));
    if (!txn) return;
    ++accepted;
    REQUIRE(txn->encoded.view() == bytes);
    REQUIRE(txn->zxid.counter != 0);
    REQUIRE(txn->command.size() <= bytes.size());
  });
  REQUIRE(accepted > 0);
}

}  // namespace
}  // namespace zkq
