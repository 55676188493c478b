// Ensemble: several core::Peers with modelled disks and links, in virtual time,
// driven by one seed. What a Peer cannot see is played here: the journal (first
// in, first out, durable after a while, cut at any point by a crash), links
// (first in first out a lane), snapshots, the state machine.
//
// After every event the safety properties of PROTOCOL §12 that can be seen from
// outside are checked; the first violation is kept in violation().
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "lib/core/peer.h"

namespace zkq::core {

// That a reconfiguration leads to.
Membership ConfigOf(const Txn& txn);

class Ensemble {
 public:
  struct Options {
    int servers = 3;  // that found it: 1 and so on
    uint64_t seed = 1;
    Time delay_max = std::chrono::milliseconds(3);
    Time sync_max = std::chrono::milliseconds(5);
    size_t window_txns_max = 10'000;
    uint64_t diff_txns_max = 500'000;
    size_t credit_bytes = 16 << 20;
    size_t request_credit_bytes = 8 << 20;
    uint32_t rollover_counter = 0xF000'0000;
    int init_limit = 20;
    int fetch_reports = 0;  // of progress, a second apart, before a snapshot is fetched
    bool start = true;      // all of them, at once
    bool blind = false;     // anybody is elected (BlindElection)
  };
  explicit Ensemble(const Options& options);
  ~Ensemble();

  // --- faults ---------------------------------------------------------------
  void Start(ServerId sid);
  // Loses what was not durable: all of it, nothing of it, or all from a random point
  // of the journal on.
  enum class Kept { kSome, kNothing, kAll };
  void Crash(ServerId sid, Kept kept = Kept::kSome);
  // Its disk is lost: it has an empty one from its next start on.
  void Wipe(ServerId sid);
  // As Wipe; the new directory only joins.
  void Replace(ServerId sid);
  // The disk that it lost last is in it again, in the place of the present one.
  void Return(ServerId sid);
  // Or in a machine of its own, which is started: two servers have one id. What names the second
  // one here is returned; it is one of ids().
  ServerId ReturnBeside(ServerId sid);
  // In messages and configurations.
  ServerId IdOf(ServerId place) const { return servers_.at(place).id; }
  // Adds a server that is no founder, and starts it: it only joins.
  void Join(ServerId sid, MemberType as);
  void Cut(ServerId a, ServerId b);
  void Heal(ServerId a, ServerId b);
  void HealAll();
  void StallDisk(ServerId sid, bool stalled);
  // Replaces the log through `applied` by a snapshot there.
  void SnapshotAndPurge(ServerId sid);
  // To the log of a server that is down: an entry that it alone has, as if it had proposed
  // it and nobody had heard.
  void Extend(ServerId sid);

  // --- calls ------------------------------------------------------------------
  uint64_t Propose(ServerId sid, std::string command);
  // The time of those that wait for their peer is over.
  void ExpireCalls(ServerId sid);
  uint64_t Read(ServerId sid);
  // Undecided after `time_left` it is "late".
  uint64_t Change(ServerId sid, Membership next, Time time_left = std::chrono::seconds(30));

  // --- time -------------------------------------------------------------------
  bool RunUntil(const std::function<bool()>& done, Time limit);
  void RunFor(Time time);
  Time now() const { return now_; }

  // --- what is seen -------------------------------------------------------------
  ServerId Leader() const;  // serving, of the highest epoch
  bool Serving(ServerId sid) const;
  bool AllServe() const;
  bool up(ServerId sid) const { return servers_.at(sid).peer != nullptr; }
  Peer::View View(ServerId sid) const { return servers_.at(sid).peer->view(); }
  const Configs& ConfigsOf(ServerId sid) const { return servers_.at(sid).peer->configs(); }
  // The newest configuration that anybody has applied, and the newest that is settled.
  const Membership& newest() const { return configs_.back(); }
  const Membership& before_newest() const { return configs_[configs_.size() - 2]; }
  size_t changes() const { return configs_.empty() ? 0 : configs_.size() - 1; }
  Zxid settled() const { return settled_; }
  // What the log of its disk would make of it, beyond what is committed.
  std::vector<Membership> LoggedConfigs(ServerId sid) const;
  // Commands applied, in order.
  std::vector<std::string> Applied(ServerId sid) const;
  // Commands in its log, on disk.
  std::vector<std::string> Logged(ServerId sid) const;
  const HardState& DiskState(ServerId sid) const { return servers_.at(sid).disk.state; }
  // "applied", "no-leader", "abandoned" …; "" while undecided.
  std::string Outcome(uint64_t call) const;
  // Calls that nobody has decided, of servers that have been up since.
  std::vector<uint64_t> Undecided() const;
  const std::vector<std::string>& trace() const { return trace_; }
  void set_tracing(bool on) { tracing_ = on; }
  const std::string& violation() const { return violation_; }
  std::vector<ServerId> ids() const;
  // One line a server: role, epoch, last, commit, applied.
  std::string Summary() const;

  // --- for tests that interfere ---------------------------------------------------
  // The link goes down instead of carrying this message.
  std::function<bool(ServerId from, ServerId to, const Message&)> drop_if;
  // Changes what one peer says to another.
  std::function<void(ServerId from, ServerId to, Message*)> forge;
  // Everything from here to there vanishes, and the link stays up. Once true it must
  // remain so until the link is cut: no lane delivers with a gap.
  std::function<bool(ServerId from, ServerId to)> lost_if;
  // The server crashes instead of carrying out this effect, or any after it.
  std::function<bool(ServerId sid, const Effect&)> crash_before;
  Kept crash_keeps = Kept::kSome;
  // An effect is being carried out.
  std::function<void(ServerId sid, const Effect&)> seen;

 private:
  struct Disk {
    HardState state;
    Zxid begin;
    std::vector<Txn> log;
    Zxid snapshot;
    std::vector<Txn> snapshot_content;
  };
  struct Server {
    ServerId place{};  // what names it here; its id, but of a second one with that
    ServerId id{};
    std::vector<Member> members;  // as configured
    bool may_found = true;
    Disk disk;                 // durable
    std::vector<Disk> former;  // lost, and what was durable on them
    std::unique_ptr<Peer> peer;
    uint64_t boot = 0;
    Time started{};
    std::deque<std::pair<WriteId, Effect>> journal;  // not durable yet
    bool syncing = false;
    bool stalled = false;
    std::deque<Txn> live_tail;  // appended, not applied
    std::vector<Txn> applied;
    Zxid applied_zxid;
    std::map<ServerId, Notification> latest;
    Identity identity;
    std::optional<Time> wake;
    std::map<Zxid, std::vector<Txn>> fetched;
    std::map<ServerId, Zxid> epoch_acked;
    std::set<uint64_t> waiting;  // calls that the peer has not been given, or has given back
    std::vector<std::pair<Zxid, uint64_t>> answers;  // of changes, not given yet
  };
  struct Link {
    LinkId at_a, at_b;  // as seen by a: names b
    ServerId a{}, b{};
    bool up = false;
    std::map<std::pair<ServerId, Lane>, Time> busy_until;
    std::map<ServerId, Time> introduced_at;  // when the last word of this end about itself arrives
  };
  struct Task {
    Time at{};
    uint64_t order = 0;
    std::function<void()> run;
    bool operator<(const Task& o) const { return std::pair(at, order) > std::pair(o.at, o.order); }
  };

  // Names a link by its ends, whichever comes first.
  static std::pair<ServerId, ServerId> Pair(ServerId a, ServerId b) {
    return {std::min(a, b), std::max(a, b)};
  }
  Server& at(ServerId place) { return servers_.at(place); }
  std::vector<ServerId> PlacesOf(ServerId id) const;
  // At the other end; kNoServer: that link is gone.
  ServerId OtherEnd(ServerId place, const LinkId& link) const;
  size_t Rank(ServerId place, ServerId other) const;
  bool MakesWay(ServerId place, ServerId other);
  void After(Time delay, std::function<void()> run);
  Time Random(Time max);
  void Step(ServerId sid, const Event& event);
  void Carry(Server& server, const Effect& effect);
  void Connect(ServerId a, ServerId b);
  void Disconnect(ServerId a, ServerId b);
  void Transmit(Server& from, const LinkId& to, const Message& message);
  void SendLatest(Server& from, ServerId to);
  void TellIntroduced(ServerId sid, ServerId other);
  Time ArrivalOf(Link& link, ServerId from);
  void Fetch(Server& server, const FetchSnapshot& fetch, int reports);
  void SyncSome(ServerId sid, uint64_t boot);
  void MakeDurable(Server& server, const Effect& effect);
  void CheckDelivered(const Server& server, const Deliver& deliver);
  void Apply(Server& server, Zxid through);
  void Answer(Server& server);
  void Rewake(Server& server);
  void BringCalls(ServerId sid);
  void TakeBack(Server& server, const ProposeAgain& again);
  void Check(const Server& server, const Effect& effect);
  void CheckCommitted(const Txn& txn);
  void CheckHeld(Zxid zxid, const Membership& config);
  void CheckComplete(const Server& server, Epoch epoch);
  void CheckChange(uint64_t call);
  SnapshotMeta MetaOf(const Disk& disk) const;
  Recovered Recover(const Disk& disk) const;
  void CheckLogged(const Server& server, const Txn& txn);
  void CheckCallOrder(const Server& server, const Txn& txn);
  void CheckCurrent(const Server& server, const HardState& state);
  static bool NotCommitted(const std::string& outcome);
  void Decide(uint64_t call, const std::string& outcome);
  void Violate(const std::string& what);

  const Options options_;
  std::mt19937_64 random_;
  Time now_{};
  uint64_t order_ = 0;
  std::vector<Task> tasks_;             // a heap
  std::map<ServerId, Server> servers_;  // by place
  std::map<std::pair<ServerId, ServerId>, Link> links_;
  std::set<std::pair<ServerId, ServerId>> cuts_;
  uint64_t link_seq_ = 0;
  uint64_t boots_ = 100;
  uint64_t disks_ = 1;
  uint64_t calls_ = 0;
  std::map<uint64_t, Call> commands_;  // by tag
  std::map<uint64_t, std::string> outcomes_;
  std::map<uint64_t, ServerId> asked_at_;
  std::map<uint64_t, Zxid> read_floor_;
  std::map<uint64_t, Zxid> read_at_;
  Zxid answered_;               // the newest write that was answered
  std::vector<Txn> committed_;  // the one order of all that was applied
  std::map<Epoch, ServerId> established_;
  std::map<Zxid, Payload> content_;  // of everything ever logged
  std::map<Epoch, Zxid> initial_;    // where the initial history of an epoch ends
  std::map<std::pair<MemberId, Epoch>, std::pair<ServerId, uint64_t>> promised_;
  std::set<std::tuple<Epoch, ServerId, uint64_t>> decided_;  // that their leaders call complete
  std::vector<Membership> configs_;                          // committed, from the founded one on
  Zxid settled_;
  std::vector<std::string> trace_;
  bool tracing_ = false;
  std::string violation_;
};

}  // namespace zkq::core
