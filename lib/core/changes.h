// Changes: the changes of the configuration that a leader has been asked for and has not
// proposed yet, in the order they came (PROTOCOL §10.1). One waits while another is under way, or
// for servers that are to be voters; others are not held up by that.
//
// Sends nothing: Leading judges, proposes, and tells who is refused.
#pragma once

#include <list>
#include <optional>
#include <string>

#include "lib/core/change.h"
#include "zkq/election.h"

namespace zkq::core {

class Changes {
 public:
  struct Waiting {
    std::optional<LinkId> asker = {};  // none: this replica
    Session session = {};              // of the asker
    Origin origin = {};
    Membership asked = {};
    Time deadline{};
    std::string waits_for = {};          // by the last judgement; empty: not judged yet
    std::vector<ServerId> servers = {};  // of it
    // It is so already, as far as this leader knows. One that a quorum confirms by this ping, or
    // a later one, does know.
    std::optional<uint64_t> confirmed_by = {};
  };

  void Add(Waiting change) { waiting_.push_back(std::move(change)); }
  bool empty() const { return waiting_.empty(); }
  std::list<Waiting>& all() { return waiting_; }
  // The session of `asker` has ended: it asks again where it is up to date (§8.5).
  void Drop(const LinkId& asker) {
    waiting_.remove_if([&](const Waiting& waiting) { return waiting.asker == asker; });
  }
  // Servers that are waited for.
  std::set<ServerId> Awaited() const {
    std::set<ServerId> awaited;
    for (const Waiting& waiting : waiting_) {
      awaited.insert(waiting.servers.begin(), waiting.servers.end());
    }
    return awaited;
  }

 private:
  std::list<Waiting> waiting_;
};

}  // namespace zkq::core
