// The nouns of the protocol: who (ServerId, LinkId, Member), when (Epoch), what
// (Zxid, Txn) and in which part (PeerState, ZabPhase). Values only: every type
// here is comparable, copyable, owns what it holds and needs no lock.
//
// This header is part of the pure half of zkq's interface: it includes the
// standard library and nothing else, so the protocol core can share it.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#define ZKQ_EXPORT __attribute__((visibility("default")))

namespace zkq {
inline namespace v1 {

// Names a seat in an ensemble; the disk that the configuration lists there is who sits in it.
// An id that was removed may be given again, and a server on another disk may take the seat of
// one whose disk is lost: it counts once a configuration lists its disk, and not before.
// 1 … kServerIdMax are given by people; 0 means "none"; those above, up to 2^63-1, zkq gives
// to servers without one, and no configuration lists them. Variables: `sid`.
enum class ServerId : uint64_t {};
inline constexpr ServerId kNoServer{0};
inline constexpr ServerId kServerIdMax{(uint64_t{1} << 62) - 1};
inline constexpr uint64_t ToInt(ServerId sid) { return static_cast<uint64_t>(sid); }

// Numbers the terms of leadership. 0 means "never led".
using Epoch = uint32_t;

// Names one transaction for ever: the epoch it was proposed in and its place
// there. Printed "4:17". Counter 0 is the epoch's marker (ZAB's NEWLEADER) and
// never names a transaction; {0,0} is "before the first transaction".
struct Zxid {
  Epoch epoch = 0;
  uint32_t counter = 0;
  friend auto operator<=>(const Zxid&, const Zxid&) = default;
};
ZKQ_EXPORT std::string ToString(Zxid zxid);
ZKQ_EXPORT std::string ToString(ServerId sid);

// 128 random bits, printed as 32 hex digits. All zero means "none".
struct Id128 {
  uint64_t high = 0;
  uint64_t low = 0;
  friend auto operator<=>(const Id128&, const Id128&) = default;
};
ZKQ_EXPORT std::string ToString(const Id128& id);
// Names an ensemble; none before it is founded.
using EnsembleId = Id128;
// Names one data directory: made with it, gone with it.
using DiskId = Id128;
// In a change of the configuration: the disk that the server has now.
inline constexpr DiskId kPresentDisk{~uint64_t{0}, ~uint64_t{0}};

// Names one accepted stream between two peers, so that nothing meant for a dead
// link can touch its replacement.
struct LinkId {
  ServerId sid{};     // the peer at the other end
  uint64_t boot = 0;  // the process life of that peer
  uint64_t seq = 0;   // by the dialler: odd if it has the larger id; grows in one process life
  friend auto operator<=>(const LinkId&, const LinkId&) = default;
};
ZKQ_EXPORT std::string ToString(const LinkId& link);

enum class MemberType : uint8_t { kParticipant, kObserver };

// Who is counted where the protocol counts votes, promises and acknowledgements: a server with
// the disk that it has. Another disk under the same id is another member.
struct MemberId {
  ServerId id{};
  DiskId disk = {};
  friend auto operator<=>(const MemberId&, const MemberId&) = default;
};

// One server of the ensemble, as configured.
struct Member {
  ServerId id{};
  std::string address = {};  // of its peer port; resolved anew on each connect
  MemberType type = MemberType::kParticipant;
  uint32_t weight = 1;    // of its vote; 0: follows and acknowledges, never leads
  uint32_t group = 0;     // of voters, each from 1 on; 0 for all of them: they are one group
  uint32_t priority = 1;  // as a leader: how much it is preferred; nothing goes by it yet
  DiskId disk = {};       // a voter's, filled in by zkq; none as configured, and of observers.
                          // In a change none keeps the listed one; or kPresentDisk
  friend auto operator<=>(const Member&, const Member&) = default;
};
// "4=host:7004:observer", "1=[::1]:7001:weight=2:group=1:priority=3": ParseMembers reads it.
// The disk is not in it.
ZKQ_EXPORT std::string ToString(const Member& member);

// The version of what no ensemble has agreed on: the list that an unfounded server was started
// with. A change made from it is kAborted; the same list with {0,0} would count as made from what
// the ensemble was founded with.
inline constexpr Zxid kNotAgreed{0, 1};

// The ensemble as agreed in the transaction `version`; {0,0}: as founded; {E,0}: as restored or
// recovered; or kNotAgreed.
struct Membership {
  Zxid version = {};
  std::vector<Member> members = {};  // ordered by id
  friend auto operator<=>(const Membership&, const Membership&) = default;
};
// "5:18 {1=a:7001, 2=b:7001:observer}".
ZKQ_EXPORT std::string ToString(const Membership& membership);

// Null if it is not listed.
ZKQ_EXPORT const Member* FindMember(const Membership& membership, ServerId sid);
ZKQ_EXPORT Member* FindMember(Membership* membership, ServerId sid);
// `membership` with `member` in it, in the place of the one with its id if there is one; the
// version stays, as that of what was edited.
ZKQ_EXPORT Membership With(Membership membership, Member member);
// `membership` without the server `sid`; as it is if that one is not listed.
ZKQ_EXPORT Membership Without(Membership membership, ServerId sid);
// Whether `servers`, each on the disk that is listed for it, decide. A group is won by more than
// half of its weight, and a quorum wins more than half of the groups that have any weight. With
// one group of equal weights: most of the voters. Others than voters do not count, and one that
// is named twice counts once.
ZKQ_EXPORT bool IsQuorum(const Membership& membership, const std::vector<ServerId>& servers);

// Where a server stands in its ensemble.
enum class Standing : uint8_t {
  kUnfounded,  // there is no ensemble yet: waits for every listed voter
  kJoining,    // not listed, or listed with another disk: learns, and does not count before a
               // change of the configuration lists it with this one
  kMember,     // listed, with this disk
  kUnlisted,   // an observer that nobody has listed
  kRemoved,    // the committed configuration has left it out: it may be stopped once that
               // change has been answered
};
ZKQ_EXPORT std::string_view ToString(Standing standing);

enum class PeerState : uint8_t { kLooking, kFollowing, kLeading, kObserving };
enum class ZabPhase : uint8_t { kElection, kDiscovery, kSynchronization, kBroadcast };
ZKQ_EXPORT std::string_view ToString(PeerState state);
ZKQ_EXPORT std::string_view ToString(ZabPhase phase);

// A candidate, with what makes it one. Votes are compared in this order: the
// candidate's current epoch, its last durable transaction, its id.
struct Vote {
  Epoch epoch = 0;
  Zxid zxid = {};
  ServerId leader{};
  friend auto operator<=>(const Vote&, const Vote&) = default;
};
ZKQ_EXPORT std::string ToString(const Vote& vote);

// Immutable bytes, shared by all who hold them: links, log and state machine
// keep one copy. Several payloads may share one buffer.
class Payload {
 public:
  Payload() = default;
  explicit Payload(std::string bytes)
      : owner_(std::make_shared<const std::string>(std::move(bytes))), bytes_(*owner_) {}
  // `bytes` must lie within `*owner`.
  Payload(std::shared_ptr<const std::string> owner, std::string_view bytes)
      : owner_(std::move(owner)), bytes_(bytes) {}

  std::string_view view() const { return bytes_; }
  size_t size() const { return bytes_.size(); }
  // Whether `next` begins where this one ends, in the same buffer.
  bool Adjoins(const Payload& next) const {
    return owner_ == next.owner_ && bytes_.data() + bytes_.size() == next.bytes_.data();
  }
  // `part` must lie within view(); it shares this payload's buffer.
  Payload Part(std::string_view part) const { return {owner_, part}; }

  friend bool operator==(const Payload& a, const Payload& b) { return a.bytes_ == b.bytes_; }

 private:
  std::shared_ptr<const std::string> owner_;
  std::string_view bytes_;
};

// Where a transaction was asked for: the `call`-th call of the process life
// `boot` of `sid`. All zero: nobody asked (the leader made it by itself).
struct Origin {
  ServerId sid{};
  uint64_t boot = 0;
  uint64_t call = 0;
  friend auto operator<=>(const Origin&, const Origin&) = default;
};

// The end of the year 9999.
inline constexpr int64_t kLeaderTimeMax = 253'402'300'799'999'999;

enum class TxnKind : uint8_t { kCommand = 1, kReconfig = 2, kNoop = 3 };

// One entry of the history. Made by the functions of zkq/wire.h, never by hand: the
// fields say what `encoded` says, and that is what travels and what is stored.
struct Txn {
  Zxid zxid = {};
  Zxid prev = {};  // the entry before it; {0,0} for the first
  TxnKind kind = TxnKind::kCommand;
  Origin origin = {};
  // Microseconds since 1970 by the leader's clock; never falls, from 0 to kLeaderTimeMax.
  int64_t leader_time = 0;
  uint32_t command_crc = 0;  // CRC32C of `command`, by the replica whose Propose was called
  Payload command = {};      // shares the buffer of `encoded`
  Payload encoded = {};      // its record in a batch (zkq.wire.v1.Batch), tag and length included
  friend bool operator==(const Txn& a, const Txn& b) { return a.encoded == b.encoded; }
};

}  // namespace v1
}  // namespace zkq
