#include "test/e2e/ensemble.h"
#include "test/e2e/outcome.h"
#include "test/e2e/workload.h"
#include "test/harness/catch.h"

using namespace e2e;

namespace {

constexpr uint64_t kBefore = 300;
constexpr uint64_t kAfter = 600;
constexpr uint64_t kEnd = 900;

}  // namespace

TEST_CASE("SIGKILL of the leader under load loses no acknowledged write") {
  Ensemble ensemble(3);
  ensemble.StartAll();
  const int leader = ensemble.WaitForLeader();
  Workload load(ensemble.addresses(), 4, "w", kEnd);
  load.WaitForAcknowledged(kBefore);
  ensemble.Kill(leader);
  load.WaitForAcknowledged(kAfter);
  CHECK(ensemble.WaitForLeader() != leader);
  ensemble.Start(leader);
  load.WaitForAcknowledged(kEnd);
  CHECK(WhatIsWrong(ensemble, load) == "");
}

// The clients of the server that is killed cannot know what has become of their writes; those of
// the others wait for the next leader.
TEST_CASE("SIGKILL of the leader, 20 times under load, fails no write that another server took") {
  Ensemble ensemble(3);
  ensemble.StartAll();
  Workload load(ensemble.addresses(), 4, "w", UINT64_MAX);
  for (int round = 0; round < 20; ++round) {
    const int leader = ensemble.WaitForLeader();
    load.WaitForAcknowledged(load.acknowledged() + 20);
    ensemble.Kill(leader);
    load.WaitForAcknowledged(load.acknowledged() + 20);
    ensemble.Start(leader);
  }
  CHECK(WhatIsWrong(ensemble, load) == "");
  CHECK(load.dropped() == "");
}

TEST_CASE("SIGKILL of a follower under load loses no acknowledged write") {
  Ensemble ensemble(3);
  ensemble.StartAll();
  const int leader = ensemble.WaitForLeader();
  const int follower = ensemble.Follower();
  Workload load(ensemble.addresses(), 4, "w", kEnd);
  load.WaitForAcknowledged(kBefore);
  ensemble.Kill(follower);
  load.WaitForAcknowledged(kAfter);
  CHECK(ensemble.WaitForLeader() == leader);
  ensemble.Start(follower);
  load.WaitForAcknowledged(kEnd);
  CHECK(WhatIsWrong(ensemble, load) == "");
}

TEST_CASE("SIGKILL of all three under load loses no acknowledged write") {
  Ensemble ensemble(3);
  ensemble.StartAll();
  ensemble.WaitForLeader();
  Workload load(ensemble.addresses(), 4, "w", kAfter);
  load.WaitForAcknowledged(kBefore);
  ensemble.KillAll();
  ensemble.StartAll();
  load.WaitForAcknowledged(kAfter);
  CHECK(WhatIsWrong(ensemble, load) == "");
}

TEST_CASE("a minority acknowledges nothing") {
  Ensemble ensemble(3);
  ensemble.StartAll();
  kv::Client all = ensemble.Client();
  Put(all, "k", "before");
  const int leader = ensemble.WaitForLeader();
  for (int id : ensemble.ids()) {
    if (id != leader) ensemble.Kill(id);
  }

  kv::Client alone({ensemble.address(leader)}, absl::Seconds(2));
  pb::PutRequest request;
  request.set_key("k");
  request.set_value("after");
  pb::PutResponse response;
  CHECK_FALSE(
      alone.Write([&](auto& stub, auto* context) { return stub.Put(context, request, &response); })
          .status.ok());
  pb::GetRequest get;
  get.set_key("k");
  pb::GetResponse got;
  CHECK_FALSE(alone.Read([&](auto& stub, auto* context) { return stub.Get(context, get, &got); })
                  .status.ok());
  ensemble.StartAll();
  ensemble.WaitForLeader();
  CHECK(Get(all, "k").has_value());
}

TEST_CASE("SIGTERM ends a server cleanly, whatever is under way") {
  Ensemble ensemble(3);
  ensemble.StartAll();
  const int leader = ensemble.WaitForLeader();
  kv::Client watching = ensemble.Client(leader);
  grpc::ClientContext context;
  auto stream = watching.Connect(absl::Now() + absl::Seconds(10))->Watch(&context, {});
  stream->WaitForInitialMetadata();
  Workload load(ensemble.addresses(), 4, "w", kEnd);
  load.WaitForAcknowledged(kBefore);
  ensemble.process(leader).Signal(SIGTERM);
  CHECK(ensemble.process(leader).Wait() == 0);
  pb::WatchEvent event;
  while (stream->Read(&event)) continue;
  CHECK(stream->Finish().error_code() == grpc::StatusCode::UNAVAILABLE);
  load.WaitForAcknowledged(kEnd);
  ensemble.Start(leader);
  CHECK(WhatIsWrong(ensemble, load) == "");
  for (int id : ensemble.ids()) {
    ensemble.process(id).Signal(SIGTERM);
    CHECK(ensemble.process(id).Wait() == 0);
  }
}
