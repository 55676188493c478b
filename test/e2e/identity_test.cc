#include <filesystem>

#include "test/e2e/ensemble.h"
#include "test/harness/catch.h"

using namespace e2e;

namespace {

kv::CallResult TryPut(const std::string& address, const std::string& key) {
  kv::Client client({address}, absl::Seconds(2));
  pb::PutRequest request;
  request.set_key(key);
  pb::PutResponse response;
  return client.Write(
      [&](auto& stub, auto* context) { return stub.Put(context, request, &response); });
}

}  // namespace

TEST_CASE("a wiped data directory does not vote, and says so") {
  Ensemble ensemble(3);
  ensemble.StartAll();
  const int leader = ensemble.WaitForLeader();
  kv::Client client = ensemble.Client(leader);
  Put(client, "k", "v");
  const int wiped = ensemble.Follower();
  const int other = 6 - leader - wiped;
  ensemble.Kill(wiped);
  std::filesystem::remove_all(ensemble.data_dir(wiped));
  ensemble.Start(wiped);
  WaitFor("the wiped server to call itself amnesic",
          [&] { return ensemble.Status(wiped).has_value() && ensemble.Status(wiped)->amnesic(); });
  CHECK(ensemble.log(wiped).find("amnesic: needs re-admission") != std::string::npos);

  // The two others are a quorum; one of them and the wiped one are none.
  Put(client, "k", "two of three");
  ensemble.Kill(other);
  for (int id : ensemble.ids()) {
    if (id != other) CHECK_FALSE(TryPut(ensemble.address(id), "k2").status.ok());
  }
  ensemble.Start(other);
  Put(client, "k", "again");
  CHECK(Get(client, "k") == "again");
}

TEST_CASE("a second server with the same id is refused") {
  Ensemble ensemble(3);
  ensemble.StartAll();
  kv::Client client = ensemble.Client();
  Put(client, "k", "v");
  const int leader = ensemble.WaitForLeader();
  const int twin = ensemble.Follower();

  // It knows the others, but listens elsewhere.
  TempDir dir;
  std::string members;
  for (int id : ensemble.ids()) {
    std::string all = ensemble.members() + ",";
    const size_t at = all.find(std::to_string(id) + "=127");
    members += (members.empty() ? "" : ",") +
               (id == twin ? std::to_string(id) + "=127.0.0.1:" + std::to_string(FreePort())
                           : all.substr(at, all.find(',', at) - at));
  }
  const std::string address = "127.0.0.1:" + std::to_string(FreePort());
  Process impostor({ZKQ_KVD, "--id=" + std::to_string(twin), "--ensemble=" + members,
                    "--listen=" + address, "--data_dir=" + dir.path() + "/d", "--log=info"},
                   dir.path() + "/out", dir.path() + "/err");
  WaitFor("the second server to serve", [&] { return ReadFile(dir.path() + "/out") != ""; });
  CHECK_FALSE(TryPut(address, "twin").status.ok());

  // Nobody else notices.
  CHECK(ensemble.WaitForLeader() == leader);
  for (int id : ensemble.ids()) {
    kv::Client one = ensemble.Client(id);
    Put(one, "k", std::to_string(id));
  }
  CHECK(ensemble.Status(leader)->epoch() == 1);
  CHECK(Get(client, "twin") == std::nullopt);
}

TEST_CASE("the data directory of another server is refused by name") {
  Ensemble ensemble(3);
  ensemble.StartAll();
  kv::Client client = ensemble.Client();
  Put(client, "k", "v");
  ensemble.Kill(1);
  ensemble.Kill(2);
  std::filesystem::remove_all(ensemble.data_dir(1));
  std::filesystem::rename(ensemble.data_dir(2), ensemble.data_dir(1));
  Process& confused = ensemble.Launch(1);
  CHECK(confused.Wait() == 1);
  CHECK(ensemble.log(1).find("FAILED_PRECONDITION") != std::string::npos);
  CHECK(ensemble.log(1).find(ensemble.data_dir(1)) != std::string::npos);
}
