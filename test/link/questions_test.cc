// Questions beside the links (PROTOCOL §5.6): who is asked, what comes back, and that each is
// answered once. On a network that the test plays, in virtual time.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/link/questions.h"
#include "test/harness/catch.h"
#include "test/link/played.h"

namespace zkq::testing {
namespace {

using absl::Seconds;
using absl::StatusCode;
using link::AskReply;
using link::AskRequest;
using link::RefusalCode;

Asker AskerAs(ServerId sid) {
  return {.id = sid, .disk = {0, ToInt(sid)}, .boot = 1, .ensemble = kOurs};
}

// Server 2, and what becomes of what it asks.
struct Asking : Two {
  using Two::Two;
  ~Asking() { table->Shutdown(); }
  void Ask(ServerId to, Question question = {.kind = "how", .bytes = "?"}) {
    table->Ask(to, std::move(question), Seconds(5), [this](absl::StatusOr<std::string> answer) {
      answers.push_back(std::move(answer));
    });
    REQUIRE(inside == answers.size());  // never inside the call
  }
  absl::StatusOr<std::string> Answer() {
    scheduler.RunUntil([&] { return answers.size() > inside; }, kPatience);
    REQUIRE(answers.size() == ++inside);
    return answers.back();
  }
  std::vector<absl::StatusOr<std::string>> answers;
  size_t inside = 0;
};

// Server 2, and what it says to those who ask it.
struct Asked : Two {
  using Two::Two;
  ~Asked() { diary.replies.clear(); }
  void Hear(const AskRequest& request) {
    table->OnAsked(request, Seconds(3),
                   [this](absl::StatusOr<AskReply> reply) { replies.push_back(std::move(reply)); });
  }
  std::vector<absl::StatusOr<AskReply>> replies;
};

TEST_CASE("a question goes to the server's address, and its answer comes back") {
  Asking two;
  two.table->StartDialling(two.dialler);
  two.Ask(kOne);
  two.dialler->NextAsk("one")(AskReply{.from = AskerAs(kOne), .bytes = "so"});
  CHECK(two.Answer().value() == "so");
  const AskRequest asked = two.dialler->asked.front();
  CHECK((asked.to == kOne && asked.question.kind == "how" && asked.question.bytes == "?"));
  CHECK((asked.from.id == kTwo && asked.from.disk == DiskId{0, 2} && asked.from.boot == 1 &&
         asked.from.ensemble == kOurs));
}

TEST_CASE("an error that the server answers is told from none") {
  Asking two;
  two.table->StartDialling(two.dialler);
  two.Ask(kOne);
  two.dialler->NextAsk("one")(
      AskReply{.from = AskerAs(kOne), .code = StatusCode::kNotFound, .text = "no such backup"});
  const absl::Status answer = two.Answer().status();
  CHECK(answer.code() == StatusCode::kNotFound);
  CHECK(answer.message() == "no such backup");
  CHECK(AnsweredBy(answer) == kOne);
  two.Ask(kOne);
  two.dialler->NextAsk("one")(absl::UnavailableError("connection refused by one"));
  const absl::Status none = two.Answer().status();
  CHECK(none == absl::UnavailableError("connection refused by one"));
  CHECK_FALSE(AnsweredBy(none));
}

TEST_CASE("a question ends by its timeout, once, whatever comes later") {
  Asking two;
  two.table->StartDialling(two.dialler);
  two.Ask(kOne);
  link::AskDone late = two.dialler->NextAsk("one");
  two.scheduler.RunFor(Seconds(4));
  CHECK(two.answers.empty());
  CHECK(two.Answer().status() ==
        absl::DeadlineExceededError("no answer from server 1 at one within 5s"));
  std::move(late)(AskReply{.from = AskerAs(kOne), .bytes = "so"});
  two.scheduler.RunFor(Seconds(10));
  CHECK(two.answers.size() == 1);
}

TEST_CASE("questions under way, and those asked later, end by a shutdown") {
  Asking two;
  two.table->StartDialling(two.dialler);
  two.Ask(kOne);
  link::AskDone late = two.dialler->NextAsk("one");
  two.table->Shutdown();
  REQUIRE(two.answers.size() == 1);
  CHECK(two.answers[0].status() == absl::UnavailableError("shut down"));
  std::move(late)(AskReply{.from = AskerAs(kOne), .bytes = "so"});
  two.inside = 1;
  two.Ask(kOne);
  CHECK(two.Answer().status() == absl::UnavailableError("shut down"));
}

TEST_CASE("what cannot be asked is told so, later") {
  Asking two;
  two.table->StartDialling(two.dialler);
  two.Ask(ServerId{9});
  CHECK(two.Answer().status() == absl::UnavailableError("no address of server 9 is known"));
  two.Ask(kOne, {.kind = "how", .bytes = std::string(kAskBytesMax, 'x')});
  CHECK(two.Answer().status().code() == StatusCode::kInvalidArgument);
  two.Ask(kOne, {.kind = "how", .bytes = std::string(kAskBytesMax - 3, 'x')});
  two.dialler->NextAsk("one")(AskReply{.from = AskerAs(kOne)});
  CHECK(two.Answer().ok());
}

TEST_CASE("another server's answer is none, but for a tool, which knows no ids") {
  Asking two;
  two.table->StartDialling(two.dialler);
  two.Ask(kOne);
  two.dialler->NextAsk("one")(AskReply{.from = AskerAs(kThree), .bytes = "so"});
  CHECK(two.Answer().status() ==
        absl::FailedPreconditionError("server 3 answers at the address of server 1"));
  Asking tool(Identity{});
  tool.table->StartDialling(tool.dialler);
  tool.Ask(kOne);
  tool.dialler->NextAsk("one")(AskReply{.from = AskerAs(kThree), .bytes = "so"});
  CHECK(tool.Answer().value() == "so");
  CHECK(tool.dialler->asked.front().to == kNoServer);
}

TEST_CASE("a tool asks, and keeps no links") {
  Two tool(Identity{});
  tool.table->StartDialling(tool.dialler);
  tool.scheduler.RunFor(Seconds(5));
  CHECK_FALSE((tool.dialler->has_dials() || tool.dialler->has_knocks()));
  CHECK(tool.table->links().empty());
}

TEST_CASE("the receiver is asked, and its answer is told with who gives it") {
  Asked two;
  two.Hear({.from = AskerAs(kOne), .to = kTwo, .question = {.kind = "how"}});
  REQUIRE(two.diary.lines() == std::vector<std::string>{"asked by 1 for how within 3s"});
  CHECK(two.replies.empty());
  std::move(two.diary.replies[0])("so");
  REQUIRE(two.replies.size() == 1);
  CHECK(two.replies[0]->bytes == "so");
  CHECK((two.replies[0]->from.id == kTwo && two.replies[0]->from.ensemble == kOurs));
  two.Hear({.from = AskerAs(kOne), .to = kTwo});
  std::move(two.diary.replies[1])(absl::NotFoundError("none"));
  CHECK((two.replies[1]->code == StatusCode::kNotFound && two.replies[1]->text == "none"));
}

TEST_CASE("an answer that is dropped or too large is told as an error") {
  Asked two;
  for (int i = 0; i < 2; ++i) two.Hear({.from = AskerAs(kOne)});
  two.diary.replies[0] = nullptr;
  std::move(two.diary.replies[1])(std::string(kAskBytesMax + 1, 'x'));
  REQUIRE(two.replies.size() == 2);
  CHECK(two.replies[0]->code == StatusCode::kUnavailable);
  CHECK(two.replies[1]->code == StatusCode::kResourceExhausted);
  CHECK(two.replies[1]->bytes.empty());
}

TEST_CASE("a question of another ensemble, for another server or too large is refused") {
  Asked two;
  const auto refusal = [&](const AskRequest& request) {
    two.Hear(request);
    const auto refused = link::RefusedIn(two.replies.back().status());
    return refused ? refused->code : RefusalCode{};
  };
  Asker foreign = AskerAs(kOne);
  foreign.ensemble = kTheirs;
  CHECK(refusal({.from = foreign, .to = kTwo}) == RefusalCode::kForeignEnsemble);
  CHECK(refusal({.from = AskerAs(kOne), .to = kThree}) == RefusalCode::kMeantAnother);
  const std::string much(kAskBytesMax + 1, 'x');
  CHECK(refusal({.from = AskerAs(kOne), .to = kTwo, .question = {.bytes = much}}) ==
        RefusalCode::kMalformed);
  CHECK(two.diary.lines().empty());
  two.Hear({});  // a tool
  Asker unfounded = AskerAs(ServerId{9});
  unfounded.ensemble = {};
  two.Hear({.from = unfounded, .to = kTwo});
  CHECK(two.diary.lines().size() == 2);
}

TEST_CASE("so many questions are answered at a time, and each that ends makes room") {
  Asked two;
  for (size_t i = 0; i < link::kQuestionsMax; ++i) two.Hear({.from = AskerAs(kOne)});
  CHECK(two.replies.empty());
  two.Hear({.from = AskerAs(kOne)});
  REQUIRE(two.replies.size() == 1);
  CHECK(two.replies[0].status().code() == StatusCode::kResourceExhausted);
  std::move(two.diary.replies[0])("so");
  two.Hear({.from = AskerAs(kOne)});
  CHECK(two.diary.replies.size() == link::kQuestionsMax + 1);
}

TEST_CASE("a question that comes after a shutdown is refused, an answer that does is taken") {
  Asked two;
  two.Hear({.from = AskerAs(kOne)});
  two.table->Shutdown();
  two.Hear({.from = AskerAs(kOne)});
  REQUIRE(two.replies.size() == 1);
  CHECK(two.replies[0].status().code() == StatusCode::kUnavailable);
  std::move(two.diary.replies[0])("so");
  CHECK(two.replies.size() == 2);
}

}  // namespace
}  // namespace zkq::testing
