#include "lib/testing/cluster/sim_server.h"

#include <algorithm>

#include "lib/testing/cluster/sim_calls.h"

namespace zkq::testing {
inline namespace v1 {

void SimServer::Impl::Heal() {
  process.Heal();
  clock->SetRate(1);
  state_machine.Heal();
  disk.Heal();
}

bool SimServer::Impl::calm() const {
  constexpr int kSyncs = 8;  // of one task, one after the other: a snapshot's, a segment's
  const absl::Duration held =
      std::max({excuses.held_up_until(), excuses.blocked_until() - kSyncs * disk.sync_takes(),
                excuses.kept_from_applying_until()});
  return process.steady() && disk.calm() && state_machine.calm() &&
         held < shared.scheduler->now() && clock->rate() == 1;
}

SimServer::SimServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SimServer::~SimServer() = default;

// --- the process ----------------------------------------------------------------------

ServerId SimServer::id() const { return impl_->sid; }
absl::Status SimServer::Start() { return impl_->process.Start(); }
void SimServer::Crash(CrashMode mode) {
  if (up()) impl_->process.Crash(mode);
}
absl::Status SimServer::Shutdown(absl::Duration grace) {
  return up() ? impl_->process.Shutdown(grace) : absl::OkStatus();
}
bool SimServer::up() const { return impl_->process.up(); }
Replica& SimServer::replica() { return impl_->process.replica(); }
ReplicaStatus SimServer::Status() const { return impl_->process.replica().Status(); }

void SimServer::Propose(std::string command, absl::Duration timeout, Done done) {
  impl_->shared.calls->Propose(impl_.get(), std::move(command), timeout, std::move(done));
}
void SimServer::Read(std::string request, absl::Duration timeout, Done done) {
  impl_->shared.calls->Read(impl_.get(), std::move(request), timeout, std::move(done));
}

void SimServer::Reconfigure(Membership next, absl::Duration timeout, Changed done) {
  impl_->shared.calls->Reconfigure(impl_.get(), std::move(next), timeout, std::move(done));
}

void SimServer::CrashAtDisk(uint64_t operations, CrashMode mode,
                            std::optional<MemoryFileSystem::Step> step) {
  impl_->disk.CrashAt(operations, mode, step);
}
void SimServer::CrashAtSend(uint64_t messages, CrashMode mode) {
  impl_->process.CrashAtSend(messages, mode);
}
void SimServer::Pause(bool paused) { impl_->process.Pause(paused); }
SimClock& SimServer::clock() { return *impl_->clock; }
void SimServer::SlowApply(absl::Duration each) { impl_->state_machine.Slow(each); }
void SimServer::FailApply() { impl_->state_machine.FailNext(); }

// --- the disk ---------------------------------------------------------------------------

MemoryFileSystem& SimServer::disk() { return *impl_->disk.files(); }
void SimServer::SlowDisk(absl::Duration per_sync) { impl_->disk.Slow(per_sync); }
void SimServer::SlowReads(absl::Duration longest) { impl_->disk.SlowReads(longest); }
void SimServer::StallDisk(absl::Duration duration) { impl_->disk.Stall(duration); }
void SimServer::FailDisk(MemoryFileSystem::Step step) { impl_->disk.Fail(step); }
void SimServer::FailRead() { impl_->disk.FailRead(); }
void SimServer::FillDisk(bool full) { impl_->disk.Fill(full); }
bool SimServer::WipeDisk() { return !up() && impl_->disk.Wipe(); }
bool SimServer::LoseDisk() {
  if (impl_->process.there()) return false;
  impl_->disk.Lose();
  return true;
}
bool SimServer::InsertDisk(size_t n) { return !impl_->process.there() && impl_->disk.Insert(n); }
size_t SimServer::disks() const { return impl_->disk.disks(); }
size_t SimServer::present_disk() const { return impl_->disk.present(); }
bool SimServer::FlipBit(const std::string& path, uint64_t offset, int bit) {
  return !up() && impl_->disk.FlipBit(path, offset, bit);
}
bool SimServer::LoseSector(const std::string& path, uint64_t offset) {
  return !up() && impl_->disk.LoseSector(path, offset);
}
bool SimServer::OverwriteSector(const std::string& path, uint64_t offset, uint64_t from) {
  return !up() && impl_->disk.OverwriteSector(path, offset, from);
}
bool SimServer::Settled(const std::string& path, uint64_t offset) const {
  return impl_->disk.Settled(path, offset);
}

}  // namespace v1
}  // namespace zkq::testing
