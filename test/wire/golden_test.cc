// The bytes of each message, and of each record of a disk that is one: the golden text is
// what is written today, and what is written is read back as it was, by the version that
// wrote it and from one that knows more.
#include <functional>
#include <map>

#include "lib/wire/disk.h"
#include "lib/wire/status.h"
#include "test/harness/catch.h"
#include "test/harness/script.h"
#include "test/wire/golden.h"
#include "zkq/wire.h"

namespace zkq {
namespace {

using testing::Command;
using testing::RunScript;
using testing::Schema;

constexpr Zxid kZxid = {4, 17}, kBefore = {4, 16};
constexpr ServerId kOne{1}, kTwo{2};

// Every field of them is set.
const Membership kMembership = {{3, 9},
                                {{kOne, "a:7001", MemberType::kParticipant, 5, 6, 7, {0xd1, 0xd2}},
                                 {kTwo, "b:7002", MemberType::kObserver, 1, 0, 1, {}}}};

const Membership kPending = {{4, 17}, {{kTwo, "b:7002"}}};

Txn SampleTxn() {
  return EncodeTxn(kZxid, kBefore, TxnKind::kCommand, {kTwo, 3, 9}, 1'700'000'000'123'456,
                   "put k v");
}

const std::map<std::string, MessageBody>& Bodies() {
  static const std::map<std::string, MessageBody> kBodies = {
      {"FollowerInfo", FollowerInfo{{5, kTwo, 8}, 4, kZxid, 6, {3, 9}, LearnerKind::kObserver}},
      {"LeaderInfo", LeaderInfo{.epoch = 5, .decided = true}},
      {"AckEpoch", AckEpoch{.current = 0, .last = kZxid, .base = {2, 2}, .table = {{2, 2}, kZxid}}},
      {"Diff", Diff{kZxid}},
      {"Trunc", Trunc{.after = {3, 1}, .last = kZxid}},
      {"Snap", Snap{kZxid}},
      {"NewLeader", NewLeader{.last = kZxid, .commit = kBefore}},
      {"UpToDate", UpToDate{.commit = kBefore, .last_proposed = kZxid}},
      {"Proposal", Proposal{{SampleTxn()}, kBefore}},
      {"Ack", Ack{kZxid}},
      {"Commit", Commit{kZxid}},
      {"Request", Request{{MakeCall(11, Payload("put k v"))}}},
      {"Refusal", Refusal{.tags = {11, 12},
                          .reason = RejectReason::kNotCaughtUp,
                          .text = "server 3 is not linked",
                          .servers = {3}}},
      {"ReadIndex", ReadIndex{{13, 14}}},
      {"ReadIndexReply", ReadIndexReply{.tags = {13}, .at = kZxid}},
      {"Ping", Ping{.seq = 21,
                    .commit = kZxid,
                    .syncing = true,
                    .heard = 20,
                    .confirmed = 19,
                    .confirmed_commit = kBefore}},
      {"Pong", Pong{.seq = 21,
                    .durable = kZxid,
                    .applied = kBefore,
                    .installing = true,
                    .syncing = true,
                    .sync = std::chrono::microseconds(600),
                    .taken = 5}},
      {"SessionEnd", SessionEnd{SessionEndReason::kTimeout}},
      {"CommitAndActivate", CommitAndActivate{.zxid = kZxid, .leader = kTwo}},
      {"Reconfigure",
       Reconfigure{.tag = 11, .next = kMembership, .time_left = std::chrono::milliseconds(3)}}};
  return kBodies;
}

StatusReport SampleStatus() {
  const ErrorReport error{14, "why", "unknown; servers 2"};
  const std::chrono::microseconds time(600);
  const LinkReport link{kTwo,
                        MemberType::kObserver,
                        Standing::kUnlisted,
                        true,
                        time,
                        error,
                        time,
                        kZxid,
                        kBefore,
                        8,
                        9,
                        true};
  return {.id = kOne,
          .state = PeerState::kLeading,
          .phase = ZabPhase::kBroadcast,
          .standing = Standing::kMember,
          .leader = kOne,
          .epoch = 4,
          .leads = 4,
          .last_logged = kZxid,
          .last_committed = kBefore,
          .last_applied = kBefore,
          .last_snapshot = {3, 1},
          .staleness = kEndless,
          .transactions_behind = 5,
          .membership = kMembership,
          .ensemble = {0xe1, 0xe2},
          .listen_address = "a:7001",
          .links = {link},
          .outstanding_bytes = 6,
          .last_sync_latency = time,
          .ready = error,
          .health = error,
          .halted = true,
          .changing = true};
}

Message SampleMessage(const std::string& kind) { return {{7, 5}, Bodies().at(kind)}; }

std::string EncodeMessage(const Message& message) { return Encode(message); }
// A transaction keeps its record as it came, a later version's fields included: what
// counts here are its own.
std::optional<Message> DecodeFieldsOf(const std::string& bytes) {
  std::optional<Message> message = DecodeMessage(Payload(bytes));
  if (!message) return message;
  if (auto* proposal = std::get_if<Proposal>(&message->body)) EncodeTxns(proposal->txns);
  return message;
}

// The golden text of `sample`, or what is wrong with it.
template <typename T>
std::string Golden(Schema* schema, const std::string& type, const T& sample, auto encode,
                   auto decode) {
  const std::string bytes = encode(sample);
  if (decode(bytes) != sample) return "is not read back as it was written";
  if (decode(schema->FromLaterVersion(type, bytes)) != sample) {
    return "is not read from a later version, which has fields more";
  }
  return schema->Text(type, bytes);
}

std::string GoldenRecord(Schema* schema, const std::string& type) {
  const auto golden = [&](const auto& sample, auto encode, auto decode) {
    return Golden(schema, type, sample, encode, decode);
  };
  if (type == "HardState") {
    const HardState state{{0xe1, 0xe2}, kOne, {0xd1, 0xd2}, {0xc1, 0xc2}, 3,
                          {5, kTwo, 8}, 4,    kMembership,  true};
    return golden(state, EncodeHardState, DecodeHardState);
  }
  if (type == "SegmentStart") {
    const SegmentStart start{"a HardState", {2, 2}, kZxid};
    return golden(start, EncodeSegmentStart, DecodeSegmentStart);
  }
  if (type == "SnapshotMeta") {
    const SnapshotMeta meta{kZxid, 1'700'000'000'123'456, kMembership, {0xe1, 0xe2}};
    return golden(meta, EncodeSnapshotMeta, DecodeSnapshotMeta);
  }
  if (type == "StatusReport") {
    return golden(SampleStatus(), EncodeStatusReport, DecodeStatusReport);
  }
  if (type == "ChangeRequest") {
    const ChangeRequest request{kMembership, std::chrono::microseconds(600)};
    return golden(request, EncodeChangeRequest, DecodeChangeRequest);
  }
  if (type == "ChangeReport") {
    const ChangeReport report{{10, "another version", "not committed"}, kMembership};
    return golden(report, EncodeChangeReport, DecodeChangeReport);
  }
  if (type == "Membership") return golden(kMembership, EncodeMembership, DecodeMembership);
  if (type == "Zxid") return golden(kZxid, EncodeZxid, DecodeZxid);
  throw std::invalid_argument("no such record: " + type);
}

std::string GoldenText(Schema* schema, const Command& command) {
  if (command.name == "message") {
    return Golden(schema, "Packet", SampleMessage(command.args.at(0)), EncodeMessage,
                  DecodeFieldsOf);
  }
  if (command.name == "record") return GoldenRecord(schema, command.args.at(0));
  if (command.name == "notification") {
    const Notification sample{
        {4, kZxid, kTwo}, 6, PeerState::kLeading, Zxid{3, 9}, 8, true, true, kMembership, kPending};
    return Golden(
        schema, "Notification", sample, [](const Notification& n) { return Encode(n); },
        DecodeNotification);
  }
  if (command.name == "identity") {
    const Identity sample{kOne,
                          3,
                          {0xe1, 0xe2},
                          {0xd1, 0xd2},
                          {0xc1, 0xc2},
                          Zxid{3, 9},
                          {0xf1, 0xf2},
                          {0xa1, 0xa2},
                          "fast",
                          1,
                          std::chrono::milliseconds(2),
                          10,
                          5};
    return Golden(
        schema, "Identity", sample, [](const Identity& i) { return Encode(i); }, DecodeIdentity);
  }
  throw std::invalid_argument("no such sample: " + command.name);
}

TEST_CASE("each message and record has a golden text, and is written as it says") {
  Schema schema(ZKQ_TEST_DATA_DIR "/../../proto");
  REQUIRE(RunScript("testdata/golden.txt",
                    [&](const Command& command) { return GoldenText(&schema, command); }) == "");
  std::set<std::string> ours = schema.messages();
  // Those of links: test/link/golden_test.cc.
  for (const char* other :
       {"Frame", "Packet", "Fragment", "KnockRequest", "KnockReply", "FetchRequest", "Chunk",
        "Hello", "HelloAck", "Refused", "AskRequest", "AskReply"}) {
    REQUIRE(ours.erase(other) == 1);
  }
  REQUIRE(schema.Unseen(ours) == "");
}

TEST_CASE("a kind of message without a golden text is noticed") {
  REQUIRE(Bodies().size() == std::variant_size_v<MessageBody>);
  for (const auto& [name, body] : Bodies()) {
    for (const auto& [other, its] : Bodies()) {
      REQUIRE((name == other) == (body.index() == its.index()));
    }
  }
  Schema schema(ZKQ_TEST_DATA_DIR "/../../proto");
  schema.Text("Zxid", EncodeZxid({4, 0}));
  REQUIRE(schema.Unseen({"Zxid", "Ack"}) == "Ack.zxid Zxid.counter");
}

}  // namespace
}  // namespace zkq
