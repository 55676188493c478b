#include "test/e2e/ensemble.h"
#include "test/harness/catch.h"

using namespace e2e;

TEST_CASE("a write through any server is read through every server") {
  Ensemble ensemble(3);
  ensemble.StartAll();
  for (int writer : ensemble.ids()) {
    kv::Client client = ensemble.Client(writer);
    Put(client, "through", std::to_string(writer));
    for (int reader : ensemble.ids()) {
      kv::Client other = ensemble.Client(reader);
      CHECK(Get(other, "through") == std::to_string(writer));
    }
  }
}

TEST_CASE("an ensemble of one serves") {
  Ensemble ensemble(1);
  ensemble.StartAll();
  kv::Client client = ensemble.Client();
  Put(client, "k", "v");
  ensemble.Kill(1);
  ensemble.Start(1);
  CHECK(Get(client, "k") == "v");
}

TEST_CASE("a batch answers every request by its id") {
  Ensemble ensemble(3);
  ensemble.StartAll();
  ensemble.WaitForLeader();
  kv::Client client = ensemble.Client(ensemble.Follower());
  grpc::ClientContext context;
  auto stream = client.Connect(absl::Now() + absl::Seconds(10))->Batch(&context);
  constexpr uint64_t kWrites = 1'000;
  for (uint64_t id = 0; id < kWrites; ++id) {
    pb::BatchRequest request;
    request.set_id(id);
    request.mutable_put()->set_key("k" + std::to_string(id));
    request.mutable_put()->set_value("v");
    REQUIRE(stream->Write(request));
  }
  std::set<uint64_t> answered;
  pb::BatchResponse response;
  while (answered.size() < kWrites && stream->Read(&response)) {
    CHECK(response.code() == 0);
    CHECK(response.has_put());
    CHECK(answered.insert(response.id()).second);
  }
  CHECK(answered.size() == kWrites);

  pb::BatchRequest get;
  get.set_id(kWrites);
  get.mutable_get()->set_key("k7");
  REQUIRE(stream->Write(get));
  REQUIRE(stream->Read(&response));
  CHECK(response.get().value() == "v");
  stream->WritesDone();
  CHECK_FALSE(stream->Read(&response));
  CHECK(stream->Finish().ok());
}

TEST_CASE("a watcher at one server sees what is written at another") {
  Ensemble ensemble(3);
  ensemble.StartAll();
  ensemble.WaitForLeader();
  kv::Client watching = ensemble.Client(1);
  grpc::ClientContext context;
  pb::WatchRequest request;
  request.set_prefix("p/");
  auto stream = watching.Connect(absl::Now() + absl::Seconds(10))->Watch(&context, request);
  stream->WaitForInitialMetadata();
  kv::Client writing = ensemble.Client(2);
  Put(writing, "q", "no");
  Put(writing, "p/k", "yes");
  pb::WatchEvent event;
  REQUIRE(stream->Read(&event));
  CHECK(event.key() == "p/k");
  CHECK(event.value() == "yes");
  context.TryCancel();
  stream->Finish();
}

TEST_CASE("a command that is too large is refused before it is sent") {
  Ensemble ensemble(1);
  ensemble.StartAll();
  ensemble.WaitForLeader();
  kv::Client client = ensemble.Client();
  pb::PutRequest request;
  request.set_key("k");
  request.set_value(std::string(2 << 20, 'x'));
  pb::PutResponse response;
  kv::CallResult result = client.WriteOnce(
      [&](auto& stub, auto* context) { return stub.Put(context, request, &response); });
  CHECK(result.status.code() == absl::StatusCode::kInvalidArgument);
  CHECK_FALSE(result.unknown);
  CHECK(Get(client, "k") == std::nullopt);
}

namespace {

// With groups that nobody knows, one in the other. Protobuf reads 100 levels of a
// message: with one more around them, they could not be read any more.
template <typename Request>
Request DeepRequest(const std::string& fields, size_t groups = 100) {
  const char open = 15 << 3 | 3, close = 15 << 3 | 4;
  Request request;
  REQUIRE(request.ParseFromString(fields + std::string(groups, open) + std::string(groups, close)));
  return request;
}

}  // namespace

// One such call, by anybody, ended an ensemble: every server halted where it applied
// the command, and again at each start.
TEST_CASE("a request with 100 nested unknown groups is served like one without") {
  Ensemble ensemble(3);
  ensemble.StartAll();
  const std::string key = "\x0a\x01k", value = "\x12\x01v";
  const auto put = DeepRequest<pb::PutRequest>(key + value);
  CHECK(put.ByteSizeLong() == 206);
  kv::Client client = ensemble.Client(ensemble.WaitForLeader());
  pb::PutResponse response;
  CHECK(client.WriteOnce([&](auto& stub, auto* c) { return stub.Put(c, put, &response); })
            .status.ok());
  CHECK(Get(client, "k") == "v");

  const auto get = DeepRequest<pb::GetRequest>(key);
  pb::GetResponse got;
  CHECK(client.Read([&](auto& stub, auto* c) { return stub.Get(c, get, &got); }).status.ok());
  CHECK(got.value() == "v");
  const auto swap = DeepRequest<pb::CompareAndSwapRequest>(key + value);
  pb::CompareAndSwapResponse swapped;
  CHECK(
      client.WriteOnce([&](auto& stub, auto* c) { return stub.CompareAndSwap(c, swap, &swapped); })
          .status.ok());
  CHECK(swapped.swapped());
  const auto erase = DeepRequest<pb::DeleteRequest>(key);
  pb::DeleteResponse erased;
  CHECK(client.WriteOnce([&](auto& stub, auto* c) { return stub.Delete(c, erase, &erased); })
            .status.ok());
  CHECK(erased.found());

  grpc::ClientContext context;
  auto stream = client.Connect(absl::Now() + absl::Seconds(10))->Batch(&context);
  pb::BatchRequest batch;
  *batch.mutable_put() = DeepRequest<pb::PutRequest>(key + value, 99);
  REQUIRE(stream->Write(batch));
  pb::BatchResponse answer;
  REQUIRE(stream->Read(&answer));
  CHECK(answer.has_put());
  stream->WritesDone();
  CHECK(stream->Finish().ok());

  // Nobody has halted, and nobody does at the next start.
  ensemble.WaitUntilEqual();
  ensemble.KillAll();
  ensemble.StartAll();
  CHECK(Get(client, "k") == "v");
  ensemble.WaitUntilEqual();
}
