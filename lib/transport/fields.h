// The fields of every message, once for both directions: Fields(io, message)
// calls io(number, member) for each, where io encodes, measures or decodes. The
// numbers are those of proto/zkq/v1/quorum.proto and proto/zkq/wire/v1/message.proto.
// To add a field, add it there and here.
//
// Part of codec.cc, and included by nothing else.
#pragma once

#include <concepts>
#include <type_traits>

#include "lib/transport/codec.h"

namespace zkq::transport {

// T itself when decoding, const T when encoding.
template <typename T, typename U>
concept Is = std::same_as<std::remove_const_t<T>, U>;

void Fields(auto& io, Is<Zxid> auto& m) {
  io(1, m.epoch);
  io(2, m.counter);
}
void Fields(auto& io, Is<Vote> auto& m) {
  io(1, m.epoch);
  io(2, m.zxid);
  io(3, m.leader);
}
void Fields(auto& io, Is<Founder> auto& m) {
  io(1, m.sid);
  io(2, m.disk);
}
void Fields(auto& io, Is<Promise> auto& m) {
  io(1, m.epoch);
  io(2, m.leader);
  io(3, m.boot);
}
void Fields(auto& io, Is<Identity> auto& m) {
  io(1, m.sid);
  io(2, m.boot);
  io(3, m.ensemble);
  io(4, m.disk);
  io(5, m.founders);
  io(6, m.members);
  io(7, m.config);
}
void Fields(auto& io, Is<Hello> auto& m) {
  io(1, m.protocol_min);
  io(2, m.protocol_max);
  io(3, m.from);
  io(4, m.to);
  io(5, m.seq);
}
void Fields(auto& io, Is<HelloAck> auto& m) {
  io(1, m.protocol);
  io(2, m.from);
}
void Fields(auto& io, Is<Refused> auto& m) {
  io(1, m.code);
  io(2, m.sid);
}
void Fields(auto& io, Is<Fragment> auto& m) {
  io(1, m.last);
  io(2, m.bytes);
}
void Fields(auto& io, Is<Notification> auto& m) {
  io(1, m.vote);
  io(2, m.round);
  io(3, m.state);
  io(4, m.config);
  io(5, m.look_seq);
  io(6, m.quorum_connected);
  io(7, m.amnesic);
}
void Fields(auto& io, Is<FollowerInfo> auto& m) {
  io(1, m.accepted);
  io(2, m.current);
  io(3, m.last);
  io(4, m.look_seq);
  io(5, m.config);
}
void Fields(auto& io, Is<LeaderInfo> auto& m) {
  io(1, m.epoch);
  io(2, m.decided);
}
void Fields(auto& io, Is<AckEpoch> auto& m) {
  io(1, m.current);
  io(2, m.last);
  io(3, m.base);
  io(4, m.table);
}
void Fields(auto& io, Is<Diff> auto& m) { io(1, m.last); }
void Fields(auto& io, Is<Trunc> auto& m) {
  io(1, m.after);
  io(2, m.last);
}
void Fields(auto& io, Is<Snap> auto& m) {
  io(1, m.snapshot);
  io(2, m.leader_time);
}
void Fields(auto& io, Is<NewLeader> auto& m) {
  io(1, m.last);
  io(2, m.commit);
  io(3, m.leader_time);
}
void Fields(auto& io, Is<UpToDate> auto& m) { io(1, m.commit); }
void Fields(auto& io, Is<Proposal> auto& m) { io(1, m.txns); }
void Fields(auto& io, Is<Ack> auto& m) { io(1, m.zxid); }
void Fields(auto& io, Is<Commit> auto& m) { io(1, m.zxid); }
void Fields(auto& io, Is<Call> auto& m) {
  io(1, m.tag);
  io(2, m.command);
}
void Fields(auto& io, Is<Request> auto& m) { io(1, m.calls); }
void Fields(auto& io, Is<Refusal> auto& m) {
  io(1, m.tags);
  io(2, m.reason);
}
void Fields(auto& io, Is<ReadIndex> auto& m) { io(1, m.tags); }
void Fields(auto& io, Is<ReadIndexReply> auto& m) {
  io(1, m.tags);
  io(2, m.at);
}
void Fields(auto& io, Is<Ping> auto& m) {
  io(1, m.seq);
  io(2, m.commit);
}
void Fields(auto& io, Is<Pong> auto& m) {
  io(1, m.seq);
  io(2, m.durable);
  io(3, m.applied);
  io(4, m.installing);
}
void Fields(auto& io, Is<SessionEnd> auto& m) { io(1, m.reason); }

// The field of Packet's oneof that each body has.
constexpr uint32_t BodyField(const Proposal*) { return 5; }
constexpr uint32_t BodyField(const Ack*) { return 6; }
constexpr uint32_t BodyField(const Commit*) { return 7; }
constexpr uint32_t BodyField(const Ping*) { return 8; }
constexpr uint32_t BodyField(const Pong*) { return 9; }
constexpr uint32_t BodyField(const Request*) { return 10; }
constexpr uint32_t BodyField(const Notification*) { return 11; }
constexpr uint32_t BodyField(const Fragment*) { return 12; }
constexpr uint32_t BodyField(const Hello*) { return 13; }
constexpr uint32_t BodyField(const HelloAck*) { return 14; }
constexpr uint32_t BodyField(const FollowerInfo*) { return 16; }
constexpr uint32_t BodyField(const LeaderInfo*) { return 17; }
constexpr uint32_t BodyField(const AckEpoch*) { return 18; }
constexpr uint32_t BodyField(const Diff*) { return 19; }
constexpr uint32_t BodyField(const Trunc*) { return 20; }
constexpr uint32_t BodyField(const Snap*) { return 21; }
constexpr uint32_t BodyField(const NewLeader*) { return 22; }
constexpr uint32_t BodyField(const UpToDate*) { return 23; }
constexpr uint32_t BodyField(const Refusal*) { return 24; }
constexpr uint32_t BodyField(const ReadIndex*) { return 25; }
constexpr uint32_t BodyField(const ReadIndexReply*) { return 26; }
constexpr uint32_t BodyField(const SessionEnd*) { return 27; }
template <typename T>
constexpr uint32_t kBodyField = BodyField(static_cast<const T*>(nullptr));

constexpr uint32_t kSeqField = 1, kGroupField = 2, kSessionField = 3, kSessionEpochField = 4;
constexpr uint32_t kPacketsField = 1;  // of Frame
constexpr uint32_t kFragmentLastField = 1, kFragmentBytesField = 2;

}  // namespace zkq::transport
