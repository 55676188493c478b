#include "lib/base/texts.h"
#include "test/harness/catch.h"
#include "zkq/message.h"

namespace zkq {
namespace {

Txn At(Epoch epoch, uint32_t counter) {
  return {.zxid = {epoch, counter}, .encoded = Payload("12345678")};
}

std::string Print(MessageBody body) { return ToString(Message{{}, std::move(body)}); }

TEST_CASE("the nouns print as people write them") {
  REQUIRE(ToString(Zxid{4, 17}) == "4:17");
  REQUIRE(ToString(ServerId{3}) == "3");
  REQUIRE(ToString(Id128{0x1, 0xab}) == "000000000000000100000000000000ab");
  REQUIRE(ToString(Membership{}) == "0:0 {}");
  REQUIRE(ToString(Membership{{5, 18},
                              {{.id = ServerId{1}, .address = "a:1", .disk = {7, 7}},
                               {.id = ServerId{2}, .address = "b:1", .group = 3}}}) ==
          "5:18 {1=a:1, 2=b:1:group=3}");
  REQUIRE(ToString(LinkId{ServerId{2}, 77, 5}) == "2/77/5");
  REQUIRE(ToString(Standing::kUnlisted) == "unlisted");
  REQUIRE(ToString(Standing::kRemoved) == "removed");
  REQUIRE(ToString(PeerState::kFollowing) == "following");
  REQUIRE(ToString(ZabPhase::kBroadcast) == "broadcast");
  REQUIRE(ToString(Vote{3, {3, 9}, ServerId{1}}) == "leader 1 epoch 3 zxid 3:9");
}

TEST_CASE("a message prints as one line") {
  REQUIRE(Print(Proposal{{At(4, 17), At(4, 18), At(4, 20)}}) == "proposal 4:17..4:20");
  REQUIRE(Print(Proposal{{At(4, 17)}}) == "proposal 4:17");
  REQUIRE(Print(Ack{{4, 20}}) == "ack 4:20");
  REQUIRE(Print(LeaderInfo{5, true}) == "leader-info 5 decided");
  REQUIRE(Print(LeaderInfo{5, false}) == "leader-info 5");
  REQUIRE(Print(AckEpoch{std::nullopt, {4, 2}, {3, 1}, {{3, 7}, {4, 2}}}) ==
          "ack-epoch current none last 4:2 base 3:1 table 3:7 4:2");
  REQUIRE(Print(Refusal{{4, 5, 9}, RejectReason::kOverload}) == "refusal 4..9 overload");
  REQUIRE(Print(SessionEnd{SessionEndReason::kGap}) == "session-end gap");
}

TEST_CASE("amounts print as people read them") {
  using std::chrono::microseconds;
  REQUIRE(TimeText(microseconds(-5)) == "0 ms");
  REQUIRE(TimeText(microseconds(999'999)) == "999 ms");
  REQUIRE(TimeText(microseconds(1'550'000)) == "1.5 s");
  REQUIRE(TimeText(microseconds(74'900'000)) == "74 s");
  REQUIRE(BytesText(10'239) == "10239 bytes");
  REQUIRE(BytesText(10'240) == "10 KiB");
  REQUIRE(BytesText(uint64_t{480} << 20) == "480 MiB");
  REQUIRE(BytesText(uint64_t{12} << 30) == "12 GiB");
}

TEST_CASE("servers print by their ids, and two disks of one seat once") {
  REQUIRE(ServersText(std::set<ServerId>()) == "");
  REQUIRE(ServersText(std::set{ServerId{1}, ServerId{3}}) == "1, 3");
  REQUIRE(ServersText(std::set{MemberId{ServerId{1}, {}}, MemberId{ServerId{1}, {0, 7}},
                               MemberId{ServerId{3}, {}}}) == "1, 3");
}

TEST_CASE("pings and pongs travel on the control lane, all else on the ZAB lane") {
  REQUIRE(LaneOf({{}, Ping{}}) == Lane::kControl);
  REQUIRE(LaneOf({{}, Pong{}}) == Lane::kControl);
  REQUIRE(LaneOf({{}, Commit{}}) == Lane::kZab);
  REQUIRE(LaneOf({{}, SessionEnd{}}) == Lane::kZab);
}

TEST_CASE("the size of a message counts its payloads") {
  const size_t one = SizeOf({{}, Proposal{{At(4, 17)}}});
  const size_t two = SizeOf({{}, Proposal{{At(4, 17), At(4, 18)}}});
  REQUIRE(two - one >= At(4, 18).encoded.size());
  const Message request = {{}, Request{{{1, Payload(std::string(1000, 'x'))}}}};
  REQUIRE(SizeOf(request) >= 1000);
  REQUIRE(SizeOf({{}, Ack{}}) > 0);
}

}  // namespace
}  // namespace zkq
