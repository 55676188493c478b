// Messages as bytes, and back: what an implementer of QuorumTransport sends and gets.
// The bytes are protobuf's wire format (proto/zkq/v1/quorum.proto); no protobuf is
// needed to make or read them.
//
// Decoding is total: whatever the bytes are, the result is a valid value, or nothing
// if they are malformed or say what cannot be. Fields of a newer version are passed
// over. A decoded message shares the buffer of `bytes` and keeps it alive. Pure, thread-safe.
//
// Part of the pure half of the interface: the standard library only.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "zkq/message.h"

namespace zkq {
inline namespace v1 {

// A zkq.v1.Packet with nothing in it but session and body: what else a packet has
// (its number on the lane …) differs from link to link and is the transport's. Encode
// once for all the links that a message goes to.
ZKQ_EXPORT std::string Encode(const Message& message);
ZKQ_EXPORT std::optional<Message> DecodeMessage(const Payload& bytes);

// A zkq.wire.v1.Notification.
ZKQ_EXPORT std::string Encode(const Notification& notification);
ZKQ_EXPORT std::optional<Notification> DecodeNotification(std::string_view bytes);

// A zkq.wire.v1.Identity.
ZKQ_EXPORT std::string Encode(const Identity& identity);
ZKQ_EXPORT std::optional<Identity> DecodeIdentity(std::string_view bytes);

// A call as the replica makes it whose Propose was called: with the checksum that its
// command has from here on, until each replica applies it. A call or a transaction whose
// command is not what its checksum says is malformed.
ZKQ_EXPORT Call MakeCall(uint64_t tag, Payload command);

// Makes transactions from their other fields: sets `encoded`, which holds them all, and
// lets `command` share its buffer. They lie in one buffer, one right after the other.
ZKQ_EXPORT void EncodeTxns(std::span<Txn> txns);
// One alone, with its command's checksum.
ZKQ_EXPORT Txn EncodeTxn(Zxid zxid, Zxid prev, TxnKind kind, const Origin& origin,
                         int64_t leader_time, std::string_view command);
// The other way round. A missing zxid or kind is malformed, as is a time below 0 or after
// kLeaderTimeMax, and a reconfiguration whose command is no Membership.
ZKQ_EXPORT std::optional<Txn> DecodeTxn(const Payload& encoded);

}  // namespace v1
}  // namespace zkq
