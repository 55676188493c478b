// Which configurations count, and who belongs to them, as scripts.
#include "lib/core/membership.h"

#include "lib/wire/disk.h"
#include "test/core/text.h"
#include "test/harness/catch.h"
#include "test/harness/script.h"
#include "zkq/wire.h"

namespace zkq::core {
namespace {

using testing::Command;
using testing::RunScript;

// "1 2:9 3o": server 1 with disk 1, server 2 with disk 9, observer 3.
std::vector<Member> TakeMembers(Words* words) {
  std::vector<Member> members;
  while (!words->empty()) members.push_back(ToMembers(words->Next()).front());
  return members;
}

std::string Show(const Membership& membership) {
  std::string text = ToString(membership.version) + " {";
  for (const Member& member : membership.members) {
    text += (text.back() == '{' ? "" : " ") + ToString(member.id);
  }
  return text + "}";
}

// founded 1 2 3o       version 0
// append 5:1 1 2 3     a reconfiguration
// append 5:2           a command
// append 5:3 settles 5:1
// settled              the committed configuration
// truncate 5:0 | commit 5:1 | install 6:1 1 2 | adopt 6:1 1 2 | hear 6:1 1 2
// established 6        a leader of epoch 6 is
// lists 2 9            server 2 with disk 9
class MembershipScript {
 public:
  std::string Run(const Command& command) {
    Words words(command.args);
    if (command.name == "founded") {
      memberships_.emplace(Membership{.members = TakeMembers(&words)}, std::vector<Membership>{},
                           &invariants_);
    } else if (command.name == "established") {
      memberships_->Established(static_cast<Epoch>(ToNumber(words.Next())));
    } else if (command.name == "lists") {
      const ServerId sid = ToServerId(words.Next());
      const DiskId disk{0, ToNumber(words.Next())};
      if (memberships_->Lists(sid, disk)) return "yes";
      return memberships_->ListsOtherDisk(sid, disk) ? "another disk" : "no";
    } else if (command.name == "settled") {
      if (memberships_->settled()) return "yes";
      return memberships_->SettlingIsLogged() ? "an entry says so, which is not committed" : "no";
    } else {
      Change(command.name, &words);
    }
    const Configs& configs = memberships_->configs();
    std::string state = "committed " + Show(configs.committed);
    if (configs.pending) state += ", pending " + Show(*configs.pending);
    if (memberships_->told()) state += ", told " + Show(*memberships_->told());
    return invariants_.ok() ? state : invariants_.what();
  }

 private:
  void Change(const std::string& name, Words* words) {
    const Zxid zxid = ToZxid(words->Next());
    if (name == "append") return Append(zxid, words);
    if (name == "truncate") return memberships_->Truncate(zxid);
    if (name == "commit") return memberships_->Commit(zxid);
    const Membership told{.version = zxid, .members = TakeMembers(words)};
    if (name == "install") return memberships_->Install(told);
    if (name == "adopt") return memberships_->Adopt(told);
    if (name == "hear") return memberships_->Hear(told);
    throw std::invalid_argument("no such change: " + name);
  }

  void Append(Zxid zxid, Words* words) {
    TxnKind kind = TxnKind::kCommand;
    std::string command = "x";
    if (words->Take("settles")) {
      kind = TxnKind::kNoop;
      command = EncodeZxid(ToZxid(words->Next()));
    } else if (!words->empty()) {
      kind = TxnKind::kReconfig;
      command = EncodeMembership({.members = TakeMembers(words)});
    }
    const Txn txn = EncodeTxn(zxid, {}, kind, {}, 0, command);
    memberships_->Append(std::span(&txn, 1));
  }

  Invariants invariants_;
  std::optional<Memberships> memberships_;
};

TEST_CASE("the configurations follow the history") {
  MembershipScript script;
  REQUIRE(RunScript("testdata/membership/history.txt",
                    [&](const Command& command) { return script.Run(command); }) == "");
}

TEST_CASE("members are known by what is only told, and count for nothing") {
  MembershipScript script;
  REQUIRE(RunScript("testdata/membership/told.txt",
                    [&](const Command& command) { return script.Run(command); }) == "");
}

TEST_CASE("who belongs is a server with its disk") {
  MembershipScript script;
  REQUIRE(RunScript("testdata/membership/lists.txt",
                    [&](const Command& command) { return script.Run(command); }) == "");
}

TEST_CASE("a configuration is settled by an entry that names it") {
  MembershipScript script;
  REQUIRE(RunScript("testdata/membership/settled.txt",
                    [&](const Command& command) { return script.Run(command); }) == "");
}

TEST_CASE("reconfigurations found in the log at the start are pending until they are committed") {
  Invariants invariants;
  Memberships memberships({}, {{.version = {5, 1}}, {.version = {5, 7}}}, &invariants);
  CHECK(memberships.committed().version == Zxid{5, 1});
  REQUIRE(memberships.configs().pending.has_value());
  CHECK(memberships.configs().pending->version == Zxid{5, 7});
  memberships.Commit({5, 7});
  CHECK(memberships.committed().version == Zxid{5, 7});
  CHECK(invariants.ok());
}

}  // namespace
}  // namespace zkq::core
