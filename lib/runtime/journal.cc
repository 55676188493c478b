#include "lib/runtime/journal.h"

#include <algorithm>
#include <utility>

#include "lib/runtime/node.h"

namespace zkq::runtime {
namespace {

core::WriteId NumberOf(const Journal::Write& write) {
  return std::visit([](const auto& w) { return w.write; }, write);
}

}  // namespace

void Journal::Add(std::vector<Write> writes, Zxid committed, absl::Duration now) {
  std::unique_lock lock(mutex_);
  inbox_.committed = std::max(inbox_.committed, committed);
  if (writes.empty()) {
    const bool quiet = inbox_.writes.empty() && now >= written_at_ + node_.options.tick;
    if (confirmed_ || !quiet) return;
    lock.unlock();
    return Confirm();
  }
  confirmed_ = inbox_.confirm = false;  // no acknowledgement waits for a second fsync
  written_at_ = now;
  if (inbox_.writes.empty()) {
    inbox_.writes = std::move(writes);
  } else {
    inbox_.writes.insert(inbox_.writes.end(), std::move_iterator(writes.begin()),
                         std::move_iterator(writes.end()));
  }
  Schedule(std::move(lock));
}

void Journal::Confirm() {
  std::unique_lock lock(mutex_);
  confirmed_ = inbox_.confirm = true;
  Schedule(std::move(lock));
}

absl::Duration Journal::NextConfirm() const {
  std::lock_guard lock(mutex_);
  const bool waits = !inbox_.writes.empty();  // their end comes by OnSynced
  return confirmed_ || waits ? absl::InfiniteDuration() : written_at_ + node_.options.tick;
}

void Journal::Purge(Zxid through) {
  std::unique_lock lock(mutex_);
  inbox_.purge = through;
  Schedule(std::move(lock));
}

void Journal::Schedule(std::unique_lock<std::mutex> lock) {
  if (std::exchange(scheduled_, true)) return;
  lock.unlock();
  strand_.Post([this, node = node_.Keep()] { Drain(); });
}

void Journal::Drain() {
  Inbox batch;
  {
    std::lock_guard lock(mutex_);
    batch.committed = inbox_.committed;
    batch.writes.swap(inbox_.writes);
    batch.purge = std::exchange(inbox_.purge, std::nullopt);
    batch.confirm = std::exchange(inbox_.confirm, false);
    // What comes from here on schedules a drain of its own behind this one.
    scheduled_ = false;
  }
  if (node_.halted()) return;
  if (!batch.writes.empty() || batch.confirm) {
    AddToLog(batch);
    absl::Status synced = Sync(batch.confirm);
    if (!synced.ok()) return node_.Halt(std::move(synced));
  }
  strand_.PostNext([this, node = node_.Keep(), batch = std::move(batch)] {
    if (!batch.writes.empty()) TellSynced(batch.writes);
    if (batch.purge) DoPurge(*batch.purge);
  });
}

void Journal::TellSynced(const std::vector<Write>& writes) {
  // The state machine must hear of a new history before anything of it is
  // delivered, and that follows from what is said last.
  for (const Write& write : writes) {
    if (const auto* install = std::get_if<core::InstallSnapshot>(&write)) {
      node_.applier.Install(install->snapshot);
    }
  }
  node_.protocol.OnSynced(NumberOf(writes.back()));
}

void Journal::AddToLog(const Inbox& batch) {
  storage::Log& log = *node_.disk.log;
  for (const Write& write : batch.writes) {
    if (const auto* append = std::get_if<core::Append>(&write)) {
      log.Append(append->txns);
    } else if (const auto* truncate = std::get_if<core::Truncate>(&write)) {
      log.Truncate(truncate->after);
    } else if (const auto* store = std::get_if<core::StoreState>(&write)) {
      log.Store(store->state);
    } else if (const auto* install = std::get_if<core::InstallSnapshot>(&write)) {
      log.Rebase(install->snapshot);
    }
  }
  if (batch.committed > hinted_) log.Hint(hinted_ = batch.committed);
}

absl::Status Journal::Sync(bool confirm) {
  const Strand::Doing doing(strand_, "File::Sync");
  const absl::Duration begin = node_.options.env.clock->Monotonic();
  storage::Log& log = *node_.disk.log;
  absl::Status status = confirm ? log.Confirm() : log.Sync();
  node_.board.SetSyncLatency(node_.options.env.clock->Monotonic() - begin);
  return status;
}

void Journal::DoPurge(Zxid through) {
  absl::StatusOr<Zxid> base = node_.disk.log->Purge(through);
  if (!base.ok()) {
    node_.Say(LogLevel::kWarning, "the log was not purged: ", base.status().ToString());
    return;
  }
  strand_.PostNext(
      [this, node = node_.Keep(), base = *base] { node_.protocol.Post(core::LogPurged{base}); });
}

}  // namespace zkq::runtime
