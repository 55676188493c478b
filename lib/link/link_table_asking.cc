// The link table's questions: asked from here, and asked of this server (PROTOCOL §5.6).
#include <string>
#include <utility>

#include "lib/base/absl/string_view.h"
#include "lib/link/link_table.h"

namespace zkq::link {
namespace {

std::string TooLarge(const char* what, size_t bytes) {
  return std::string(what) + " of " + std::to_string(bytes) + " bytes is more than is carried (" +
         std::to_string(kAskBytesMax) + ")";
}

size_t SizeOf(const Question& question) { return question.kind.size() + question.bytes.size(); }

}  // namespace

// The receiver's way back. Dropped without an answer, it is one.
class LinkTable::Answering {
 public:
  Answering(std::shared_ptr<Questions> questions, const Identity& self, AskDone reply)
      : questions_(std::move(questions)), self_(AskerOf(self)), reply_(std::move(reply)) {}
  Answering(Answering&&) = default;
  ~Answering() {
    if (questions_ != nullptr) Tell(absl::UnavailableError("no answer is given"));
  }
  void operator()(absl::StatusOr<std::string> answer) && { Tell(std::move(answer)); }

 private:
  void Tell(absl::StatusOr<std::string> answer) {
    std::exchange(questions_, nullptr)->Leave();
    if (answer.ok() && answer->size() > kAskBytesMax) {
      answer = absl::ResourceExhaustedError(ToAbsl(TooLarge("an answer", answer->size())));
    }
    AskReply reply{.from = self_};
    if (answer.ok()) {
      reply.bytes = *std::move(answer);
    } else {
      reply.code = answer.status().code();
      reply.text = std::string(FromAbsl(answer.status().message()));
    }
    std::move(reply_)(std::move(reply));
  }

  std::shared_ptr<Questions> questions_;  // null: it has been told
  Asker self_;
  AskDone reply_;
};

Asker LinkTable::AskerOf(const Identity& identity) {
  return {.id = identity.sid,
          .disk = identity.disk,
          .boot = identity.boot,
          .ensemble = identity.ensemble};
}

void LinkTable::Ask(ServerId to, Question question, absl::Duration timeout,
                    QuorumTransport::Answer done) {
  if (env_.executor == nullptr) {
    return std::move(done)(absl::FailedPreconditionError("the transport has not been started"));
  }
  const std::string address = AddressOf(to);
  const uint64_t id = questions_->Begin(
      timeout,
      absl::DeadlineExceededError(ToAbsl("no answer from server " + ToString(to) + " at " +
                                         address + " within " + absl::FormatDuration(timeout))),
      std::move(done));
  if (id == 0) return;
  if (SizeOf(question) > kAskBytesMax) {
    return questions_->FinishSoon(
        id, absl::InvalidArgumentError(ToAbsl(TooLarge("a question", SizeOf(question)))));
  }
  if (address.empty()) return questions_->FinishSoon(id, NoAddress(to));
  After(absl::ZeroDuration(),
        [to, address, timeout, id, question = std::move(question)](LinkTable* table) mutable {
          table->AskAt(address, to, std::move(question), timeout, id);
        });
}

void LinkTable::AskAt(const std::string& address, ServerId to, Question question,
                      absl::Duration timeout, uint64_t id) {
  std::shared_ptr<Dialler> dialler;
  Identity self;
  {
    const std::lock_guard lock(mutex_);
    dialler = dialler_;
    self = self_;
  }
  if (dialler == nullptr) return questions_->Finish(id, absl::UnavailableError("shut down"));
  const ServerId meant = self.sid == kNoServer ? kNoServer : to;
  dialler->Ask(address, {.from = AskerOf(self), .to = meant, .question = std::move(question)},
               timeout, [questions = questions_, id, meant](absl::StatusOr<AskReply> reply) {
                 if (!reply.ok()) {
                   // The timer says that, and to whom.
                   if (absl::IsDeadlineExceeded(reply.status())) return;
                   const bool cut = absl::IsCancelled(reply.status());
                   return questions->Finish(
                       id, cut ? absl::UnavailableError("cut off") : std::move(reply).status());
                 }
                 if (meant != kNoServer && reply->from.id != meant) {
                   return questions->Finish(
                       id, absl::FailedPreconditionError(
                               ToAbsl("server " + ToString(reply->from.id) +
                                      " answers at the address of server " + ToString(meant))));
                 }
                 if (reply->code != absl::StatusCode::kOk)
                   return questions->Finish(id, ToStatus(*reply));
                 questions->Finish(id, std::move(reply->bytes));
               });
}

Judgement LinkTable::JudgeQuestion(const Identity& self, const AskRequest& request) {
  if (SizeOf(request.question) > kAskBytesMax) {
    return {RefusalCode::kMalformed, TooLarge("a question", SizeOf(request.question))};
  }
  if (request.to != kNoServer && request.to != self.sid) {
    return {RefusalCode::kMeantAnother, "server " + ToString(request.to)};
  }
  const bool foreign = request.from.ensemble != EnsembleId{} && self.ensemble != EnsembleId{} &&
                       request.from.ensemble != self.ensemble;
  return {foreign ? RefusalCode::kForeignEnsemble : RefusalCode{}};
}

void LinkTable::OnAsked(AskRequest request, absl::Duration time_left, AskDone reply) {
  const Identity us = self();
  const Identity asker{.sid = request.from.id,
                       .boot = request.from.boot,
                       .ensemble = request.from.ensemble,
                       .disk = request.from.disk};
  const Judgement judgement = JudgeQuestion(us, request);
  if (!judgement.admitted()) return std::move(reply)(Refuse(asker, judgement));
  if (!gate_->Enter()) return std::move(reply)(link::ToStatus({RefusalCode::kShutDown, us.sid}));
  if (!questions_->Enter()) {
    gate_->Leave();
    return std::move(reply)(Refuse(asker, {RefusalCode::kTooManyQuestions}));
  }
  receiver_->OnAsked(request.from, std::move(request.question), time_left,
                     Answering(questions_, us, std::move(reply)));
  gate_->Leave();
}

}  // namespace zkq::link
