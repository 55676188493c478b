// Encodes transactions and hard state, once, in protobuf's own wire format: the
// same bytes travel to every follower and lie in every log
// (proto/zkq/v1/quorum.proto: Txn, HardState). Pure; a test holds it against
// protoc's code.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/base/hard_state.h"
#include "zkq/types.h"

namespace zkq {

// The txn's `encoded` holds everything, and `command` is a part of it. Exported
// for the testing kit, which is a library of its own.
ZKQ_EXPORT Txn EncodeTxn(Zxid zxid, Zxid prev, TxnKind kind, const Origin& origin,
                         int64_t leader_time, std::string_view command);
// Nothing if the bytes are not a well-formed txn: unknown fields are skipped, a
// missing or zero zxid counter is malformed.
ZKQ_EXPORT std::optional<Txn> DecodeTxn(Payload encoded);

std::string EncodeHardState(const HardState& state);
ZKQ_EXPORT std::optional<HardState> DecodeHardState(std::string_view encoded);

}  // namespace zkq
