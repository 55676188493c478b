#include "examples/kv/commands.h"

#include "examples/kv/state_machine.h"
#include "test/harness/catch.h"
#include "zkq/status.h"

namespace {

namespace pb = kv::pb;

// A request with 100 groups that nobody knows, one in the other: as deep as protobuf
// reads. One message around it is too much.
template <typename Request>
Request Deep() {
  const char open = 15 << 3 | 3, close = 15 << 3 | 4;
  Request request;
  REQUIRE(request.ParseFromString(std::string(100, open) + std::string(100, close)));
  return request;
}

pb::Command DeepPut() {
  pb::Command command;
  *command.mutable_put() = Deep<pb::PutRequest>();
  command.mutable_put()->set_key("k");
  command.mutable_put()->set_value("v");
  return command;
}

bool Parses(const std::string& command) { return pb::Command().ParseFromString(command); }

}  // namespace

TEST_CASE("a command keeps the fields that are known, and nothing else") {
  REQUIRE_FALSE(Parses(DeepPut().SerializeAsString()));  // else this test says nothing
  pb::Command put;
  put.mutable_put()->set_key("k");
  put.mutable_put()->set_value("v");
  REQUIRE(kv::EncodeCommand(DeepPut()).ok());
  CHECK(*kv::EncodeCommand(DeepPut()) == put.SerializeAsString());

  pb::Command erase, swap;
  *erase.mutable_delete_() = Deep<pb::DeleteRequest>();
  *swap.mutable_cas() = Deep<pb::CompareAndSwapRequest>();
  for (const pb::Command& command : {erase, swap}) {
    REQUIRE_FALSE(Parses(command.SerializeAsString()));
    REQUIRE(kv::EncodeCommand(command).ok());
    CHECK(Parses(*kv::EncodeCommand(command)));
  }
}

TEST_CASE("a query keeps the fields that are known, and nothing else") {
  pb::Query query, known;
  *query.mutable_get() = Deep<pb::GetRequest>();
  query.mutable_get()->set_key("k");
  known.mutable_get()->set_key("k");
  CHECK(kv::EncodeQuery(query) == known.SerializeAsString());
}

TEST_CASE("a command without an op is refused, and not committed") {
  const absl::Status status = kv::EncodeCommand(pb::Command()).status();
  CHECK(absl::IsInvalidArgument(status));
  CHECK(zkq::GetErrorInfo(status).outcome == zkq::Outcome::kNotCommitted);
}

TEST_CASE("a command that cannot be read is answered, changes nothing, and reads as an error") {
  kv::KvStateMachine machine(nullptr);
  const std::string deep = DeepPut().SerializeAsString();
  for (const std::string& command : {deep, std::string("\xff\xff"), std::string()}) {
    const absl::StatusOr<std::string> answer = machine.Apply({.zxid = {1, 1}, .command = command});
    REQUIRE(answer.ok());
    CHECK(*answer == kv::kNotACommand);
    pb::PutResponse response;
    const absl::Status read = kv::ReadAnswer(*answer, &response);
    CHECK(absl::IsInternal(read));
    CHECK(zkq::GetErrorInfo(read).outcome == zkq::Outcome::kNotCommitted);
  }
  pb::Query query;
  query.mutable_get()->set_key("k");
  pb::GetResponse response;
  REQUIRE(kv::ReadAnswer(*machine.Query(kv::EncodeQuery(query)), &response).ok());
  CHECK_FALSE(response.found());
}

TEST_CASE("an answer that is no response of the store leaves the outcome unknown") {
  pb::PutResponse response;
  const absl::Status read = kv::ReadAnswer("\xff\xff", &response);
  CHECK(absl::IsInternal(read));
  CHECK(zkq::GetErrorInfo(read).outcome == zkq::Outcome::kUnknown);
}
