// Random messages of every kind, from a seed, as zkq/wire.h can encode them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/wire/disk.h"
#include "zkq/wire.h"

namespace zkq::testing {

// The number of kinds of messages.
inline constexpr size_t kMessageKinds = std::variant_size_v<MessageBody>;

class RandomMessages {
 public:
  explicit RandomMessages(uint64_t seed) : state_(seed) {}

  uint64_t Number() {  // of any length, often small
    state_ += 0x9e3779b97f4a7c15;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    z ^= z >> 31;
    return (z >> 8) >> (z % 56);
  }
  uint32_t Small() { return static_cast<uint32_t>(Number()); }
  uint64_t Below(uint64_t bound) { return Number() % bound; }
  bool Flag() { return Below(2) == 1; }
  Zxid AnyZxid() { return {Small(), Small()}; }
  ServerId Sid() { return ServerId{1 + Number()}; }
  Id128 AnyId() { return Flag() ? Id128{Number(), Number()} : Id128{}; }
  int64_t LeaderTime() { return static_cast<int64_t>(Below(kLeaderTimeMax + 1)); }
  std::string Bytes(size_t max) {
    std::string bytes(Below(max + 1), '\0');
    for (char& byte : bytes) byte = static_cast<char>(Number());
    return bytes;
  }
  Promise AnyPromise() { return {Small(), Sid(), Number()}; }
  std::vector<uint64_t> Tags() {
    std::vector<uint64_t> tags(Below(5));
    for (uint64_t& tag : tags) tag = Number();
    return tags;
  }
  TxnKind AnyKind() { return static_cast<TxnKind>(1 + Below(3)); }
  std::string AnyCommand(TxnKind kind) {
    if (kind == TxnKind::kNoop) return Flag() ? "" : EncodeZxid(AnyZxid());
    if (kind != TxnKind::kReconfig) return Bytes(100);
    Membership membership{AnyZxid(), Members()};
    if (membership.members.empty()) membership.members = {{.id = Sid()}};
    return EncodeMembership(membership);
  }
  Txn AnyTxn(Zxid zxid, Zxid prev) {
    const TxnKind kind = AnyKind();
    return EncodeTxn(zxid, prev, kind, {Sid(), Number(), Number()}, LeaderTime(), AnyCommand(kind));
  }
  Identity AnyIdentity() {
    Identity identity{.sid = Sid(), .boot = Number(), .ensemble = AnyId(), .disk = AnyId()};
    identity.founding = AnyId();
    identity.seen = AnyId();
    if (Flag()) identity.config = AnyZxid();
    identity.former_disk = AnyId();
    identity.election = Bytes(kElectionNameMax);
    identity.features = Number();
    identity.tick = std::chrono::microseconds(Number() >> 1);
    identity.init_limit = Small();
    identity.sync_limit = Small();
    return identity;
  }
  std::vector<Member> Members() {
    std::vector<Member> members(Below(4));
    uint64_t id = 0;
    for (Member& member : members) {
      id += 1 + Number();
      member = {ServerId{id}, Bytes(20), static_cast<MemberType>(Below(2)), Small(), Small(),
                Small(),      AnyId()};
    }
    return members;
  }
  std::optional<Membership> AnyMembership() {
    if (Flag()) return std::nullopt;
    return Membership{AnyZxid(), Members()};
  }
  Notification AnyNotification() {
    return {{Small(), AnyZxid(), Sid()},
            Number(),
            static_cast<PeerState>(Below(4)),
            Flag() ? std::optional(AnyZxid()) : std::nullopt,
            Number(),
            Flag(),
            Flag(),
            AnyMembership(),
            AnyMembership()};
  }
  // `kind`: the index in MessageBody.
  Message AnyMessage(size_t kind) {
    return {.session = {Number(), Small()}, .body = AnyBody(kind)};
  }

 private:
  MessageBody AnyBody(size_t kind) {
    switch (kind) {
      case 0:
        return FollowerInfo{AnyPromise(), Small(),   AnyZxid(),
                            Number(),     AnyZxid(), static_cast<LearnerKind>(Below(2))};
      case 1:
        return LeaderInfo{Small(), Flag()};
      case 2:
        return AnyAckEpoch();
      case 3:
        return Diff{AnyZxid()};
      case 4:
        return Trunc{AnyZxid(), AnyZxid()};
      case 5:
        return Snap{AnyZxid()};
      case 6:
        return NewLeader{AnyZxid(), AnyZxid()};
      case 7:
        return UpToDate{AnyZxid(), AnyZxid()};
      case 8:
        return AnyProposal();
      case 9:
        return Ack{AnyZxid()};
      case 10:
        return Commit{AnyZxid()};
      case 11:
        return AnyRequest();
      case 12:
        return Refusal{Tags(), static_cast<RejectReason>(Below(10)), Bytes(30), Tags()};
      case 13:
        return ReadIndex{Tags()};
      case 14:
        return ReadIndexReply{Tags(), AnyZxid()};
      case 15:
        return Ping{Number(), AnyZxid(), Flag(), Number(), Number(), AnyZxid()};
      case 16:
        return Pong{Number(), AnyZxid(), AnyZxid(),
                    Flag(),   Flag(),    std::chrono::microseconds(Number() >> 1),
                    Number()};
      case 17:
        return SessionEnd{static_cast<SessionEndReason>(Below(13))};
      case 18:
        return CommitAndActivate{AnyZxid(), Sid()};
      default:
        return Reconfigure{
            Number(), {AnyZxid(), Members()}, std::chrono::microseconds(Number() >> 1)};
    }
  }
  AckEpoch AnyAckEpoch() {
    AckEpoch ack{{}, AnyZxid(), AnyZxid(), EpochTable(Below(65))};
    if (Flag()) ack.current = Flag() ? 0 : Small();
    for (Zxid& zxid : ack.table) zxid = AnyZxid();
    return ack;
  }
  Proposal AnyProposal() {
    Proposal proposal;
    Zxid prev = AnyZxid();
    for (uint64_t i = 0; i <= Below(4); ++i) {
      const Zxid zxid{1 + Small() % 1000, 1 + Small() % 1000};
      proposal.txns.push_back(AnyTxn(zxid, prev));
      prev = zxid;
    }
    if (Flag()) proposal.commit = prev;
    return proposal;
  }
  Request AnyRequest() {
    Request request;
    request.calls.resize(Below(4));
    for (Call& call : request.calls) {
      const TxnKind kind = AnyKind();
      call = MakeCall(Number(), Payload(AnyCommand(kind)));
      call.kind = kind;
    }
    return request;
  }

  uint64_t state_;
};

}  // namespace zkq::testing
