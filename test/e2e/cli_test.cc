#include <fcntl.h>
#include <google/protobuf/util/json_util.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>

#include "test/e2e/ensemble.h"
#include "test/harness/catch.h"

using namespace e2e;

namespace {

Finished Cli(const std::string& servers, const Flags& words) {
  Flags command = {ZKQ_KV, "--servers=" + servers};
  command.insert(command.end(), words.begin(), words.end());
  return Run(command);
}

// A pseudo terminal: what is written to path() is read here.
class Terminal {
 public:
  Terminal() : fd_(posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)) {
    if (grantpt(fd_) != 0 || unlockpt(fd_) != 0) throw std::runtime_error("no pseudo terminal");
    path_ = ptsname(fd_);
    slave_ = open(path_.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);  // else nobody there is an error
  }
  ~Terminal() {
    close(slave_);
    close(fd_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  const std::string& path() const { return path_; }
  // What there is.
  std::string Read() {
    char bytes[4096];
    const ssize_t size = read(fd_, bytes, sizeof(bytes));
    return size > 0 ? std::string(bytes, static_cast<size_t>(size)) : std::string();
  }

 private:
  const int fd_;
  int slave_ = -1;
  std::string path_;
};

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

TEST_CASE("a failed call says what a server has answered, though others cannot be reached") {
  Ensemble ensemble(3);
  ensemble.Start(1);  // alone it is not founded
  const std::string nobody = "127.0.0.1:" + std::to_string(FreePort());
  const Finished put = Cli(ensemble.address(1) + "," + nobody, {"put", "k", "v", "--timeout=1s"});
  CHECK(put.code == 3);
  CHECK(put.err.find("no leader") != std::string::npos);
}

TEST_CASE("the status of all servers comes as lines, as a table and as JSON") {
  Ensemble ensemble(3);
  ensemble.Start(1);
  ensemble.Start(2);
  ensemble.Start(3);
  const int leader = ensemble.WaitForLeader();
  const int down = ensemble.Follower();
  ensemble.Kill(down);
  const std::string all =
      ensemble.address(1) + "," + ensemble.address(2) + "," + ensemble.address(3);
  const Finished lines = Cli(all, {"status"});
  CHECK(Count(lines.out, "\n") == 3);
  CHECK(Count(lines.out, " role=leading ") == 1);
  CHECK(Count(lines.out, " unreachable: Connection refused\n") == 1);

  const Finished table = Cli(all, {"status", "-o", "table"});
  CHECK(table.out.find("SERVER ") == 0);
  CHECK(Count(table.out, "  leads  ") == 1);
  CHECK(table.out.find(ensemble.address(down) + "  does not answer: Connection refused\n") !=
        std::string::npos);

  pb::StatusReport report;
  const Finished json = Cli(all, {"-o", "json", "status"});
  REQUIRE(google::protobuf::util::JsonStringToMessage(json.out, &report).ok());
  CHECK(report.servers(leader - 1).status().leads() > 0);
  CHECK(report.servers(leader - 1).status().links_size() == 2);
  CHECK(report.servers(down - 1).error() == "Connection refused");

  const Finished neither = Cli(all, {"status", "--output=xml"});
  CHECK(neither.code == 2);
  CHECK(neither.err.find("--output=xml") != std::string::npos);
}

TEST_CASE("a server to which nothing happens tells whom it does not reach") {
  Ensemble ensemble(3);
  ensemble.Start(1);
  WaitFor("the reason why two are not linked", [&] {
    const std::optional<pb::StatusResponse> status = ensemble.Status(1);
    return status && status->links_size() == 2 &&
           std::ranges::all_of(status->links(), [](const pb::LinkStatus& link) {
             return link.error().find("connection refused") != std::string::npos;
           });
  });
}

TEST_CASE("the status is shown anew, in a terminal in its place") {
  Ensemble ensemble(1);
  ensemble.StartAll();
  const Flags command = {ZKQ_KV, "--servers=" + ensemble.address(1), "status", "--watch"};
  TempDir dir;
  {
    Process watch(command, dir.path() + "/out", dir.path() + "/err");
    WaitFor("a second table", [&] { return Count(ReadFile(dir.path() + "/out"), "SERVER ") > 1; });
  }
  CHECK(Count(ReadFile(dir.path() + "/out"), "\033") == 0);

  Terminal terminal;
  Process watch(command, terminal.path(), dir.path() + "/err");
  std::string shown;
  WaitFor("a second table", [&] {
    shown += terminal.Read();
    return Count(shown, "\033[HSERVER ") > 1;
  });
  watch.Signal(SIGINT);
  CHECK(watch.Wait() == -SIGINT);
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
