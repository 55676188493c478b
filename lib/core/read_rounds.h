// ReadRounds: linearizable reads by read-index (PROTOCOL §13.1). A read may be
// answered from any state that has applied the commit watermark of a moment at
// which its leader was certainly still the leader. That is proved by a round: a
// ping numbered after the read was asked for, answered by a quorum. All reads
// that wait share a round; those that come while one runs share the next.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "zkq/message.h"

namespace zkq::core {

class ReadRounds {
 public:
  struct Reads {
    std::optional<LinkId> asker = {};  // none: this replica's own
    Session session = {};
    std::vector<uint64_t> tags = {};
  };

  void Ask(Reads reads) { waiting_.push_back(std::move(reads)); }
  // A round can begin: there are reads for it, and none runs.
  bool Wanted() const { return running_.empty() && !waiting_.empty(); }
  // Begins one: pings numbered `nonce` or higher prove it, and what it answers
  // reflects `commit`.
  void Begin(uint64_t nonce, Zxid commit);
  bool running() const { return !running_.empty(); }
  uint64_t nonce() const { return nonce_; }
  Zxid at() const { return at_; }
  // The running round is proved: its reads, to be answered at at().
  std::vector<Reads> Finish() { return std::exchange(running_, {}); }
  // Everything that waits, running or not.
  std::vector<Reads> Abandon();

 private:
  std::vector<Reads> waiting_;
  std::vector<Reads> running_;
  uint64_t nonce_ = 0;
  Zxid at_;
};

}  // namespace zkq::core
