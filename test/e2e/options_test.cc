#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

#include "test/e2e/ensemble.h"
#include "test/harness/catch.h"

using namespace e2e;

namespace {

// What zkq-kvd says when it is started with usable flags and then these.
class Attempt {
 public:
  explicit Attempt(const Flags& flags) {
    Flags command = {ZKQ_KVD, "--id=1", "--ensemble=1=127.0.0.1:" + std::to_string(FreePort()),
                     "--listen=127.0.0.1:" + std::to_string(FreePort()),
                     "--data_dir=" + dir_.path() + "/d"};
    command.insert(command.end(), flags.begin(), flags.end());
    finished_ = Run(command);
  }
  int code() const { return finished_.code; }
  bool Says(const std::string& part) const {
    INFO(finished_.err);
    CHECK(finished_.out.empty());  // never ready
    return finished_.err.find(part) != std::string::npos;
  }

 private:
  TempDir dir_;
  Finished finished_;
};

void CheckRefused(const std::string& flag, const std::vector<std::string>& says) {
  INFO(flag);
  Attempt attempt({flag});
  CHECK(attempt.code() == 2);
  for (const std::string& part : says) CHECK(attempt.Says(part));
}

}  // namespace

TEST_CASE("a flag that cannot be used is named, with its value") {
  CheckRefused("--no_such_flag=1", {"no_such_flag"});
  CheckRefused("stray", {"stray"});
  CheckRefused("--id=x", {"id", "x"});
  CheckRefused("--tick=fast", {"tick", "fast"});
  CheckRefused("--log=loud", {"log", "loud"});
  CheckRefused("--listen=", {"listen"});
  CheckRefused("--config=/no/such/file", {"config", "/no/such/file"});
}

TEST_CASE("a server whose words nobody reads ends with its code, and by no signal") {
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  close(ends[0]);
  const std::string to_nobody = "exec \"$0\" stray 2>&" + std::to_string(ends[1]);
  CHECK(Run({"/bin/bash", "-c", to_nobody, ZKQ_KVD}).code == 2);
  close(ends[1]);
}

TEST_CASE("an option that zkq cannot use is named, with its value") {
  CheckRefused("--id=4611686018427387904", {"id", "4611686018427387904"});
  CheckRefused("--id=7", {"id", "7"});
  CheckRefused("--data_dir=", {"data_dir"});
  CheckRefused("--peer_listen=nowhere", {"listen_address", "nowhere"});
  CheckRefused("--ensemble=", {"--ensemble"});
  CheckRefused("--ensemble=1=127.0.0.1:7001,1=127.0.0.1:7002", {"1=127.0.0.1:7002"});
  CheckRefused("--ensemble=1=nowhere", {"nowhere"});
  CheckRefused("--ensemble=1=127.0.0.1:7001;2=127.0.0.1:7002", {"--ensemble", ";2="});
  CheckRefused("--ensemble=1=0.0.0.0:7001", {"--ensemble", "wildcard"});
  CheckRefused("--ensemble=1=224.0.0.1:7001", {"--ensemble", "multicast"});
  CheckRefused("--ensemble=one=127.0.0.1:7001", {"one"});
  CheckRefused("--tick=0s", {"tick"});
  CheckRefused("--observers=1=127.0.0.1:7009", {"server 1", "twice"});
}

TEST_CASE("a name that is not resolved yet ends it so that a supervisor tries again") {
  const Attempt attempt({"--ensemble=1=no.such.host.invalid:7001"});
  CHECK(attempt.code() == 1);  // not 2: nobody has to edit anything
  CHECK(attempt.Says("UNAVAILABLE: members: server 1: \"no.such.host.invalid:7001\""));
  CHECK(attempt.Says("not resolved"));
}

TEST_CASE("an address in use is an error, not a shared port") {
  Ensemble ensemble(1);
  ensemble.StartAll();
  Attempt client_port({"--listen=" + ensemble.address(1)});
  CHECK(client_port.code() == 1);
  CHECK(client_port.Says(ensemble.address(1)));
  Attempt peer_port({"--ensemble=" + ensemble.members()});
  CHECK(peer_port.code() == 1);
  CHECK(peer_port.Says(ensemble.members().substr(2)));
}

TEST_CASE("a data directory that is in use, or cannot be, is an error that names it") {
  Ensemble ensemble(1);
  ensemble.StartAll();
  Attempt in_use({"--data_dir=" + ensemble.data_dir(1)});
  CHECK(in_use.code() == 1);
  CHECK(in_use.Says(ensemble.data_dir(1)));
  CHECK(in_use.Says("held by another"));

  TempDir dir;
  std::ofstream(dir.path() + "/file") << "not a directory";
  Attempt impossible({"--data_dir=" + dir.path() + "/file/d"});
  CHECK(impossible.code() == 2);
  CHECK(impossible.Says("data_dir: "));
  CHECK(impossible.Says(dir.path() + "/file"));

  kv::Client client = ensemble.Client();
  Put(client, "k", "unharmed");
}

TEST_CASE("a config file gives flags that the command line does not") {
  Ensemble ensemble(1);
  TempDir dir;
  const std::string config = dir.path() + "/zkq.conf";
  std::ofstream(config) << "# comment\n\ntick = 200ms  # slow\nid = 9\n";
  ensemble.Start(1, {"--config=" + config});
  kv::Client client = ensemble.Client();
  Put(client, "k", "v");

  std::ofstream(config) << "tick = 200ms\nno_such_flag = 1\n";
  Attempt bad({"--config=" + config});
  CHECK(bad.code() == 2);
  CHECK(bad.Says(config + ":2"));
  CHECK(bad.Says("no_such_flag"));
}
