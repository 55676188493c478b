#include "test/e2e/ensemble.h"
#include "test/harness/catch.h"

using namespace e2e;

namespace {

void PutMany(kv::Client& client, const std::string& prefix, int count) {
  for (int i = 0; i < count; ++i) Put(client, prefix + std::to_string(i), std::string(1'000, 'v'));
}

}  // namespace

TEST_CASE("a server that was away catches up from the log") {
  Ensemble ensemble(3, {"--snapshot_every=0"});
  ensemble.StartAll();
  kv::Client client = ensemble.Client(ensemble.WaitForLeader());
  PutMany(client, "a", 20);
  const int away = ensemble.Follower();
  ensemble.Kill(away);
  PutMany(client, "b", 200);
  ensemble.Start(away);
  ensemble.WaitUntilEqual();
  CHECK(ensemble.Read(away, /*serializable=*/true).size() == 220);
  CHECK(ToString(ensemble.Status(away)->snapshot()) == "0:0");  // DIFF, not SNAP
}

TEST_CASE("a server that was away for longer than the log reaches back gets a snapshot") {
  const Flags small = {"--snapshot_every=100", "--retain_snapshots=1", "--log_segment_bytes=65536"};
  Ensemble ensemble(3);
  for (int id : ensemble.ids()) ensemble.Launch(id, small);
  for (int id : ensemble.ids()) ensemble.WaitUntilReady(id);
  kv::Client client = ensemble.Client(ensemble.WaitForLeader());
  PutMany(client, "a", 20);
  const int away = ensemble.Follower();
  ensemble.Kill(away);
  PutMany(client, "b", 1'000);
  // It takes none by itself, so what it has afterwards came from the leader.
  ensemble.Start(away, {"--snapshot_every=0"});
  ensemble.WaitUntilEqual();
  CHECK(ensemble.Read(away, /*serializable=*/true) == ensemble.Read(away, /*serializable=*/false));
  CHECK(ensemble.Read(away, /*serializable=*/true).size() == 1'020);
  CHECK(ToString(ensemble.Status(away)->snapshot()) != "0:0");

  // And it stands on it.
  ensemble.Kill(away);
  ensemble.Start(away, {"--snapshot_every=0"});
  ensemble.WaitUntilEqual();
  CHECK(ensemble.Read(away, /*serializable=*/true).size() == 1'020);
}

TEST_CASE("a leader that comes back cuts off what it logged alone") {
  Ensemble ensemble(3);
  ensemble.StartAll();
  kv::Client client = ensemble.Client();
  Put(client, "k", "before");
  const int leader = ensemble.WaitForLeader();
  // Stopped, the others read nothing more; killed so, they never will.
  for (int id : ensemble.ids()) {
    if (id != leader) ensemble.process(id).Stop();
  }
  kv::Client alone({ensemble.address(leader)}, absl::Milliseconds(300));
  pb::PutRequest request;
  request.set_key("k");
  request.set_value("alone");
  pb::PutResponse response;
  kv::CallResult result = alone.WriteOnce(
      [&](auto& stub, auto* context) { return stub.Put(context, request, &response); });
  CHECK_FALSE(result.status.ok());
  CHECK(result.unknown);
  const std::string divergent = ToString(ensemble.Status(leader)->logged());
  CHECK(divergent != ToString(ensemble.Status(leader)->committed()));
  ensemble.KillAll();

  for (int id : ensemble.ids()) {
    if (id != leader) ensemble.Launch(id);
  }
  for (int id : ensemble.ids()) {
    if (id != leader) ensemble.WaitUntilReady(id);
  }
  CHECK(Get(client, "k") == "before");
  Put(client, "k", "after");
  ensemble.Start(leader);
  ensemble.WaitUntilEqual();
  for (int id : ensemble.ids()) {
    CHECK(ensemble.Read(id, /*serializable=*/true) == Contents{{"k", "after"}});
  }
}
