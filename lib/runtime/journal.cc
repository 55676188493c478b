#include "lib/runtime/journal.h"

#include <algorithm>
#include <utility>

#include "lib/base/checks.h"

namespace zkq::runtime {
namespace {

core::WriteId NumberOf(const Journal::Write& write) {
  return std::visit([](const auto& w) { return w.write; }, write);
}

}  // namespace

Journal::Journal(const Ports& ports, absl::Duration quiet)
    : ports_(ports), quiet_(quiet), inbox_(ports.strand, [this] { Drain(); }) {}

// --- what comes in -------------------------------------------------------------------

void Journal::Add(std::vector<Write> writes, Zxid committed, absl::Duration now) {
  inbox_.Change([this, writes = std::move(writes), committed, now](State& state) mutable {
    Batch& next = state.next;
    next.committed = std::max(next.committed, committed);
    if (writes.empty()) {
      const bool quiet = next.writes.empty() && now >= state.written_at + quiet_;
      if (!quiet || state.confirmed) return false;
      state.confirmed = next.confirm = true;
      return true;
    }
    state.confirmed = next.confirm = false;  // no acknowledgement waits for a second fsync
    state.written_at = now;
    next.writes.insert(next.writes.end(), std::move_iterator(writes.begin()),
                       std::move_iterator(writes.end()));
    return true;
  });
}

absl::Duration Journal::NextConfirm() const {
  return inbox_.With([this](const State& state) {
    const bool waits = !state.next.writes.empty();  // their end comes by OnSynced
    return state.confirmed || waits ? absl::InfiniteDuration() : state.written_at + quiet_;
  });
}

void Journal::Confirm() {
  inbox_.Change([](State& state) { state.confirmed = state.next.confirm = true; });
}

void Journal::Purge(Zxid through) {
  inbox_.Change([through](State& state) { state.next.purge = through; });
}

void Journal::Stop() { inbox_.Close(); }

void Journal::Fail(absl::Status why) {
  Stop();
  ports_.halter->Halt(std::move(why));
}

// --- the strand ------------------------------------------------------------------------

void Journal::Drain() {
  ZKQ_CHECK(ports_.strand->Inside());
  const Batch batch = inbox_.Take(
      [](State& state) { return std::exchange(state.next, {.committed = state.next.committed}); });
  if (!batch.writes.empty() || batch.confirm) {
    if (!AddToLog(batch)) return;
    absl::Status synced = Sync(batch.confirm);
    if (!synced.ok()) return Fail(std::move(synced));
  }
  if (!batch.writes.empty()) TellSynced(batch.writes);
  if (batch.purge) DoPurge(*batch.purge);
}

bool Journal::AddToLog(const Batch& batch) {
  storage::Log& log = *ports_.log;
  for (const Write& write : batch.writes) {
    ZKQ_CHECK(NumberOf(write) == last_ + 1, false);
    last_ = NumberOf(write);
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
  return true;
}

absl::Status Journal::Sync(bool confirm) {
  const Strand::Doing doing(*ports_.strand, "File::Sync");
  const absl::Duration begin = ports_.clock->Monotonic();
  absl::Status status = confirm ? ports_.log->Confirm() : ports_.log->Sync();
  ports_.ears->OnSyncTook(ports_.clock->Monotonic() - begin);
  return status;
}

// The state machine must hear of a new history before anything of it is delivered,
// and that follows from what is said last.
void Journal::TellSynced(const std::vector<Write>& writes) {
  for (const Write& write : writes) {
    if (const auto* install = std::get_if<core::InstallSnapshot>(&write)) {
      ports_.ears->OnInstalled(install->snapshot);
    }
  }
  ports_.ears->OnSynced(last_);
}

void Journal::DoPurge(Zxid through) {
  absl::StatusOr<bool> purged = ports_.log->PurgeOne(through);
  if (absl::Status log = ports_.log->status(); !log.ok()) return Fail(std::move(log));
  // Also of a file that could not be removed nothing is read any more.
  ports_.ears->OnPurged(ports_.log->begin());
  if (purged.ok()) {
    if (*purged) PurgeMore(through);
    return;
  }
  ports_.voice->Say(Line::kLogNotPurged, purged.status().ToString());
}

// A drain of its own: what has come meanwhile is written first. On a slow disk the
// removal of many segments takes longer than anybody waits for a write.
void Journal::PurgeMore(Zxid through) {
  inbox_.Change([through](State& state) {
    if (!state.next.purge) state.next.purge = through;  // Asked anew meanwhile, by other bounds.
  });
}

}  // namespace zkq::runtime
