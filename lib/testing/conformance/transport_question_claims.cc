// Questions that servers ask each other beside their links.
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "lib/testing/conformance/contract_ensemble.h"

namespace zkq::testing {
namespace {

using Factory = TransportWorldFactory;
constexpr absl::Duration kLong = absl::Minutes(10);  // more than any claim takes

// One question, and all that becomes of it. Its answer may come later than this lives.
class Inquiry {
 public:
  Inquiry() : state_(std::make_shared<State>()) {}

  void Ask(ContractEnsemble& ensemble, ServerId from, ServerId to, Question question) {
    ensemble[from].transport().Ask(
        to, std::move(question), kLong,
        [state = state_, world = &ensemble.world()](absl::StatusOr<std::string> answer) {
          {
            const std::lock_guard lock(state->mutex);
            ++state->answers;
            state->answer = std::move(answer);
          }
          world->Wake();
        });
  }

  int answers() const {
    const std::lock_guard lock(state_->mutex);
    return state_->answers;
  }
  // The transport asks no questions, and says so.
  bool unknown() const {
    return error().code() == absl::StatusCode::kUnimplemented && !AnsweredBy(error());
  }
  absl::Status error() const {
    const std::lock_guard lock(state_->mutex);
    return state_->answer.status();
  }
  std::string bytes() const {
    const std::lock_guard lock(state_->mutex);
    return state_->answer.ok() ? *state_->answer : std::string();
  }

 private:
  struct State {
    std::mutex mutex;
    int answers = 0;
    absl::StatusOr<std::string> answer = absl::UnknownError("none so far");
  };
  const std::shared_ptr<State> state_;
};

bool UntilAnswered(ContractEnsemble& ensemble, const Inquiry& inquiry) {
  return ensemble.Until([&] { return inquiry.answers() > 0; }, "no answer comes");
}

// Tells what it was asked, and by whom.
void Echo(const Asker& asker, Question question, absl::Duration time_left,
          QuorumTransport::Answer reply) {
  // gRPC rounds it up, and clocks differ.
  const bool in_time = time_left > absl::ZeroDuration() && time_left < 2 * kLong;
  std::move(reply)(ToString(asker.id) + (in_time ? " asks " : " asks too late ") + question.kind +
                   ":" + question.bytes);
}

void Answered(const Factory& factory, Trial* trial) {
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo});
  std::string bytes;  // all that a byte may be
  for (int i = 0; i < 1000; ++i) bytes += static_cast<char>(i);
  for (const auto& [here, there] : kBothWays) {
    ensemble[there].OnQuestions(Echo);
    Inquiry inquiry;
    inquiry.Ask(ensemble, here, there, {.kind = "echo", .bytes = bytes});
    if (!UntilAnswered(ensemble, inquiry) || inquiry.unknown()) return;
    trial->ExpectEqual(inquiry.bytes(), ToString(here) + " asks echo:" + bytes, "the answer");
  }
}

void ErrorOfAnswer(const Factory& factory, Trial* trial) {
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo});
  ensemble[kTwo].OnQuestions(
      [](const Asker&, Question question, absl::Duration, QuorumTransport::Answer reply) {
        std::move(reply)(absl::PermissionDeniedError("not " + question.kind));
      });
  Inquiry inquiry;
  inquiry.Ask(ensemble, kOne, kTwo, {.kind = "this"});
  if (!UntilAnswered(ensemble, inquiry) || inquiry.unknown()) return;
  const absl::Status error = inquiry.error();
  trial->Expect(error.code() == absl::StatusCode::kPermissionDenied &&
                    error.ToString().find("not this") != std::string::npos,
                "another error than the one that was answered: " + error.ToString());
  trial->Expect(AnsweredBy(error) == kTwo, "the error is not told as the answer of server 2");
}

void Nobody(const Factory& factory, Trial* trial) {
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo});
  ensemble.Stop(kTwo);
  for (const ServerId nobody : {kTwo, kThree}) {  // not up; not known
    Inquiry inquiry;
    inquiry.Ask(ensemble, kOne, nobody, {.kind = "echo"});
    if (!UntilAnswered(ensemble, inquiry) || inquiry.unknown()) return;
    trial->Expect(!inquiry.error().ok() && !AnsweredBy(inquiry.error()),
                  "an answer of somebody who is not there");
    ensemble.world().Settle();
    trial->ExpectEqual(inquiry.answers(), 1, "the number of answers");
  }
}

void EndsWithShutdown(const Factory& factory, Trial* trial) {
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo});
  QuorumTransport::Answer kept;
  bool asked = false;
  std::mutex mutex;
  ensemble[kTwo].OnQuestions(
      [&](const Asker&, Question, absl::Duration, QuorumTransport::Answer reply) {
        const std::lock_guard lock(mutex);
        kept = std::move(reply);
        asked = true;
      });
  Inquiry inquiry;
  inquiry.Ask(ensemble, kOne, kTwo, {.kind = "wait"});
  const auto heard = [&] {
    const std::lock_guard lock(mutex);
    return asked || inquiry.unknown();
  };
  if (!ensemble.Until(heard, "the question is not heard") || inquiry.unknown()) return;
  ensemble[kOne].Shutdown();
  trial->ExpectEqual(inquiry.answers(), 1, "the number of answers by the end of Shutdown");
  trial->Expect(!AnsweredBy(inquiry.error()), "an answer that nobody gave");
  std::move(kept)("late");
  ensemble.world().Settle();
  trial->ExpectEqual(inquiry.answers(), 1, "the number of answers");
}

}  // namespace

Claims<TransportCheck> QuestionClaims() {
  return {
      {"a question is answered by whom it asks, or this transport asks none", Answered},
      {"the error of an answer reaches who asked, and says whose it is", ErrorOfAnswer},
      {"a question that nobody can answer ends with an error that is nobody's", Nobody},
      {"a question that waits ends with Shutdown, once", EndsWithShutdown},
  };
}

}  // namespace zkq::testing
