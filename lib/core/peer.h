// Peer: the protocol of one replica, as a pure machine. Step takes one event and
// adds the effects it has; same events, same effects. Reads no clock, owns no
// thread, file or socket, draws no random number, throws nothing.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/checks.h"
#include "lib/base/recovered.h"
#include "lib/core/effect.h"
#include "lib/core/event.h"

namespace zkq::core {

struct PeerOptions {
  ServerId self{};
  bool may_found = true;             // else it only joins
  std::vector<Member> members = {};  // as configured; used until founded
  Time tick = std::chrono::milliseconds(100);
  int init_limit = 20;
  int sync_limit = 10;
  Time finalize_wait = std::chrono::milliseconds(50);
  size_t max_command_bytes = 1 << 20;
  size_t outstanding_bytes_max = 64 << 20;  // proposed, not committed; above: kOverload
  size_t window_bytes_max = 64 << 20;       // of the newest history kept in memory
  size_t window_txns_max = 10'000;
  size_t credit_bytes = 16 << 20;           // sent to a learner and not yet durable there
  size_t request_credit_bytes = 8 << 20;    // of calls a learner has sent, not proposed yet
  uint64_t diff_txns_max = 500'000;         // a learner that lacks more gets a snapshot
  uint32_t rollover_counter = 0xF000'0000;  // renew the epoch in place from here on
  uint64_t features = 0;                    // Identity's, of this build
};

class Peer {
 public:
  // `election` null: FastLeaderElection.
  Peer(PeerOptions options, Recovered recovered, std::unique_ptr<Election> election);
  ~Peer();

  // The first event must be a Tick. After a Halt effect every Step does nothing.
  void Step(const Event& event, Effects* effects);

  // When the next Tick is wanted at the latest; none: not before another event.
  std::optional<Time> NextWake() const;

  // For Status() and for purging: the log after `pinned_after` is still being
  // read for a learner and must stay.
  struct View {
    Role role = {};
    Zxid last = {};  // appended
    Zxid durable = {};
    Zxid commit = {};
    Zxid before_epoch = {};  // the last transaction before those of role.epoch
    Zxid pinned_after = {};
    uint64_t behind = 0;          // transactions that are committed and not applied here
    std::optional<Time> as_of{};  // every write acknowledged before is applied here
    Time ready_within{};    // may be so long ago: sync_limit (kFreshTicks at least) of whom it
                            // follows, else its own, or the limit of this disk
    Time founded_within{};  // founding may take so long
    // What a person may have to see to; 0: nothing.
    Time disk_slow{};   // what a sync of this disk usually takes: others wait too long for it
    Time disk_hangs{};  // so long no sync has ended, though one may take no more than this disk's
    Time clock_off{};   // leader_time is so far ahead of this server's clock, or, below 0, behind
    uint64_t config_changes = 0;  // grows whenever configs() or told() becomes another
    bool changing = false;        // of the configurations here one is not settled
    EnsembleId ensemble = {};
  };
  View view() const;
  // A leader's learners, by id, as their last Pongs tell; nobody's: none.
  struct Learner {
    ServerId sid{};
    DiskId disk = {};
    bool observes = false;  // attached as an observer
    Zxid durable = {};
    Zxid applied = {};
    uint64_t behind = 0;        // transactions of the leader's history that are not applied there
    uint64_t bytes_behind = 0;  // of them, by the mean size of the newest
    bool caught_up = false;     // lacks nothing older than sync_limit, and has not for a while
  };
  std::vector<Learner> learners() const;
  // While this peer is not founded: a server that is configured with other members, and where the
  // two lists differ, in words.
  struct Difference {
    ServerId sid{};
    std::string what = {};
  };
  std::vector<Difference> differences() const;  // by id
  // So many bytes of calls (CostOf) may come now, or one call; 0: none, and all are refused. Who
  // brings them keeps them until then, for in here no deadline would end them. A learner's credit
  // bounds them; who leads takes all on; and from the end of a session until its calls are decided
  // nobody takes any, so that those that go again come before newer ones (PROTOCOL §8.5).
  size_t room() const;
  // The committed configuration, and with it the one that is pending. Valid until the next Step.
  const Membership& config() const;
  const Configs& configs() const;
  // A newer one that a voter tells to be pending with it: nobody is counted by it, but its members
  // are known, and one of them may come to lead this peer. Null: none. Valid until the next Step.
  const Membership* told() const;
  // What it says of itself in a handshake, now; Introduce tells when it changes.
  Identity identity() const;
  const Invariants& invariants() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace zkq::core
