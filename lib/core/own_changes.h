// OwnChanges: the changes of the configuration that this replica's user has asked for, and what
// is known of each (PROTOCOL §8.5, §10.3).
//
// They stand outside the order of the other calls: one that waits for a server must not hold up
// writes, and its version decides. A change is answered when the configuration is settled: from
// then on a quorum of its members knows by itself that it is committed. One whose session ends
// before it is in the history goes again, as any call.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "zkq/election.h"
#include "zkq/message.h"

namespace zkq::core {

class OwnChanges {
 public:
  struct Ask {
    uint64_t tag = 0;
    Membership next = {};
    Time deadline{};
  };

  explicit OwnChanges(const Origin& self) : self_(self) {}

  void Add(Ask ask) { changes_[ask.tag] = {.ask = std::move(ask)}; }
  // Those that are to go to the leader of `session` now; they count as sent.
  std::vector<Ask> Take(uint64_t session);
  // What has no time left never goes (again). The runtime answers it.
  void Expire(Time now);

  // The history grew by these, was cut after `after`, was replaced by a snapshot with the
  // configuration `version`.
  void Appended(std::span<const Txn> txns);
  void Truncated(Zxid after);
  // Returns the tags of those that may lie under it, which nobody can tell.
  std::vector<uint64_t> Installed(Zxid version);
  // The session is up to date with an established leader: what was sent in an earlier one, and is
  // not in the history, goes again.
  void Decide(uint64_t session);
  enum class Fate {
    kNotOurs,
    kRefused,  // what it says
    kDone,     // it is committed, and settled: another one was since
    kUnknown,  // it is committed; whether it is settled nobody has told
  };
  // What a refusal of one means. `newest`: the version of the newest configuration of the history.
  // A leader judges versions only while its own, which is that one, is settled.
  Fate Refused(uint64_t tag, RejectReason reason, Zxid newest);
  // There is nothing to change, once what is committed at `at` is known here, of which the newest
  // configuration is settled. False: not one.
  bool Answered(uint64_t tag, Zxid at);

  // Done, as of `commit`, with the configuration of the version `settled` settled. They are told
  // the committed configuration; `unsettled` is its version if it is not known to be settled.
  std::vector<uint64_t> TakeDone(Zxid commit, Zxid settled, Zxid unsettled);

 private:
  struct Change {
    Ask ask = {};
    uint64_t session = 0;    // that it was sent in; 0: it is to be sent
    Zxid zxid = {};          // in the live history
    bool committed = false;  // known by a snapshot; whether it is settled is not
    std::optional<Zxid> nothing_to_do_at = {};

    // It goes to a leader again.
    void Resume() {
      session = 0;
      zxid = {};
      nothing_to_do_at.reset();
    }
  };
  Origin self_;  // without a call
  std::map<uint64_t, Change> changes_;
};

}  // namespace zkq::core
