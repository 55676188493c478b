#include "lib/wire/codec.h"
#include "lib/wire/disk.h"
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
  REQUIRE(txn.encoded.view() == "\x0a\x06\x08\x01\x10\x01\x28\x03");
  const std::optional<Txn> decoded = DecodeTxn(txn.encoded);
  REQUIRE(decoded);
  REQUIRE(decoded->prev == Zxid{});
  REQUIRE(decoded->command.size() == 0);
}

TEST_CASE("the largest values come back") {
  constexpr uint64_t kMax = ~uint64_t{0};
  const Txn txn =
      EncodeTxn({UINT32_MAX, UINT32_MAX}, {UINT32_MAX, UINT32_MAX - 1}, TxnKind::kCommand,
                {ServerId{kMax >> 1}, kMax, kMax}, kLeaderTimeMax, std::string(1 << 20, 'x'));
  const std::optional<Txn> decoded = DecodeTxn(txn.encoded);
  REQUIRE(decoded);
  REQUIRE(decoded->zxid == txn.zxid);
  REQUIRE(decoded->prev == txn.prev);
  REQUIRE(decoded->origin == txn.origin);
  REQUIRE(decoded->leader_time == kLeaderTimeMax);
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
  REQUIRE_FALSE(DecodeTxn(EncodeTxn({1, 1}, {}, TxnKind::kNoop, {}, 0, "five").encoded));
  REQUIRE(DecodeTxn(EncodeTxn({1, 1}, {}, TxnKind::kNoop, {}, 0, EncodeZxid({4, 7})).encoded));
  REQUIRE_FALSE(DecodeTxn(EncodeTxn({1, 1}, {}, TxnKind{}, {}, 0, "").encoded));
  REQUIRE_FALSE(DecodeTxn(EncodeTxn({1, 1}, {}, TxnKind{9}, {}, 0, "").encoded));
}

TEST_CASE("a txn or a call whose command is not what its checksum says is refused") {
  Txn txn = Sample();
  txn.command_crc ^= 1;
  EncodeTxns({&txn, 1});
  REQUIRE_FALSE(DecodeTxn(txn.encoded));
  Call call = MakeCall(1, Payload("put k v"));
  REQUIRE(DecodeMessage(Payload(Encode(Message{{}, Request{{call}}}))));
  call.command_crc ^= 1;
  REQUIRE_FALSE(DecodeMessage(Payload(Encode(Message{{}, Request{{call}}}))));
}

TEST_CASE("a reconfiguration, as a txn or a call, whose command is no membership is refused") {
  const auto accepted = [](std::string_view command) {
    const Txn txn = EncodeTxn({1, 1}, {}, TxnKind::kReconfig, {}, 0, command);
    Call call = MakeCall(1, Payload(std::string(command)));
    call.kind = TxnKind::kReconfig;
    const std::string request = Encode(Message{{}, Request{{call}}});
    const bool decoded = DecodeTxn(txn.encoded).has_value();
    REQUIRE(decoded == DecodeMessage(Payload(request)).has_value());
    return decoded;
  };
  const Member one{.id = ServerId{1}}, two{.id = ServerId{2}};
  REQUIRE(accepted(EncodeMembership({{}, {one, two}})));
  REQUIRE_FALSE(accepted("put k v"));
  REQUIRE_FALSE(accepted(EncodeMembership({})));
  REQUIRE_FALSE(accepted(EncodeMembership({{}, {two, one}})));
  REQUIRE_FALSE(accepted(EncodeMembership({{}, {one, one}})));
  REQUIRE_FALSE(accepted(EncodeMembership({{}, {Member{}}})));
}

TEST_CASE("a txn of a time before 1970 or after the year 9999 is refused") {
  const auto at = [](int64_t time) {
    return DecodeTxn(EncodeTxn({1, 1}, {}, TxnKind::kNoop, {}, time, "").encoded).has_value();
  };
  REQUIRE_FALSE(at(-1));
  REQUIRE(at(kLeaderTimeMax));
  REQUIRE_FALSE(at(kLeaderTimeMax + 1));
  REQUIRE_FALSE(at(INT64_MAX));
}

TEST_CASE("unknown fields of a txn are skipped") {
  std::string fields = wire::EncodeFields(Sample()), bytes;
  wire::AppendAll([](auto& encoder) { encoder(77, "from a later version"); }, &fields);
  wire::AppendAll([&](auto& encoder) { encoder(1, fields); }, &bytes);
  const std::optional<Txn> decoded = DecodeTxn(Payload(bytes));
  REQUIRE(decoded);
  REQUIRE(decoded->command.view() == "put k v");
}

// --- batches ------------------------------------------------------------------------

std::vector<Txn> Three() {
  std::vector<Txn> txns;
  for (uint32_t counter : {1, 2, 3}) {
    const Call call = MakeCall(counter, Payload(std::string(10 * counter, 'x')));
    txns.push_back({.zxid = {4, counter},
                    .prev = {4, counter - 1},
                    .origin = kOrigin,
                    .command_crc = call.command_crc,
                    .command = call.command});
  }
  EncodeTxns(txns);
  return txns;
}

std::vector<std::string_view> RunsOf(std::span<const Txn> txns) {
  wire::Runs runs;
  for (const Txn& txn : txns) runs.Add(txn);
  return runs.pieces();
}

std::string Joined(const std::vector<std::string_view>& runs) {
  std::string batch;
  for (std::string_view run : runs) batch += run;
  return batch;
}

std::vector<Txn> Decoded(const std::string& batch) {
  std::vector<Txn> txns;
  wire::TxnReader in{Payload(batch)};
  while (std::optional<Txn> txn = in.Next()) {
    REQUIRE(txn->encoded.view() == batch.substr(in.position(), txn->encoded.size()));
    txns.push_back(*std::move(txn));
  }
  REQUIRE(in.ok());
  return txns;
}

TEST_CASE("transactions that are encoded together are one run of bytes, and a batch") {
  const std::vector<Txn> txns = Three();
  const std::vector<std::string_view> runs = RunsOf(txns);
  REQUIRE(runs.size() == 1);
  REQUIRE(Decoded(Joined(runs)) == txns);
  for (const Txn& txn : txns) REQUIRE(DecodeTxn(txn.encoded) == txn);
}

TEST_CASE("what is decoded from one batch is one run again") {
  REQUIRE(RunsOf(Decoded(Joined(RunsOf(Three())))).size() == 1);
}

TEST_CASE("a run ends where another buffer begins, or a transaction is missing") {
  const std::vector<Txn> txns = Three(), others = Three();
  const std::vector<Txn> gap = {txns[0], txns[2]};
  REQUIRE(RunsOf(gap).size() == 2);
  const std::vector<Txn> mixed = {txns[0], txns[1], others[2]};
  REQUIRE(RunsOf(mixed).size() == 2);
  REQUIRE(Decoded(Joined(RunsOf(mixed))) == txns);
  REQUIRE(RunsOf({}).empty());
}

TEST_CASE("two batches put one after the other are one batch") {
  const std::vector<Txn> txns = Three();
  const std::string first = Joined(RunsOf({txns.data(), 1}));
  const std::string rest = Joined(RunsOf({txns.data() + 1, 2}));
  REQUIRE(Decoded(first + rest) == txns);
  REQUIRE(Decoded("").empty());
}

TEST_CASE("a batch with a field of a newer version between its transactions is read on") {
  const std::vector<Txn> txns = Three();
  std::string newer;
  wire::AppendAll([](auto& encoder) { encoder(99, "new"); }, &newer);
  REQUIRE(Decoded(newer + Joined(RunsOf(txns)) + newer) == txns);
}

TEST_CASE("a batch is malformed where one transaction of it is") {
  std::string batch = Joined(RunsOf(Three()));
  wire::TxnReader cut{Payload(batch.substr(0, batch.size() - 1))};
  REQUIRE(cut.Next());
  REQUIRE(cut.Next());
  REQUIRE_FALSE(cut.Next());
  REQUIRE_FALSE(cut.ok());
  wire::TxnReader nameless{Payload(std::string("\x0a\x00", 2))};
  REQUIRE_FALSE(nameless.Next());
  REQUIRE_FALSE(nameless.ok());
}

TEST_CASE("one transaction is not two, nor one and a half") {
  const std::vector<Txn> txns = Three();
  REQUIRE_FALSE(DecodeTxn(Payload(Joined(RunsOf({txns.data(), 2})))));
  REQUIRE_FALSE(DecodeTxn(Payload(std::string(txns[0].encoded.view()) + '\x0a')));
}

// --- hostile bytes ------------------------------------------------------------------

TEST_CASE("a txn that is cut or has a bit flipped decodes to something valid or to nothing") {
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
