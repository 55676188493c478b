// A made-up run of an ensemble, told to an InvariantChecker through its own seams:
// real log bytes on simulated disks, messages, statuses, calls. No protocol stands
// behind it: it says whatever a test wants it to, right or wrong.
//
// The large verbs (Lead, Broadcast) tell what a correct ensemble would do; the small
// ones are what they are made of, for a test to leave one out.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/hard_state.h"
#include "lib/storage/batch.h"
#include "lib/testing/checks/invariants.h"
#include "test/harness/catch.h"
#include "zkq/testing/memory_file_system.h"

namespace zkq::testing {

class Story {
 public:
  // All are started; nobody leads. Not `listed`: their disks do not know the list of founders yet.
  explicit Story(int servers = 3, bool founded = true, bool listed = true);

  // The property that is violated; "" if none is.
  std::string Violated() const;
  std::string What() const;

  // --- lives
  void Start(int id);
  void Crash(int id, bool power = true);

  // --- disks. What is written is durable after Sync; the others sync by themselves.
  void Write(int id, storage::Batch batch, Zxid commit = {});
  void WriteRecord(int id, storage::RecordType type, std::string_view body);
  void Sync(int id);
  void WriteTxn(int id, const Txn& txn);
  void WriteState(int id);
  void Log(int id, const Txn& txn);
  void Truncate(int id, Zxid after);
  void Rebase(int id, Zxid base);
  void Promise(int id, Epoch epoch, int leader);
  void Take(int id, Epoch epoch);

  // --- wires
  void Say(int from, int to, const Session& session, const MessageBody& body);
  void Hear(int from, int to, const Session& session, const MessageBody& body);
  void Tell(int from, int to, const Session& session, const MessageBody& body);
  void Announce(int from, int to, const Notification& notification);
  SimNetworkObserver::Route RouteOf(int from, int to) const;
  Session SessionOf(int learner, Epoch epoch = 0) const;  // its present one

  // --- what a correct ensemble does
  void Attach(int follower, int leader);
  void Discover(int leader, const std::vector<int>& followers, Epoch epoch);
  void Synchronize(int leader, int follower, Epoch epoch);
  void Lead(int leader, const std::vector<int>& followers, Epoch epoch);
  void Propose(int leader, const std::vector<int>& followers, const Txn& txn);
  void Broadcast(int leader, const std::vector<int>& followers, const Txn& txn);
  void Apply(int id, const Txn& txn);
  ReplicaStatus StatusOf(int id) const;  // of one that looks

  // The next transaction of `epoch` after what `id` has.
  Txn Next(int id, Epoch epoch, std::string command = "") const;

  struct Server {
    MemoryFileSystem disk = {};
    std::unique_ptr<File> file = nullptr;
    uint64_t offset = storage::kSectorBytes;  // where the next batch goes
    HardState state = {};
    std::vector<Txn> log = {};
    uint64_t sessions = 0;
    Zxid last() const { return log.empty() ? base : log.back().zxid; }
    Zxid base = {};
  };
  Server& at(int id) { return *servers_.at(id); }
  const Server& at(int id) const { return *servers_.at(id); }

  InvariantChecker checker;

 private:
  std::map<int, std::unique_ptr<Server>> servers_;
};

Txn MakeTxn(Zxid zxid, Zxid prev, std::string command = "");

// Server 1 leads epoch 1; 2 follows and has 1:1, which is committed. 3 knows nothing.
struct Led : Story {
  Led() {
    Lead(1, {2}, 1);
    first = Next(1, 1);
    Broadcast(1, {2}, first);
    REQUIRE(Violated() == "");
  }
  const Session all{.number = 0, .epoch = 1};
  Txn first;
};

}  // namespace zkq::testing
