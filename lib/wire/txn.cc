#include "lib/wire/txn.h"

#include <utility>

#include "lib/base/crc32c.h"
#include "lib/wire/codec.h"
#include "zkq/wire.h"

namespace zkq {
namespace wire {
namespace {

constexpr uint32_t kTxnsField = 1;  // of Batch

}  // namespace

void Runs::Add(const Txn& txn) {
  const std::string_view bytes = txn.encoded.view();
  if (!pieces_.empty() && last_.Adjoins(txn.encoded)) {
    pieces_.back() = {pieces_.back().data(), pieces_.back().size() + bytes.size()};
  } else {
    pieces_.push_back(bytes);
  }
  last_ = txn.encoded;
  bytes_ += bytes.size();
}

std::optional<Txn> TxnReader::Next() {
  for (;;) {
    position_ = batch_.size() - in_.rest();
    if (!in_.Next()) return std::nullopt;
    if (in_.field() != kTxnsField) continue;
    std::optional<Txn> txn = DecodeFields<Txn>(batch_, in_.Bytes());
    if (!txn) in_.Fail();
    if (!in_.ok()) return std::nullopt;
    const size_t end = batch_.size() - in_.rest();
    txn->encoded = batch_.Part(batch_.view().substr(position_, end - position_));
    return txn;
  }
}

}  // namespace wire

inline namespace v1 {

Call MakeCall(uint64_t tag, Payload command) {
  const uint32_t crc = Crc32c(command.view());
  return {.tag = tag, .command = std::move(command), .command_crc = crc};
}

void EncodeTxns(std::span<Txn> txns) {
  std::vector<size_t> sizes;  // of the records
  size_t total = 0;
  for (const Txn& txn : txns) {
    sizes.push_back(wire::SizeOfAll([&](auto& encoder) { encoder(wire::kTxnsField, txn); }));
    total += sizes.back();
  }
  std::string bytes(total, '\0');
  wire::Encoder<wire::Bytes> encoder(wire::Bytes{bytes.data()});
  for (const Txn& txn : txns) encoder(wire::kTxnsField, txn);
  const Payload batch(std::move(bytes));
  std::string_view rest = batch.view();
  for (size_t i = 0; i < txns.size(); ++i) {
    const std::string_view record = rest.substr(0, sizes[i]);
    txns[i].command = batch.Part(record.substr(record.size() - txns[i].command.size()));
    txns[i].encoded = batch.Part(record);
    rest.remove_prefix(sizes[i]);
  }
}

Txn EncodeTxn(Zxid zxid, Zxid prev, TxnKind kind, const Origin& origin, int64_t leader_time,
              std::string_view command) {
  // The command is not copied into a buffer of its own first: nobody owns it here.
  Txn txn{.zxid = zxid,
          .prev = prev,
          .kind = kind,
          .origin = origin,
          .leader_time = leader_time,
          .command_crc = Crc32c(command),
          .command = Payload(nullptr, command)};
  EncodeTxns({&txn, 1});
  return txn;
}

std::optional<Txn> DecodeTxn(const Payload& encoded) {
  wire::TxnReader batch(encoded);
  std::optional<Txn> txn = batch.Next();
  if (!txn || txn->encoded.size() != encoded.size()) return std::nullopt;
  return txn;
}

}  // namespace v1
}  // namespace zkq
