#include "lib/testing/conformance/machine_run.h"

#include <algorithm>
#include <utility>

#include "lib/base/absl/string_view.h"

namespace zkq::testing {
namespace {

constexpr size_t kRecordBytesMax = 64 << 20;
constexpr size_t kQueries = 50;  // made by a generator

class Writer final : public SnapshotWriter {
 public:
  Writer(size_t fail_at, Records* records) : fail_at_(fail_at), records_(*records) {}
  absl::Status WriteRecord(std::string_view record) override {
    if (status_.ok() && record.size() > kRecordBytesMax) {
      status_ = absl::InvalidArgumentError("a snapshot record of more than 64 MiB");
    }
    if (status_.ok() && records_.size() == fail_at_) {
      status_ = absl::ResourceExhaustedError("the disk is full, says the test");
    }
    if (status_.ok()) records_.emplace_back(record);
    return status_;
  }

 private:
  const size_t fail_at_;
  Records& records_;
  absl::Status status_;
};

class Reader final : public SnapshotReader {
 public:
  Reader(const Records& records, size_t fail_at) : records_(records), fail_at_(fail_at) {}
  absl::StatusOr<bool> ReadRecord(std::string* record) override {
    if (next_ == fail_at_) {
      failed_ = true;
      return absl::DataLossError("the snapshot is damaged, says the test");
    }
    if (next_ == records_.size()) return false;
    *record = records_[next_++];
    return true;
  }
  bool failed() const { return failed_; }

 private:
  const Records& records_;
  const size_t fail_at_;
  size_t next_ = 0;
  bool failed_ = false;
};

// Not all transactions of a history are commands, and leaders change.
Zxid NextZxid(Zxid zxid, SimRandom& random) {
  if (random.Below(20) == 0) return {zxid.epoch + 1, 1};
  return {zxid.epoch, zxid.counter + (random.Below(10) == 0 ? 2 : 1)};
}

std::string NameOf(const MachineStep& step) {
  return ToString(step.zxid) + " " + Shown(step.command);
}

}  // namespace

std::vector<size_t> MachineScript::Stops() const {
  std::vector<size_t> stops = {0, 1, size() / 3, size() / 2, size() - size() / 10, size()};
  std::sort(stops.begin(), stops.end());
  stops.erase(std::unique(stops.begin(), stops.end()), stops.end());
  return stops;
}

absl::StatusOr<MachineScript> WriteScript(const StateMachineFactory& factory,
                                          const StateMachineOptions& options) {
  std::vector<std::string> commands = options.commands;
  MachineScript script{.factory = factory,
                       .queries = options.queries,
                       .let_time_pass = options.let_time_pass,
                       .seed = options.seed};
  SimRandom random(options.seed), own(options.seed + 1);
  if (options.command != nullptr) {
    while (commands.size() < options.transactions) commands.push_back(options.command(random));
  }
  if (options.query != nullptr) {
    while (script.queries.size() < kQueries) script.queries.push_back(options.query(random));
  }
  if (commands.empty()) return absl::InvalidArgumentError("a state machine needs commands");
  Zxid zxid{1, 0};
  absl::Time now = absl::FromUnixSeconds(1'735'689'600);  // 2025-01-01
  for (std::string& command : commands) {
    zxid = NextZxid(zxid, own);
    now += absl::Microseconds(own.Below(3) == 0 ? 0 : own.Below(5'000'000));
    script.steps.push_back({.zxid = zxid, .leader_time = now, .command = std::move(command)});
  }
  return script;
}

absl::Status WriteRecords(SnapshotJob& job, size_t fail_at, Records* records) {
  Writer writer(fail_at, records);
  return job(writer);
}

MachineRun::MachineRun(const MachineScript& script, Trial* trial)
    : script_(script), trial_(*trial), machine_(script.factory()), replies_(script.size()) {
  if (machine_ == nullptr) {
    trial_.GiveUp(absl::InvalidArgumentError("the factory made no machine"));
    return;
  }
  trial_.ExpectOk(machine_->Open().status(), "Open");
}

bool MachineRun::ApplyNext(std::string_view command) {
  const MachineStep& step = script_.steps[at_];
  absl::StatusOr<std::string> reply =
      machine_->Apply({.zxid = step.zxid, .leader_time = step.leader_time, .command = command});
  if (!trial_.ExpectOk(reply.status(), "Apply of " + NameOf(step))) return false;
  replies_[at_++] = *std::move(reply);
  return true;
}

bool MachineRun::ApplyTo(size_t end) {
  if (machine_ == nullptr) return false;
  while (at_ < end) {
    if (!ApplyNext(script_.steps[at_].command)) return false;
  }
  return true;
}

// All commands lie in one place, and are written over after their call: who still
// looks at one reads something else, but nothing that is not there.
bool MachineRun::ApplyFleetingTo(size_t end) {
  if (machine_ == nullptr) return false;
  size_t longest = 0;
  for (const MachineStep& step : script_.steps) longest = std::max(longest, step.command.size());
  fleeting_.assign(longest, '#');
  while (at_ < end) {
    const std::string& command = script_.steps[at_].command;
    std::copy(command.begin(), command.end(), fleeting_.begin());
    if (!ApplyNext(std::string_view(fleeting_).substr(0, command.size()))) return false;
    std::fill(fleeting_.begin(), fleeting_.end(), '#');
  }
  return true;
}

std::optional<std::string> MachineRun::ApplyBeyond(std::string_view command) {
  const MachineStep& last = script_.steps.back();
  beyond_ = {last.zxid.epoch + 1, beyond_.counter + 1};
  absl::StatusOr<std::string> reply =
      machine_->Apply({.zxid = beyond_, .leader_time = last.leader_time, .command = command});
  if (!trial_.ExpectOk(reply.status(), "Apply of " + Shown(command))) return std::nullopt;
  return *std::move(reply);
}

std::optional<SnapshotJob> MachineRun::BeginSnapshot() {
  if (machine_ == nullptr) return std::nullopt;
  absl::StatusOr<SnapshotJob> job = machine_->Snapshot();
  if (!trial_.ExpectOk(job.status(), "Snapshot")) return std::nullopt;
  return *std::move(job);
}

std::optional<Records> MachineRun::Write(SnapshotJob job) {
  Records records;
  const absl::Status written = WriteRecords(job, kNever, &records);
  if (!trial_.ExpectOk(written, "the snapshot's job")) return std::nullopt;
  return records;
}

std::optional<Records> MachineRun::Snapshot() {
  std::optional<SnapshotJob> job = BeginSnapshot();
  return job.has_value() ? Write(*std::move(job)) : std::nullopt;
}

bool MachineRun::Restore(const Records& records, size_t at) {
  if (machine_ == nullptr) return false;
  at_ = at;
  std::fill(replies_.begin(), replies_.end(), std::nullopt);
  Reader reader(records, kNever);
  return trial_.ExpectOk(machine_->Restore(reader), "Restore");
}

void MachineRun::RestoreFailing(const Records& records, size_t fail_at) {
  if (machine_ == nullptr) return;
  Reader reader(records, fail_at);
  const absl::Status restored = machine_->Restore(reader);
  trial_.Expect(!(reader.failed() && restored.ok()),
                "OK from a Restore that could not read record " + std::to_string(fail_at));
}

std::vector<std::string> MachineRun::Answers() {
  std::vector<std::string> answers;
  if (machine_ == nullptr) return answers;
  for (const std::string& query : script_.queries) {
    const absl::StatusOr<std::string> answer = machine_->Query(query);
    answers.push_back(answer.ok() ? *answer : answer.status().ToString());
  }
  return answers;
}

bool MachineRun::RepliesLike(const MachineRun& other) {
  for (size_t i = 0; i < replies_.size(); ++i) {
    const auto &one = replies_[i], &two = other.replies_[i];
    if (!one.has_value() || !two.has_value() || *one == *two) continue;
    return trial_.ExpectEqual(*one, *two, "the reply to " + NameOf(script_.steps[i]));
  }
  return true;
}

bool MachineRun::StateLike(const Records& wanted) {
  const std::optional<Records> records = Snapshot();
  if (!records.has_value()) return false;
  const std::string after = "after " + std::to_string(at_) + " commands ";
  const auto [seen, other] =
      std::mismatch(records->begin(), records->end(), wanted.begin(), wanted.end());
  if (seen != records->end() && other != wanted.end()) {
    return trial_.ExpectEqual(*seen, *other,
                              after + "record " + std::to_string(seen - records->begin()));
  }
  return trial_.ExpectEqual(records->size(), wanted.size(), after + "the number of records");
}

bool MachineRun::StateLike(MachineRun& other) {
  const std::optional<Records> wanted = other.Snapshot();
  return wanted.has_value() && StateLike(*wanted);
}

}  // namespace zkq::testing
