#include "lib/testing/cluster/faulty_disk.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace zkq::testing {
namespace {

using Step = MemoryFileSystem::Step;
using Verdict = MemoryFileSystem::Verdict;

constexpr absl::Duration kSettles = absl::Seconds(1);
constexpr size_t kSector = 512;
constexpr uint64_t kNoCapacity = std::numeric_limits<uint64_t>::max();

}  // namespace

FaultyDisk::FaultyDisk(const Shared* shared, ServerId sid, Excuses* excuses,
                       std::function<void(CrashMode)> kill)
    : shared_(*shared), sid_(sid), excuses_(*excuses), kill_(std::move(kill)) {
  Watch();
}

void FaultyDisk::Watch() {
  files_->Observe([this](const Operation& operation) { return Judge(operation); });
  files_->SetWitness([this](const Operation& operation) { Witness(operation); });
  files_->ObserveReads([this](const std::string&) { return JudgeRead(); });
}

// --- one after the other ----------------------------------------------------------------------

void FaultyDisk::Lose() {
  disks_.push_back(std::make_shared<MemoryFileSystem>());
  (void)Insert(disks_.size() - 1);  // it is there
}

// What is wrong with a disk is so with the next one, but for what is in it, and that there is room.
bool FaultyDisk::Insert(size_t n) {
  if (n >= disks_.size()) return false;
  present_ = n;
  files_ = disks_[n];
  fresh_.clear();
  Watch();
  full_ = false;
  files_->SetCapacity(kNoCapacity);
  shared_.observer->OnDiskInserted(sid_, n);
  return true;
}

// --- faults ---------------------------------------------------------------------------------

void FaultyDisk::CrashAt(uint64_t operations, CrashMode mode, std::optional<Step> step) {
  kill_at_ = {operations, mode, step};
}

void FaultyDisk::Stall(absl::Duration duration) {
  stalled_until_ = std::max(stalled_until_, shared_.scheduler->now() + duration);
}

void FaultyDisk::Fill(bool full) {
  const bool was_full = std::exchange(full_, full);
  if (full || was_full) excuses_.Excuse("the disk is full, or was");
  files_->SetCapacity(full ? 0 : kNoCapacity);
}

bool FaultyDisk::Wipe() {
  if (files_->Files().empty()) return false;
  files_->Wipe();
  shared_.observer->OnWiped(sid_);
  return true;
}

// Whether that has changed anything.
bool FaultyDisk::Damage(const std::string& path, const std::function<void(std::string*)>& change) {
  absl::StatusOr<std::string> contents = files_->Contents(path);
  if (!contents.ok()) return false;
  const std::string before = *contents;
  change(&*contents);
  if (*contents == before) return false;
  shared_.observer->OnDamaged(sid_);
  files_->SetContents(path, *std::move(contents));
  return true;
}

bool FaultyDisk::FlipBit(const std::string& path, uint64_t offset, int bit) {
  return Damage(path, [&](std::string* bytes) {
    if (offset >= bytes->size()) return;
    (*bytes)[offset] = static_cast<char>((*bytes)[offset] ^ (1 << bit));
  });
}

bool FaultyDisk::LoseSector(const std::string& path, uint64_t offset) {
  return Damage(path, [&](std::string* bytes) {
    if (offset >= bytes->size()) return;
    const size_t size = std::min(kSector, bytes->size() - offset);
    bytes->replace(offset, size, size, '\0');
  });
}

bool FaultyDisk::OverwriteSector(const std::string& path, uint64_t offset, uint64_t from) {
  return Damage(path, [&](std::string* bytes) {
    if (std::max(offset, from) >= bytes->size()) return;
    const std::string astray = bytes->substr(from, std::min(kSector, bytes->size() - offset));
    bytes->replace(offset, astray.size(), astray);
  });
}

void FaultyDisk::Heal() {
  kill_at_.in = 0;
  fail_.reset();
  fail_read_ = false;
  extra_per_sync_ = longest_read_ = stalled_until_ = absl::ZeroDuration();
  Fill(false);
}

bool FaultyDisk::calm() const {
  return !fail_ && !fail_read_ && !full_ && longest_read_ == absl::ZeroDuration() &&
         stalled_until_ < shared_.scheduler->now();
}

// --- lives of the process ---------------------------------------------------------------------

void FaultyDisk::Stop() { files_->CrashBefore(files_->operations() + 1); }

void FaultyDisk::Crash(CrashMode mode) {
  down_since_ = shared_.scheduler->now();
  kill_at_.in = 0;
  switch (mode) {
    case CrashMode::kProcess:
      return files_->KillProcess();
    case CrashMode::kPower:
      return files_->Crash();
    case CrashMode::kTorn:
      return files_->CrashTorn(shared_.scheduler->random());
  }
}

void FaultyDisk::Unsettle() {
  for (Fresh& fresh : fresh_) fresh.at = shared_.scheduler->now();
}

void FaultyDisk::OnWritten(const Operation& operation) {
  const absl::Duration now = shared_.scheduler->now();
  while (!fresh_.empty() && fresh_.front().at + Settles() <= now) fresh_.pop_front();
  fresh_.push_back(
      {operation.path, operation.offset, operation.offset + operation.bytes.size(), now});
}

absl::Duration FaultyDisk::Settles() const { return kSettles + 8 * sync_takes(); }

bool FaultyDisk::Settled(const std::string& path, uint64_t offset) const {
  const absl::Duration since = down_since_.value_or(shared_.scheduler->now()) - Settles();
  return std::none_of(fresh_.begin(), fresh_.end(), [&](const Fresh& fresh) {
    return fresh.at > since && fresh.path == path && offset >= fresh.begin && offset < fresh.end;
  });
}

// --- what is done to it -------------------------------------------------------------------------

// Asked before each operation, inside the call that wants it.
Verdict FaultyDisk::Judge(const Operation& operation) {
  const bool counts = !kill_at_.step || *kill_at_.step == operation.step;
  if (kill_at_.in != 0 && counts && --kill_at_.in == 0) {
    kill_(kill_at_.mode);
    return Verdict::kCrash;
  }
  if (fail_ == operation.step) {
    fail_.reset();
    excuses_.Excuse("an operation of the disk fails");
    return Verdict::kFail;
  }
  const bool syncs = operation.step == Step::kSync || operation.step == Step::kSyncDirectory;
  const absl::Duration takes = Stalled() + (syncs ? sync_takes() : absl::ZeroDuration());
  if (operation.path.starts_with(kDataDir)) {
    excuses_.Block(takes);
  } else {
    excuses_.KeepFromApplying(takes);  // the state machine's own
  }
  if (syncs && Stalled() == absl::ZeroDuration()) {
    syncing_until_ = std::max(syncing_until_, shared_.scheduler->now());
  }
  return Verdict::kProceed;
}

Verdict FaultyDisk::JudgeRead() {
  absl::Duration takes = Stalled();
  if (longest_read_ > absl::ZeroDuration()) {
    takes += longest_read_ * (static_cast<double>(shared_.scheduler->random().Below(1000)) / 1000);
  }
  excuses_.KeepFromApplying(takes);  // it may read what is to be applied
  if (!std::exchange(fail_read_, false)) return Verdict::kProceed;
  excuses_.Excuse("a read of the disk fails");
  return Verdict::kFail;
}

// A task that blocks ends too early in virtual time: what it does to the disk after
// that is told at the time at which it would have done it. So nobody may act on a sync
// that still runs.
void FaultyDisk::Witness(const Operation& operation) {
  if (operation.step == Step::kWrite) OnWritten(operation);
  if (shared_.scheduler->charged() == absl::ZeroDuration()) {
    return shared_.observer->OnDisk(sid_, operation);
  }
  late_[operation.number] = {operation, std::string(operation.bytes)};
  shared_.scheduler->After(absl::ZeroDuration(),
                           [this, number = operation.number] { Tell(number); });
}

void FaultyDisk::Tell(uint64_t number) {
  auto late = late_.extract(number);
  if (late.empty()) return;
  late.mapped().operation.bytes = late.mapped().bytes;
  shared_.observer->OnDisk(sid_, late.mapped().operation);
}

void FaultyDisk::TellLate() {
  while (!late_.empty()) Tell(late_.begin()->first);
}

absl::Duration FaultyDisk::Stalled() const {
  return std::max(stalled_until_ - shared_.scheduler->now(), absl::ZeroDuration());
}

}  // namespace zkq::testing
