// Transactions as bytes. Each is one record of a batch, tag and length included
// (proto/zkq/wire/v1/message.proto: Batch), so batches put one after the other are a
// batch: what a proposal carries and what a log stores are the same bytes.
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/wire/protobuf.h"
#include "zkq/types.h"

namespace zkq::wire {

// Puts transactions into a batch, in as few pieces as they have in memory: those that
// were encoded or decoded together lie side by side. They must outlive the pieces.
class Runs {
 public:
  void Add(const Txn& txn);
  const std::vector<std::string_view>& pieces() const { return pieces_; }
  size_t bytes() const { return bytes_; }

 private:
  std::vector<std::string_view> pieces_;
  Payload last_;
  size_t bytes_ = 0;
};

// Takes the transactions of a batch one by one; they share its buffer. Fields of a
// newer version are passed over. Total on any input.
class ZKQ_EXPORT TxnReader {
 public:
  explicit TxnReader(Payload batch) : batch_(std::move(batch)), in_(batch_.view()) {}

  // Nothing at the end of the batch, and at once when it is malformed.
  std::optional<Txn> Next();
  bool ok() const { return in_.ok(); }
  // Where in the batch the record begins that Next has come to.
  size_t position() const { return position_; }

 private:
  Payload batch_;
  Reader in_;
  size_t position_ = 0;
};

}  // namespace zkq::wire
