// Questions: those that this server asks, each answered once, and how many it is asked at a
// time (PROTOCOL §5.6). They travel beside the links.
//
// Threads: any. One lock guards all; nothing is called while it is held.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/link/serial_queue.h"
#include "zkq/env.h"
#include "zkq/quorum_transport.h"

namespace zkq::link {

// So many questions that have come in are under way at a time.
inline constexpr size_t kQuestionsMax = 64;

struct AskRequest {
  Asker from = {};  // who it says it is; `local` is for the asked end to know
  ServerId to{};    // none: whoever is at the address that is called
  Question question = {};
};
// What the receiver of the asked server says.
struct AskReply {
  Asker from = {};  // who answers
  absl::StatusCode code = absl::StatusCode::kOk;
  std::string text = {};   // of an error
  std::string bytes = {};  // of an answer
};
// Not OK: the question has got no answer.
using AskDone = absl::AnyInvocable<void(absl::StatusOr<AskReply>) &&>;

// "server 2: no such backup", marked as its answer: AnsweredBy.
absl::Status ToStatus(const AskReply& reply);

class Questions : public std::enable_shared_from_this<Questions> {
 public:
  using Answer = QuorumTransport::Answer;
  explicit Questions(std::shared_ptr<Gate> gate) : gate_(std::move(gate)) {}

  void Start(std::shared_ptr<Executor> executor);
  // Names a question that is asked from now on; `late` ends it after `timeout`. 0: none can be
  // asked any more, and `done` is told so later.
  uint64_t Begin(absl::Duration timeout, absl::Status late, Answer done);
  // Unless it has ended already. In a task of its own: FinishSoon.
  void Finish(uint64_t id, absl::StatusOr<std::string> answer);
  void FinishSoon(uint64_t id, absl::Status why);
  // Ends all with kUnavailable, and takes no more.
  void Close();

  // One has come in. False: there are as many as may be. Whoever gets true calls Leave once.
  [[nodiscard]] bool Enter();
  void Leave();

 private:
  struct Asked {
    Answer done = nullptr;
    uint64_t timer = 0;
  };

  const std::shared_ptr<Gate> gate_;
  std::shared_ptr<Executor> executor_;  // fixed from Start on
  std::mutex mutex_;
  std::map<uint64_t, Asked> asked_;
  uint64_t last_id_ = 0;
  size_t answering_ = 0;
  bool closed_ = false;
};

}  // namespace zkq::link
