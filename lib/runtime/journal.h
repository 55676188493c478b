// Journal: the log strand. Carries out what the protocol wants written, in order
// and with one fsync for all that has come together (group commit), and says what
// is durable.
//
// A failed write or fsync halts the replica before anything of that batch is
// said to be durable, and is never retried: the journal does nothing any more.
//
// Thread-safe.
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "lib/core/effect.h"
#include "lib/runtime/halter.h"
#include "lib/runtime/inbox.h"
#include "lib/runtime/voice.h"
#include "lib/storage/log.h"

namespace zkq::runtime {

class Journal {
 public:
  using Write = std::variant<core::Append, core::Truncate, core::StoreState, core::InstallSnapshot>;

  // Told on the log strand.
  class Ears {
   public:
    virtual ~Ears() = default;
    // The switch to the history that begins with `snapshot` is durable; told before
    // OnSynced speaks of it.
    virtual void OnInstalled(Zxid snapshot) = 0;
    // All writes up to number `through` are durable.
    virtual void OnSynced(core::WriteId through) = 0;
    // A sync has ended, the journal's own (Confirm) too; told before OnSynced.
    virtual void OnSyncTook(absl::Duration took) = 0;
    // The log begins after `begin` now.
    virtual void OnPurged(Zxid begin) = 0;
  };
  struct Ports {
    Strand* strand = nullptr;
    storage::Log* log = nullptr;
    Clock* clock = nullptr;
    const Voice* voice = nullptr;
    Halter* halter = nullptr;
    Ears* ears = nullptr;
  };
  // A log that is quiet for so long is made to vouch for its last batch (Log::Confirm).
  Journal(const Ports& ports, absl::Duration quiet);

  // `writes` in the order of their numbers, which leave out none. `committed` is written
  // down at the next opportunity, to shorten a later start.
  void Add(std::vector<Write> writes, Zxid committed, absl::Duration now);
  // When to call Add again, with no writes if there are none.
  absl::Duration NextConfirm() const;
  void Confirm();  // at once
  // Drops what lies at or below `through` of the log, after all that was added.
  void Purge(Zxid through);
  // Nothing that was not begun is carried out any more.
  void Stop();

 private:
  struct Batch {
    std::vector<Write> writes = {};  // bounded: own calls by max_outstanding_bytes, those of
                                     // others by the transport's Holds and the leader's window
    std::optional<Zxid> purge = {};
    bool confirm = false;
    Zxid committed = {};
  };
  struct State {
    Batch next = {};
    bool confirmed = false;  // the start's own write is not confirmed yet
    absl::Duration written_at = absl::ZeroDuration();
  };
  Halter& invariants() { return *ports_.halter; }
  void Fail(absl::Status why);
  void Drain();
  bool AddToLog(const Batch& batch);
  absl::Status Sync(bool confirm);
  void TellSynced(const std::vector<Write>& writes);
  void DoPurge(Zxid through);
  void PurgeMore(Zxid through);

  const Ports ports_;
  const absl::Duration quiet_;
  Inbox<State> inbox_;
  // On the log strand only.
  core::WriteId last_ = 0;  // written
  Zxid hinted_ = {};
};

}  // namespace zkq::runtime
