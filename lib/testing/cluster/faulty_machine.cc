#include "lib/testing/cluster/faulty_machine.h"

#include <optional>
#include <string>

#include "lib/wire/disk.h"

namespace zkq::testing {
namespace {

// A task is not interrupted when its server is healed: what it applies beyond this is fast.
constexpr absl::Duration kAppliesAtOnce = absl::Seconds(20);

}  // namespace

// A snapshot says at its front what its state has applied, whatever it is called.
class FaultyMachine::Watched final : public StateMachine {
 public:
  Watched(FaultyMachine* faults, std::unique_ptr<StateMachine> inner, std::function<void()> changed)
      : faults_(*faults), inner_(std::move(inner)), changed_(std::move(changed)) {}

  absl::StatusOr<std::string> Apply(const Transaction& txn) override {
    if (absl::Status fault = faults_.BeforeApply(); !fault.ok()) return fault;
    absl::StatusOr<std::string> reply = inner_->Apply(txn);
    if (!reply.ok()) return reply;
    applied_ = txn.zxid;
    faults_.shared_.observer->OnApplied(faults_.sid_, txn, *reply);
    changed_();
    return reply;
  }
  absl::StatusOr<std::string> Query(std::string_view request) override {
    return inner_->Query(request);
  }
  absl::StatusOr<SnapshotJob> Snapshot() override {
    absl::StatusOr<SnapshotJob> job = inner_->Snapshot();
    if (!job.ok()) return job;
    return SnapshotJob([applied = applied_, job = *std::move(job)](SnapshotWriter& out) mutable {
      absl::Status written = out.WriteRecord(EncodeZxid(applied));
      return written.ok() ? job(out) : written;
    });
  }
  absl::Status Restore(SnapshotReader& in) override {
    std::string record;
    if (absl::StatusOr<bool> more = in.ReadRecord(&record); !more.ok()) return more.status();
    const std::optional<Zxid> applied = DecodeZxid(record);
    if (!applied) return absl::DataLossError("not a snapshot that a SimCluster has taken");
    absl::Status restored = inner_->Restore(in);
    if (!restored.ok()) return restored;
    applied_ = *applied;
    faults_.shared_.observer->OnRestored(faults_.sid_, applied_);
    changed_();
    return restored;
  }
  absl::StatusOr<Zxid> Open() override {
    absl::StatusOr<Zxid> applied = inner_->Open();
    if (applied.ok()) applied_ = *applied;
    return applied;
  }

 private:
  FaultyMachine& faults_;
  const std::unique_ptr<StateMachine> inner_;
  const std::function<void()> changed_;
  Zxid applied_ = {};
};

std::unique_ptr<StateMachine> FaultyMachine::Watch(std::unique_ptr<StateMachine> inner,
                                                   std::function<void()> changed) {
  return std::make_unique<Watched>(this, std::move(inner), std::move(changed));
}

void FaultyMachine::Heal() {
  fails_ = false;
  takes_ = absl::ZeroDuration();
}

absl::Status FaultyMachine::BeforeApply() {
  if (std::exchange(fails_, false)) {
    excuses_.Excuse("an Apply fails");
    return absl::InternalError("told to fail");
  }
  if (takes_ > absl::ZeroDuration() && shared_.scheduler->charged() < kAppliesAtOnce) {
    excuses_.KeepFromApplying(takes_);
    excuses_.HeldUp(excuses_.blocked_until());  // a reply that is made now is told then
  }
  return absl::OkStatus();
}

}  // namespace zkq::testing
