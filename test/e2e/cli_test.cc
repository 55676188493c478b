#include <fstream>

#include "test/e2e/ensemble.h"
#include "test/harness/catch.h"

using namespace e2e;

namespace {

Finished Cli(const std::string& servers, const Flags& words) {
  Flags command = {ZKQ_KV, "--servers=" + servers};
  command.insert(command.end(), words.begin(), words.end());
  return Run(command);
}

}  // namespace

TEST_CASE("the command line's exit codes tell what happened") {
  Ensemble ensemble(1);
  ensemble.StartAll();
  ensemble.WaitForLeader();
  const std::string server = ensemble.address(1);
  CHECK(Cli(server, {"get", "k"}).code == 1);
  CHECK(Cli(server, {"put", "k", "1"}).code == 0);
  CHECK(Cli(server, {"get", "k"}).out == "1\n");
  CHECK(Cli(server, {"cas", "k", "0", "2"}).code == 1);
  CHECK(Cli(server, {"cas", "k", "1", "2"}).code == 0);
  CHECK(Cli(server, {"get", "k", "--serializable"}).out == "2\n");
  CHECK(Cli(server, {"put", "--", "--k", "-v"}).code == 0);
  CHECK(Cli(server, {"list", ""}).out == "--k\t-v\nk\t2\n");
  CHECK(Cli(server, {"del", "k"}).code == 0);
  CHECK(Cli(server, {"del", "k"}).code == 1);
  CHECK(Cli(server, {"status"}).out.find("sid=1 role=leading leader=1") != std::string::npos);

  CHECK(Cli(server, {}).code == 2);
  CHECK(Cli(server, {"jump"}).code == 2);
  CHECK(Cli(server, {"get"}).code == 2);
  CHECK(Cli(server, {"get", "k", "--timeout=soon"}).code == 2);
  CHECK(Cli("", {"get", "k"}).code == 2);

  const std::string nobody = "127.0.0.1:" + std::to_string(FreePort());
  CHECK(Cli(nobody, {"put", "k", "v", "--timeout=200ms"}).code == 3);
  CHECK(Cli(nobody, {"status", "--timeout=200ms"}).code == 3);
  // One dead server among them is passed over.
  CHECK(Cli(nobody + "," + server, {"put", "k", "v"}).code == 0);
}

TEST_CASE("a write whose answer does not come has an unknown outcome") {
  Ensemble ensemble(3);
  ensemble.StartAll();
  const int leader = ensemble.WaitForLeader();
  const int follower = ensemble.Follower();
  for (int id : ensemble.ids()) {
    if (id != follower) ensemble.process(id).Stop();
  }
  CHECK(Cli(ensemble.address(follower), {"put", "k", "v", "--timeout=300ms"}).code == 4);
  for (int id : ensemble.ids()) {
    if (id != follower) ensemble.process(id).Signal(SIGCONT);
  }
  CHECK(leader != follower);
}

TEST_CASE("a file is loaded and listed") {
  Ensemble ensemble(3);
  ensemble.StartAll();
  std::string all = ensemble.address(1) + "," + ensemble.address(2) + "," + ensemble.address(3);
  TempDir dir;
  std::string text;
  for (int i = 0; i < 2'000; ++i) text += "key" + std::to_string(100'000 + i) + "\tvalue\n";
  std::ofstream(dir.path() + "/in") << text;
  Finished load = Cli(all, {"load", dir.path() + "/in"});
  CHECK(load.code == 0);
  CHECK(load.out.find("loaded 2000 of 2000") == 0);
  CHECK(Cli(all, {"list", "key"}).out == text);

  std::ofstream(dir.path() + "/twice") << "a\t1\na\t2\n";
  CHECK(Cli(all, {"load", dir.path() + "/twice"}).code == 2);
  CHECK(Cli(all, {"load", dir.path() + "/absent"}).code == 2);
}
