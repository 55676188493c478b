// What operators do, task by task, with the words of examples/ctl/README.md.
#include <string>

#include "test/e2e/ctl.h"
#include "test/harness/catch.h"

using namespace e2e;

namespace {

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Written through any, and read at `id` as everybody sees it.
void CheckServes(Members& members, int id, const std::string& key) {
  kv::Client any = members.servers().Client();
  Put(any, key, "v");
  kv::Client at = members.servers().Client(id);
  CHECK(Get(at, key) == "v");
}

}  // namespace

TEST_CASE("task: add a server") {
  Members members(4, 3);
  members.Found();
  CheckServes(members, 1, "before");
  members.Join(4);
  const Finished early = members.Ctl({"wait-ready", "4", "--timeout=1s"});
  CHECK(early.code == 1);
  CHECK(Has(early.out, "no member: `zkqctl add 4=ADDRESS` lists it"));
  CHECK(Has(members.Do({"status"}), "  joining  "));

  const std::string now = members.Do({"add", members.entry(4)});
  CHECK(Has(now, members.entry(4)));
  CHECK(Count(now, "\n") == 1);
  members.WaitUntilReady(4);
  CHECK(members.Do({"add", members.entry(4)}) == now);  // to repeat it is safe
  CheckServes(members, 4, "after");
  members.servers().Kill(1);
  members.servers().WaitForLeader();
  CheckServes(members, 4, "with three of four");
}

TEST_CASE("task: replace a dead one") {
  Members members(4, 3);
  members.Found();
  members.servers().Kill(3);
  members.Join(4);
  const std::string now = members.Do({"replace", "3", members.entry(4)});
  CHECK(Has(now, members.entry(4)));
  CHECK_FALSE(Has(now, members.entry(3)));
  members.WaitUntilReady(4);
  members.servers().Kill(2);  // of three, as before
  members.servers().WaitForLeader();
  CheckServes(members, 4, "after");
}

TEST_CASE("task: a disk was lost") {
  Members members(3, 3);
  members.Found();
  CheckServes(members, 3, "before");
  members.LoseDisk(3);
  members.Restart(3);
  const Finished early = members.Ctl({"wait-ready", "3", "--timeout=1s"});
  CHECK(early.code == 1);
  CHECK(Has(early.out, "`zkqctl replace 3`"));
  members.Do({"replace", "3"});
  members.WaitUntilReady(3);
  members.servers().Kill(1);
  members.servers().WaitForLeader();
  CheckServes(members, 3, "after");
}

// Slot 4 is the machine that takes the place of server 3's, under its id.
TEST_CASE("a disk that was replaced comes back beside the new one, and counts nowhere") {
  Members members(4, 3);
  members.Found();
  members.servers().Kill(3);
  const std::string place = "3=" + members.peer(4);
  members.servers().Start(
      4, {"--id=3", "--may_found=false",
          "--ensemble=" + members.entry(1) + "," + members.entry(2) + "," + place});
  members.Do({"move", place});
  members.Do({"replace", "3"});
  members.WaitUntilReady(3);
  CheckServes(members, 4, "replaced");

  members.servers().Launch(
      3, {"--ensemble=" + members.entry(1) + "," + members.entry(2) + "," + members.entry(3)});
  WaitFor("the old disk to be told of", [&] {
    const auto status = members.servers().Status(3);
    return status && status->ready() != "OK" && status->health() != "OK";
  });
  CheckServes(members, 4, "beside the old one");
  members.servers().Kill(1);  // the new one is needed, and votes
  CheckServes(members, 4, "with two of three");
  members.servers().Kill(4);
  WaitFor("2 to be ready no more", [&] {
    return members.Ctl({"wait-ready", "2", "--timeout=300ms"}).code == 1;
  });
  // Did the old disk vote, the two would be a quorum.
  CHECK(members.Ctl({"wait-ready", "2", "--timeout=2s"}).code == 1);
}

TEST_CASE("task: all to new hosts") {
  Members members(6, 3);
  members.Found();
  CheckServes(members, 1, "before");
  for (const int id : {4, 5, 6}) members.Join(id);
  const std::string all = members.entry(4) + "," + members.entry(5) + "," + members.entry(6);
  members.Do({"reconfig", "--add=" + all, "--remove=1,2,3"});
  for (const int id : {1, 2, 3}) members.servers().Kill(id);
  for (const int id : {4, 5, 6}) members.WaitUntilReady(id);
  members.servers().WaitForLeader();
  CheckServes(members, 5, "after");
}

TEST_CASE("task: the address of 3") {
  Members members(3, 3);
  members.Found();
  members.Stop(3);
  const std::string place = "127.0.0.1:" + std::to_string(FreePort());
  const std::string moved = members.entry(1) + "," + members.entry(2) + ",3=" + place;
  members.servers().Start(3, {"--ensemble=" + moved, "--peer_listen=" + place});
  members.servers().WaitForLeader();  // it is linked by itself
  const std::string now = members.Do({"move", "3=" + place});
  CHECK(Has(now, "3=" + place));
  members.WaitUntilReady(3);
  members.servers().Kill(1);
  members.servers().WaitForLeader();
  CheckServes(members, 3, "after");
}

TEST_CASE("task: maintenance of 3") {
  Members members(3, 3);
  members.Found();
  WaitFor("3 to be one of many", [&] { return members.Ctl({"check-stop", "3"}).code == 0; });
  members.Stop(3);
  WaitFor("2 to be needed", [&] {  // it takes a moment if 3 has led
    const Finished no = members.Ctl({"check-stop", "2"});
    return no.code == 1 && no.out == "no: without 2, {1} of {1,3} is up: 3 is down\n";
  });
  CHECK(members.Ctl({"check-stop", "1,2"}).code == 1);
  members.Restart(3);
  members.WaitUntilReady(3);
  WaitFor("2 to be one of many", [&] { return members.Ctl({"check-stop", "2"}).code == 0; });
}

TEST_CASE("task: upgrade, one server after the other, the leader last") {
  Members members(3, 3);
  members.Found();
  const int leader = members.servers().WaitForLeader();
  for (const int id : {leader % 3 + 1, (leader + 1) % 3 + 1, leader}) {
    const std::string sid = std::to_string(id);
    WaitFor("it may be stopped", [&] { return members.Ctl({"check-stop", sid}).code == 0; });
    members.Stop(id);
    members.Restart(id);
    members.WaitUntilReady(id);
    CheckServes(members, id, sid);
  }
}

TEST_CASE("task: grow from 3 to 5") {
  Members members(5, 3);
  members.Found();
  members.Join(4);
  members.Join(5);
  const Finished dry = members.Ctl({"add", members.entry(4), members.entry(5), "--dry-run"});
  CHECK(dry.code == 0);
  CHECK(Has(dry.out, members.peer(5)));
  CHECK_FALSE(Has(members.Do({"members"}), members.peer(5)));
  const std::string now = members.Do({"add", members.entry(4), members.entry(5)});
  CHECK(Has(now, members.entry(4)));
  CHECK(Has(now, members.entry(5)));
  members.WaitUntilReady(4);
  members.WaitUntilReady(5);
  members.servers().Kill(1);
  members.servers().Kill(2);
  members.servers().WaitForLeader();
  CheckServes(members, 5, "with three of five");
}

TEST_CASE("task: make an observer a voter") {
  Members members(4, 3);
  members.Found();
  members.Join(4, true);
  members.Do({"add", members.entry(4) + ":observer"});
  members.WaitUntilReady(4);
  CheckServes(members, 4, "observed");
  CHECK(Has(members.Do({"promote", "4"}), members.entry(4) + "}"));
  members.WaitUntilReady(4);
  members.servers().Kill(3);
  CheckServes(members, 4, "with three of four");
  members.Restart(3);
  members.WaitUntilReady(3);
  CHECK(Has(members.Do({"demote", "4"}), members.entry(4) + ":observer"));
  members.WaitUntilReady(4);
  CheckServes(members, 4, "observed again");
}

TEST_CASE("task: three data centres") {
  Members members(9, 9);
  members.Found();
  Flags words = {"set"};
  for (int id = 1; id <= 9; ++id) {
    words.push_back(members.entry(id) + ":group=" + std::to_string((id + 2) / 3));
  }
  CHECK(Count(members.Do(words), ":group=") == 9);
  // A whole centre, and one server in each of the others.
  for (const int id : {1, 2, 3, 4, 7}) members.servers().Kill(id);
  members.servers().WaitForLeader();
  CheckServes(members, 9, "four of nine");
}

TEST_CASE("task: read on an observer that nobody lists") {
  Members members(4, 3);
  members.Found();
  const auto start = [&] {
    members.servers().Start(
        4, {"--id=0", "--peer_listen=", "--may_found=false",
            "--ensemble=" + members.entry(1) + "," + members.entry(2) + "," + members.entry(3)});
    uint64_t id = 0;
    WaitFor("it to be ready", [&] {
      const auto status = members.servers().Status(4);
      if (status) id = status->sid();
      return status && status->ready() == "OK";
    });
    return id;
  };
  const uint64_t id = start();
  CheckServes(members, 4, "seen");
  members.servers().Kill(4);
  CHECK(start() == id);
  CHECK(members.servers().Read(4, true).count("seen") == 1);
  CHECK(Has(members.Do({"status"}), "  unlisted  "));
  CHECK_FALSE(Has(members.Do({"members"}), "observer"));
}

TEST_CASE("task: is this server ready?") {
  Members members(4, 3);
  members.Found();
  CHECK(members.Do({"wait-ready", "1"}) == "yes\n");
  const Finished nobody = members.Ctl({"wait-ready", "4", "--timeout=300ms"});
  CHECK(nobody.code == 1);
  CHECK(Has(nobody.out, "no: server 4: nobody knows where it is"));
  members.servers().Kill(1);
  members.servers().Kill(2);
  WaitFor("3 to be ready no more", [&] {
    const Finished alone = members.Ctl({"wait-ready", "3", "--timeout=300ms"});
    return alone.code == 1 && Has(alone.out, "no leader is established");
  });
}

TEST_CASE("exit codes and texts say what has become of a change, and what to do") {
  Members members(4, 3);
  members.Found();
  CHECK(members.Ctl({"dance"}).code == 2);
  CHECK(members.Ctl({"add"}).code == 2);
  const Finished late = members.Ctl({"add", members.entry(4), "--timeout=2s"});
  CHECK(late.code == 3);
  CHECK(Has(late.err, "waits for server 4: not linked with the leader"));
  CHECK(Has(late.err, "is server 4 started"));
  CHECK(Has(late.err, "nothing is changed"));
  const Finished unknown = members.Ctl({"promote", "7"});
  CHECK(unknown.code == 3);
  CHECK(Has(unknown.err, "`zkqctl add 7=HOST:PORT` adds it"));
  const Finished old =
      members.Ctl({"reconfig", "--set=" + members.entry(1) + ":priority=2", "--from=99:1"});
  CHECK(old.code == 3);
  CHECK(Has(old.err, "not of 99:1"));
  CHECK(Has(members.Do({"-o", "json", "members"}), "\"members\":[{\"id\":1,"));
  CHECK(Has(members.Do({"-o", "json", "status"}), "\"standing\":\"member\""));
  members.servers().KillAll();
  CHECK(members.Ctl({"remove", "3", "--timeout=1s"}).code == 3);
  CHECK(members.Ctl({"status"}).code == 3);
}
