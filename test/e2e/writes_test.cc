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
  CHECK(result.status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK_FALSE(result.unknown);
  CHECK(Get(client, "k") == std::nullopt);
}
