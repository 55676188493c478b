// The fields of everything that zkq encodes, once for both directions: Fields(io, message)
// calls io(number, member) for each, where `io` is an Encoder or a Decoder (codec.h).
// Numbers and names are those of proto/zkq/wire/v1/message.proto. To add a field, add
// it there, in the struct and here; what is removed there becomes `reserved`.
//
// Members are listed in the order of their numbers: that is how protoc's code writes them,
// and the decoder is quickest so.
//
// Part of codec.h, which is what to include. The messages that only links know
// (Hello, Fragment …) have their lists in lib/link/codec.cc, in the same form.
#pragma once

#include <concepts>
#include <optional>
#include <string_view>
#include <type_traits>

#include "lib/base/crc32c.h"
#include "lib/base/hard_state.h"
#include "lib/base/snapshot_meta.h"
#include "lib/wire/disk.h"
#include "zkq/message.h"

namespace zkq::wire {

// T itself when decoding, const T when encoding.
template <typename T, typename U>
concept Is = std::same_as<std::remove_const_t<T>, U>;

// --- nouns --------------------------------------------------------------------------

void Fields(auto& io, Is<Zxid> auto& m) {
  io(1, m.epoch);
  io(2, m.counter);
}
void Fields(auto& io, Is<Id128> auto& m) {
  io.Fixed(1, m.high);
  io.Fixed(2, m.low);
}
void Fields(auto& io, Is<Vote> auto& m) {
  io(1, m.epoch);
  io(2, m.zxid);
  io(3, m.leader);
}
void Fields(auto& io, Is<Promise> auto& m) {
  io(1, m.epoch);
  io(2, m.leader);
  io(3, m.boot);
}
void Fields(auto& io, Is<Member> auto& m) {
  io(1, m.id);
  io(2, m.address);
  io(3, m.type);
  io(4, m.weight);
  io(5, m.group);
  io(6, m.priority);
  io(7, m.disk);
}
void Fields(auto& io, Is<Membership> auto& m) {
  io(1, m.version);
  io(2, m.members);
}
// Without `encoded`, which is this in a batch (txn.h). `command` is last, so that it is
// a plain end of the buffer.
void Fields(auto& io, Is<Txn> auto& m) {
  io(1, m.zxid.epoch);
  io(2, m.zxid.counter);
  io(3, m.prev.epoch);
  io(4, m.prev.counter);
  io(5, m.kind);
  io(6, m.origin.sid);
  io(7, m.origin.boot);
  io(8, m.origin.call);
  io(9, m.leader_time);
  io.Fixed(10, m.command_crc);
  io(15, m.command);
}

// --- what a disk knows of itself -----------------------------------------------------

void Fields(auto& io, Is<HardState> auto& m) {
  io(1, m.ensemble);
  io(2, m.sid);
  io(3, m.disk);
  io(4, m.boot);
  io(5, m.accepted);
  io(6, m.current);
  io(7, m.config);
  io(8, m.listed);
  io(9, m.former_disk);
}
void Fields(auto& io, Is<SnapshotMeta> auto& m) {
  io(1, m.zxid);
  io(2, m.leader_time);
  io(3, m.membership);
  io(4, m.ensemble);
}

// --- what peers say to each other ------------------------------------------------------

void Fields(auto& io, Is<Identity> auto& m) {
  io(1, m.sid);
  io(2, m.boot);
  io(3, m.ensemble);
  io(4, m.disk);
  io(5, m.config);
  io(6, m.founding);
  io(7, m.seen);
  io(8, m.election);
  io(9, m.features);
  io(10, m.tick);
  io(11, m.init_limit);
  io(12, m.sync_limit);
  io(13, m.former_disk);
}
void Fields(auto& io, Is<Notification> auto& m) {
  io(1, m.vote);
  io(2, m.round);
  io(3, m.state);
  io(4, m.config);
  io(5, m.look_seq);
  io(6, m.quorum_connected);
  io(7, m.amnesic);
  io(8, m.membership);
  io(9, m.pending);
}
void Fields(auto& io, Is<FollowerInfo> auto& m) {
  io(1, m.accepted);
  io(2, m.current);
  io(3, m.last);
  io(4, m.look_seq);
  io(5, m.config);
  io(6, m.kind);
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
void Fields(auto& io, Is<Snap> auto& m) { io(1, m.snapshot); }
void Fields(auto& io, Is<NewLeader> auto& m) {
  io(1, m.last);
  io(2, m.commit);
}
void Fields(auto& io, Is<UpToDate> auto& m) {
  io(1, m.commit);
  io(2, m.last_proposed);
}
// The batch is last, so that it is a plain end of the buffer, too.
void Fields(auto& io, Is<Proposal> auto& m) {
  io(1, m.commit);
  io(2, m.txns);
}
void Fields(auto& io, Is<Ack> auto& m) { io(1, m.zxid); }
void Fields(auto& io, Is<Commit> auto& m) { io(1, m.zxid); }
void Fields(auto& io, Is<Call> auto& m) {
  io(1, m.tag);
  io(2, m.kind);
  io.Fixed(3, m.command_crc);
  io(15, m.command);
}
void Fields(auto& io, Is<Request> auto& m) { io(1, m.calls); }
void Fields(auto& io, Is<Refusal> auto& m) {
  io(1, m.tags);
  io(2, m.reason);
  io(3, m.text);
  io(4, m.servers);
}
void Fields(auto& io, Is<ReadIndex> auto& m) { io(1, m.tags); }
void Fields(auto& io, Is<ReadIndexReply> auto& m) {
  io(1, m.tags);
  io(2, m.at);
}
void Fields(auto& io, Is<Ping> auto& m) {
  io(1, m.seq);
  io(2, m.commit);
  io(3, m.syncing);
  io(4, m.heard);
  io(5, m.confirmed);
  io(6, m.confirmed_commit);
}
void Fields(auto& io, Is<Pong> auto& m) {
  io(1, m.seq);
  io(2, m.durable);
  io(3, m.applied);
  io(4, m.installing);
  io(5, m.syncing);
  io(6, m.sync);
  io(7, m.taken);
}
void Fields(auto& io, Is<SessionEnd> auto& m) { io(1, m.reason); }
void Fields(auto& io, Is<CommitAndActivate> auto& m) {
  io(1, m.zxid);
  io(2, m.leader);
}
void Fields(auto& io, Is<Reconfigure> auto& m) {
  io(1, m.tag);
  io(2, m.next);
  io(3, m.time_left);
}

// The field of zkq.v1.Packet's oneof that each body of a Message has.
constexpr uint32_t BodyField(const Proposal*) { return 5; }
constexpr uint32_t BodyField(const Ack*) { return 6; }
constexpr uint32_t BodyField(const Commit*) { return 7; }
constexpr uint32_t BodyField(const Ping*) { return 8; }
constexpr uint32_t BodyField(const Pong*) { return 9; }
constexpr uint32_t BodyField(const Request*) { return 10; }
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
constexpr uint32_t BodyField(const CommitAndActivate*) { return 28; }
constexpr uint32_t BodyField(const Reconfigure*) { return 29; }
template <typename T>
constexpr uint32_t kBodyField = BodyField(static_cast<const T*>(nullptr));

// --- what the types cannot say ----------------------------------------------------------

// What a message says that has no field at all, where that is not T{}.
template <typename T>
T Blank() {
  return T{};
}
template <>
inline Member Blank<Member>() {
  return {.weight = 0, .priority = 0};
}
template <>
inline Txn Blank<Txn>() {
  return {.kind = TxnKind{}};
}
template <>
inline Call Blank<Call>() {
  return {.kind = TxnKind{}};
}

// The last value of an enumeration: a number above it is malformed.
constexpr uint64_t LastOf(ServerId) { return INT64_MAX; }
constexpr uint64_t LastOf(TxnKind) { return static_cast<uint64_t>(TxnKind::kNoop); }
constexpr uint64_t LastOf(MemberType) { return static_cast<uint64_t>(MemberType::kObserver); }
constexpr uint64_t LastOf(Standing) { return static_cast<uint64_t>(Standing::kRemoved); }
constexpr uint64_t LastOf(ZabPhase) { return static_cast<uint64_t>(ZabPhase::kBroadcast); }
constexpr uint64_t LastOf(PeerState) { return static_cast<uint64_t>(PeerState::kObserving); }
constexpr uint64_t LastOf(RejectReason) {
  return static_cast<uint64_t>(RejectReason::kNotCaughtUp);
}
constexpr uint64_t LastOf(SessionEndReason) {
  return static_cast<uint64_t>(SessionEndReason::kBusy);
}
constexpr uint64_t LastOf(LearnerKind) { return static_cast<uint64_t>(LearnerKind::kObserver); }

// Asked of each message once its fields are decoded; false: malformed.
template <typename T>
bool Valid(const T&) {
  return true;
}
inline bool Valid(const Membership& membership) {
  ServerId before = kNoServer;
  for (const Member& member : membership.members) {
    if (member.id <= before) return false;
    before = member.id;
  }
  return true;
}
// A reconfiguration that leads to no membership would halt each replica that appends it.
inline bool ValidCommand(TxnKind kind, std::string_view command, uint32_t crc) {
  if (kind == TxnKind{} || crc != Crc32c(command)) return false;
  if (kind == TxnKind::kNoop) return command.empty() || DecodeZxid(command).has_value();
  if (kind != TxnKind::kReconfig) return true;
  const std::optional<Membership> membership = DecodeMembership(command);
  return membership && !membership->members.empty();
}
constexpr bool ValidTime(int64_t leader_time) {
  return leader_time >= 0 && leader_time <= kLeaderTimeMax;
}
inline bool Valid(const Txn& txn) {
  return txn.zxid.epoch != 0 && txn.zxid.counter != 0 && ValidTime(txn.leader_time) &&
         ValidCommand(txn.kind, txn.command.view(), txn.command_crc);
}
inline bool Valid(const SnapshotMeta& meta) { return ValidTime(meta.leader_time); }
inline bool Valid(const Call& call) {
  return ValidCommand(call.kind, call.command.view(), call.command_crc);
}
inline bool Valid(const Identity& identity) {
  return identity.sid != kNoServer && identity.election.size() <= kElectionNameMax;
}
inline bool Valid(const AckEpoch& ack) { return ack.table.size() <= kEpochTableMax; }
inline bool Valid(const Proposal& proposal) {
  for (size_t i = 1; i < proposal.txns.size(); ++i) {
    if (proposal.txns[i].prev != proposal.txns[i - 1].zxid) return false;
  }
  return !proposal.txns.empty() && proposal.commit <= proposal.txns.back().zxid;
}

}  // namespace zkq::wire
