// Journal: the log strand. Carries out what the protocol wants written, in order
// and with one fsync for all that has come together (group commit), and says what
// is durable.
//
// A failed write or fsync halts the replica before anything of that batch is
// acknowledged, and is never retried.
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "lib/core/effect.h"
#include "lib/runtime/inbox.h"
#include "lib/storage/log.h"

namespace zkq::runtime {

struct Node;

class Journal {
 public:
  using Write = std::variant<core::Append, core::Truncate, core::StoreState, core::InstallSnapshot>;

  Journal(Node* node, Strand* strand)
      : node_(*node), strand_(*strand), inbox_(strand, [this] { Drain(); }) {}

  // `writes` in the order of their numbers. `committed` is written down at the
  // next opportunity, to shorten a later start. Once nothing has been written for a
  // tick, the log is told to vouch for what was (Log::Confirm).
  void Add(std::vector<Write> writes, Zxid committed, absl::Duration now);
  void Confirm();  // at once
  // When Add should come again, with nothing if there is nothing.
  absl::Duration NextConfirm() const;
  // Drops what lies at or below `through` of the log, behind what was added.
  void Purge(Zxid through);

 private:
  struct Batch {
    std::vector<Write> writes = {};  // bounded: own calls by max_outstanding_bytes, those of
                                     // others by the transport's Holds and the leader's window
    std::optional<Zxid> purge = {};
    bool confirm = false;
    Zxid committed = {};
  };
  struct Asked {
    Batch next = {};
    bool confirmed = false;  // the start's own write is not confirmed yet
    absl::Duration written_at = absl::ZeroDuration();
  };
  void Drain();
  void AddToLog(const Batch& batch);
  absl::Status Sync(bool confirm);
  void TellSynced(const std::vector<Write>& writes);
  void DoPurge(Zxid through);

  Node& node_;
  Strand& strand_;
  Inbox<Asked> inbox_;
  Zxid hinted_ = {};  // on the log strand only
};

}  // namespace zkq::runtime
