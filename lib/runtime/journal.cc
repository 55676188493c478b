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
  inbox_.Change([writes = std::move(writes), committed, now,
                 tick = node_.options.tick](Asked& asked) mutable {
    Batch& next = asked.next;
    next.committed = std::max(next.committed, committed);
    if (writes.empty()) {
      const bool quiet = next.writes.empty() && now >= asked.written_at + tick;
      if (!quiet || asked.confirmed) return false;
      asked.confirmed = next.confirm = true;
      return true;
    }
    asked.confirmed = next.confirm = false;  // no acknowledgement waits for a second fsync
    asked.written_at = now;
    if (next.writes.empty()) {
      next.writes = std::move(writes);
    } else {
      next.writes.insert(next.writes.end(), std::move_iterator(writes.begin()),
                         std::move_iterator(writes.end()));
    }
    return true;
  });
}

void Journal::Confirm() {
  inbox_.Change([](Asked& asked) { asked.confirmed = asked.next.confirm = true; });
}

absl::Duration Journal::NextConfirm() const {
  return inbox_.With([tick = node_.options.tick](const Asked& asked) {
    const bool waits = !asked.next.writes.empty();  // their end comes by OnSynced
    return asked.confirmed || waits ? absl::InfiniteDuration() : asked.written_at + tick;
  });
}

void Journal::Purge(Zxid through) {
  inbox_.Change([through](Asked& asked) { asked.next.purge = through; });
}

void Journal::Drain() {
  const Batch batch = inbox_.Take(
      [](Asked& asked) { return std::exchange(asked.next, {.committed = asked.next.committed}); });
  if (node_.halted()) return;
  if (!batch.writes.empty() || batch.confirm) {
    AddToLog(batch);
    absl::Status synced = Sync(batch.confirm);
    if (!synced.ok()) return node_.Halt(std::move(synced));
  }
  if (!batch.writes.empty()) TellSynced(batch.writes);
  if (batch.purge) DoPurge(*batch.purge);
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

void Journal::AddToLog(const Batch& batch) {
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
  node_.protocol.Post(core::LogPurged{*base});
}

}  // namespace zkq::runtime
