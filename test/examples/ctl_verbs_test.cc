// zkqctl: what its verbs ask, print and end with, on servers that are made up.
#include <map>
#include <sstream>
#include <string>

#include "change.h"
#include "json.h"
#include "progress.h"
#include "test/harness/catch.h"
#include "verbs.h"
#include "zkq/options.h"
#include "zkq/status.h"

namespace ctl {
namespace {

using Code = absl::StatusCode;
using zkq::ServerId;

bool Mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Three servers at a:1, b:1 and c:1; 1 leads, all is well.
class Played final : public Servers {
 public:
  Played() {
    for (uint64_t id = 1; id <= 3; ++id) {
      zkq::ReplicaStatus status{.id = ServerId{id},
                                .state = zkq::PeerState::kFollowing,
                                .standing = zkq::Standing::kMember,
                                .leader = ServerId{1}};
      status.membership = {{5, 18}, zkq::ParseMembers("1=a:1,2=b:1,3=c:1").value()};
      statuses[status.membership.members[id - 1].address] = status;
    }
    leader().state = zkq::PeerState::kLeading;
    leader().leads = 5;
    for (uint64_t id : {2, 3}) {
      leader().links.push_back({.id = ServerId{id}, .up = true, .caught_up = true});
    }
  }
  zkq::ReplicaStatus& leader() { return statuses.at("a:1"); }

  absl::StatusOr<zkq::ReplicaStatus> StatusOf(std::string_view address, absl::Duration) override {
    const auto found = statuses.find(std::string(address));
    if (found == statuses.end()) return absl::UnavailableError("connection refused");
    return found->second;
  }
  absl::StatusOr<zkq::Membership> Reconfigure(std::string_view address, zkq::Membership next,
                                              absl::Duration) override {
    asked.emplace_back(std::string(address) + " " + ToString(next));
    if (!refusals.empty()) {
      absl::Status refusal = std::move(refusals.front());
      refusals.erase(refusals.begin());
      if (!refusal.ok()) return refusal;
    }
    next.version = {5, 19};
    return next;
  }
  absl::Time Now() override { return now; }
  void Sleep(absl::Duration duration) override { now += duration; }

  std::map<std::string, zkq::ReplicaStatus> statuses;  // by address
  std::vector<absl::Status> refusals;                  // of the next changes, by turns
  std::vector<std::string> asked;
  absl::Time now = absl::UnixEpoch();
};

struct Result {
  int code = 0;
  std::string out, err;
};
Result Ctl(Servers& servers, std::vector<std::string> words, const std::string& at = "b:1,c:1") {
  words.insert(words.begin(), {"--servers=" + at, "--timeout=1s"});
  const absl::StatusOr<Arguments> arguments = ParseArguments(words);
  REQUIRE(arguments.ok());
  std::ostringstream out, err;
  const int code = Run(*arguments, servers, out, err);
  return {code, out.str(), err.str()};
}

TEST_CASE("zkqctl: a change is asked of a server that is given, and its result printed") {
  Played servers;
  const Result done = Ctl(servers, {"remove", "3"});
  CHECK(done.code == kDone);
  CHECK(done.out == "5:19 {1=a:1, 2=b:1}\n");
  CHECK(done.err.empty());
  servers.asked.clear();
  CHECK(Ctl(servers, {"remove", "9"}).err == "nothing to change: it is so already\n");
  CHECK(servers.asked == std::vector<std::string>{"b:1 5:18 {1=a:1, 2=b:1, 3=c:1}"});
  servers.asked = {"b:1 5:18 {1=a:1, 2=b:1}"};
  CHECK(servers.asked == std::vector<std::string>{"b:1 5:18 {1=a:1, 2=b:1}"});
}

TEST_CASE("zkqctl: a change is made of what the leader has, whoever else answers") {
  Played servers;
  servers.statuses["d:1"] = {.id = ServerId{4}};  // not founded: its own list is all it knows
  servers.statuses["d:1"].membership.members = zkq::ParseMembers("1=a:1,4=d:1").value();
  servers.statuses.at("b:1").membership.version = {4, 2};  // it lags
  servers.statuses.at("b:1").membership.members.pop_back();
  CHECK(Ctl(servers, {"remove", "2"}, "d:1,b:1").code == kDone);
  CHECK(servers.asked == std::vector<std::string>{"d:1 5:18 {1=a:1, 3=c:1}"});
}

TEST_CASE(
    "zkqctl: where a change is not taken the next server is asked, and one that is down not") {
  Played servers;
  servers.statuses.erase("b:1");
  servers.refusals = {zkq::MakeError(Code::kPermissionDenied, "loopback")};
  CHECK(Ctl(servers, {"remove", "3"}, "b:1,c:1,a:1").code == kDone);
  CHECK(servers.asked.size() == 2);
  servers.refusals = {zkq::MakeError(Code::kPermissionDenied, "loopback")};
  const Result denied = Ctl(servers, {"remove", "3"}, "a:1");
  CHECK(denied.code == kFailed);
  CHECK(Mentions(denied.err, "on the machine of a server"));
  CHECK(Mentions(denied.err, "nothing is changed"));
}

TEST_CASE("zkqctl: a change that another has overtaken is made anew, unless from where is said") {
  Played servers;
  const absl::Status aborted = zkq::MakeError(Code::kAborted, "another version");
  servers.refusals = {aborted, aborted};
  CHECK(Ctl(servers, {"remove", "3"}).code == kDone);
  CHECK(servers.asked.size() == 3);
  servers.refusals = {aborted};
  const Result from = Ctl(servers, {"reconfig", "--remove=3", "--from=5:18"});
  CHECK(from.code == kFailed);
  CHECK(Mentions(from.err, "`zkqctl members`"));
}

TEST_CASE("zkqctl: an unknown outcome is told as one, also if the change is overtaken after it") {
  Played servers;
  servers.refusals = {
      zkq::MakeError(Code::kUnavailable, "lost", {.outcome = zkq::Outcome::kUnknown})};
  const Result lost = Ctl(servers, {"remove", "3"});
  CHECK(lost.code == kUnknown);
  CHECK(Mentions(lost.err, "unknown: it may have been changed"));
  servers.refusals = {zkq::MakeError(Code::kUnknown, "lost", {.outcome = zkq::Outcome::kUnknown})};
  CHECK(Mentions(Ctl(servers, {"remove", "3"}).err, "to repeat it is always safe"));
  servers.refusals = {zkq::MakeError(Code::kAborted, "again", {.outcome = zkq::Outcome::kUnknown}),
                      zkq::MakeError(Code::kFailedPrecondition, "no quorum")};
  const Result refused = Ctl(servers, {"remove", "3"});
  CHECK(refused.code == kUnknown);
  CHECK_FALSE(Mentions(refused.err, "nothing is changed"));
}

TEST_CASE("zkqctl: while nobody leads a change is asked for again, and what is missing is told") {
  Played servers;
  servers.leader().leads.reset();
  servers.statuses.at("b:1").health = absl::UnavailableError("3 is not reached");
  servers.statuses.at("c:1").health = absl::UnavailableError("3 is not reached");
  servers.leader().health = absl::UnavailableError("3 is not reached");
  const absl::Status nobody = zkq::MakeError(Code::kUnavailable, "no leader is established");
  servers.refusals = {nobody, nobody};
  const Result done = Ctl(servers, {"remove", "3"});
  CHECK(done.code == kDone);
  CHECK(servers.asked.size() == 3);
  CHECK(Mentions(done.err, "says: 3 is not reached"));
  servers.refusals.assign(100, nobody);
  const Result late = Ctl(servers, {"remove", "3"});
  CHECK(late.code == kFailed);
  CHECK(Mentions(late.err, "`zkqctl status`"));
}

TEST_CASE("zkqctl: servers of two ensembles are not mixed") {
  Played servers;
  for (auto& [address, status] : servers.statuses) status.ensemble = {1, 1};
  servers.statuses.at("c:1").ensemble = {2, 2};
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"remove", "3"}, {"members"}, {"check-stop", "3"}, {"status"}}) {
    const Result mixed = Ctl(servers, words);
    CHECK(mixed.code == kFailed);
    CHECK(Mentions(mixed.err, "--servers has to name servers of one"));
  }
  CHECK(servers.asked.empty());
}

TEST_CASE("zkqctl: who answers where somebody is to be listed is looked at") {
  Played servers;
  const Result silent = Ctl(servers, {"add", "4=d:1"});
  CHECK(silent.code == kDone);
  CHECK(Mentions(silent.err, "nobody answers at d:1, where server 4 is to be"));
  servers.asked.clear();
  const Result wrong = Ctl(servers, {"move", "3=b:1"});
  CHECK(wrong.code == kFailed);
  CHECK(Mentions(wrong.err, "server 2 answers at b:1, where server 3 is to be"));
  servers.statuses["d:1"] = {.id = ServerId{4}, .ensemble = {9, 9}};
  CHECK(Mentions(Ctl(servers, {"add", "4=d:1"}).err, "a server of another ensemble"));
  CHECK(servers.asked.empty());
  servers.statuses["d:1"].ensemble = {};
  CHECK(Ctl(servers, {"add", "4=d:1"}).err.empty());
}

TEST_CASE("zkqctl: who is waited for in vain is named, with what to look at") {
  Played servers;
  servers.refusals = {zkq::MakeError(Code::kDeadlineExceeded, "reconfigure: server 4 is not there",
                                     {.servers = {ServerId{4}}})};
  const Result late = Ctl(servers, {"add", "4=d:1"});
  CHECK(late.code == kFailed);
  CHECK(Mentions(late.err, "is server 4 started"));
}

TEST_CASE("zkqctl: a dry run changes nothing, and says whether the next ones could decide") {
  Played servers;
  const Result ready = Ctl(servers, {"remove", "3", "--dry-run"});
  CHECK(ready.code == kDone);
  CHECK(Mentions(ready.out, "could decide at once"));
  const Result waits = Ctl(servers, {"reconfig", "--remove=2,3", "--add=4=d:1", "--dry-run"});
  CHECK(waits.code == kDone);
  CHECK(Mentions(waits.out, "could not decide yet: {1} of {1,4} is up: 4 is down"));
  servers.leader().links.push_back(
      {.id = ServerId{4}, .standing = zkq::Standing::kJoining, .up = true, .caught_up = true});
  CHECK(Mentions(Ctl(servers, {"reconfig", "--remove=2,3", "--add=4=d:1", "--dry-run"}).out,
                 "at once"));
  CHECK(Mentions(Ctl(servers, {"reconfig", "--remove=2", "--add=5=e:1", "--dry-run"}).err,
                 "waits for server 5: not linked"));
  // Another disk counts if the change takes it, and else not.
  servers.leader().links[0].standing = zkq::Standing::kJoining;
  CHECK(Mentions(Ctl(servers, {"remove", "3", "--dry-run"}).out, "could not decide yet"));
  CHECK(Mentions(Ctl(servers, {"replace", "2", "--dry-run"}).out, "at once"));
  servers.leader().links[0].standing = zkq::Standing::kMember;
  const Result none = Ctl(servers, {"remove", "1,2,3", "--dry-run"});
  CHECK(none.code == kFailed);
  CHECK(servers.asked.empty());
}

TEST_CASE("zkqctl: check-stop says yes, no and why, or that nobody can tell") {
  Played servers;
  CHECK(Ctl(servers, {"check-stop", "3"}).out == "yes\n");
  servers.leader().links[0].up = false;
  const Result no = Ctl(servers, {"check-stop", "3"});
  CHECK(no.code == kNo);
  CHECK(no.out == "no: without 3, {1} of {1,2} is up: 2 is down\n");
  CHECK(Ctl(servers, {"-o", "json", "check-stop", "3"}).out ==
        "{\"answer\":false,\"why\":\"without 3, {1} of {1,2} is up: 2 is down\"}\n");
  const Result stranger = Ctl(servers, {"check-stop", "33"});
  CHECK(stranger.code == kFailed);
  CHECK(Mentions(stranger.err, "server 33 is not known: the members are 5:18 {1=a:1"));
  servers.leader().leads.reset();
  CHECK(Ctl(servers, {"check-stop", "3"}).code == kFailed);
}

TEST_CASE("zkqctl: wait-ready finds the server by its id, and ends with what keeps it") {
  Played servers;
  CHECK(Ctl(servers, {"wait-ready", "3"}).out == "yes\n");
  CHECK(Ctl(servers, {"wait-ready", "1"}).code == kDone);  // not given, but listed
  servers.statuses.at("c:1").ready = absl::UnavailableError("a snapshot is restored");
  const Result no = Ctl(servers, {"wait-ready", "3"});
  CHECK(no.code == kNo);
  CHECK(no.out == "no: server 3: a snapshot is restored\n");
  CHECK(Mentions(Ctl(servers, {"wait-ready", "9"}).out, "nobody knows where it is"));
  // By who has the newest configuration, wherever it stands among those that are given.
  servers.statuses["d:1"] = servers.statuses.at("c:1");
  servers.statuses["d:1"].ready = absl::OkStatus();
  servers.statuses.erase("c:1");
  servers.leader().membership.version = {5, 20};
  FindMember(&servers.leader().membership, ServerId{3})->address = "d:1";
  CHECK(Ctl(servers, {"wait-ready", "3"}, "a:1,b:1").code == kDone);
}

TEST_CASE("zkqctl: the status has all that are listed, and whom the leader knows") {
  Played servers;
  servers.statuses.erase("c:1");
  servers.leader().links[1].up = false;
  servers.leader().links[1].error = absl::UnavailableError("connection refused");
  servers.leader().links.push_back({.id = ServerId{4},
                                    .standing = zkq::Standing::kJoining,
                                    .up = true,
                                    .transactions_behind = 17});
  const Result table = Ctl(servers, {"status"}, "b:1");
  CHECK(table.code == kDone);
  CHECK(Mentions(table.out, "b:1     2   member    following 1"));
  CHECK(Mentions(table.out, "a:1     1   member    leads"));
  CHECK(Mentions(table.out, "c:1     does not answer: connection refused"));
  CHECK(Mentions(table.out, "4        voter  joining"));
  CHECK(Mentions(table.out, "members 5:18 {1=a:1, 2=b:1, 3=c:1}"));
  const Result json = Ctl(servers, {"status", "-o", "json"}, "b:1");
  CHECK(Mentions(json.out, R"({"server":"c:1","error":"UNAVAILABLE: connection refused"})"));
  CHECK(Mentions(json.out, R"("transactions_behind":17)"));
  CHECK(Ctl(servers, {"status"}, "x:1").code == kFailed);
}

TEST_CASE("zkqctl: the members are listed as agreed") {
  Played servers;
  CHECK(Mentions(Ctl(servers, {"members"}).out, "version 5:18\nID  ADDRESS  TYPE   WEIGHT"));
  CHECK(Mentions(Ctl(servers, {"members", "-o", "json"}).out,
                 R"({"version":"5:18","members":[{"id":1,"address":"a:1","type":"voter")"));
}

TEST_CASE("zkqctl: who is waited for is told with what it lacks, how fast, and how long still") {
  Played servers;
  zkq::ReplicaStatus& leader = servers.leader();
  const zkq::Membership next = With(leader.membership, {.id = ServerId{4}, .address = "d:1"});
  Progress progress(next);
  const absl::Time now = absl::UnixEpoch();
  CHECK(progress.Lines(leader, now) ==
        "waits for server 4: not linked with the leader: is it started?\n");
  leader.links.push_back({.id = ServerId{4},
                          .standing = zkq::Standing::kJoining,
                          .up = true,
                          .transactions_behind = 3'000,
                          .bytes_behind = 3'100'000});
  CHECK(progress.Lines(leader, now) == "waits for server 4: 3000 transactions, 3.1 MB behind\n");
  leader.links.back().transactions_behind = 1'000;
  CHECK(progress.Lines(leader, now + absl::Seconds(2)) ==
        "waits for server 4: 1000 transactions, 3.1 MB behind, 1000/s, about 1 s\n");
  leader.links.back().caught_up = true;
  CHECK(progress.Lines(leader, now) == "waits for server 4: has caught up\n");
  leader.links.front().up = false;  // a member that is down holds up nothing
  leader.membership = next;
  leader.links.back().standing = zkq::Standing::kMember;
  CHECK(progress.Lines(leader, now).empty());
}

TEST_CASE("zkqctl: JSON is quoted") {
  CHECK(json::Text("a\"b\\c\n\x01") == R"("a\"b\\c\u000a\u0001")");
  CHECK(json::Text("\xff") == "\"\xEF\xBF\xBD\"");
  CHECK(json::Object({{"k", json::Array({"1", json::Bool(true)})}}) == R"({"k":[1,true]})");
}

}  // namespace
}  // namespace ctl
