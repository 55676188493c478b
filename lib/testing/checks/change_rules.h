// ChangeRules: what becomes of changes of the configuration, and what their callers are told. One
// that is answered was made, or was so already, and is settled (LIV-5). One that is told not to be
// committed is in no history that counts, and none is in one twice (INV-31). All are answered
// (LIV-6).
//
// An entry names the process life that it comes from, and its call there. Which of the calls that
// were made through the cluster that is nobody can see, so those of one life that ask for the same
// are counted together.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "lib/testing/checks/ledger.h"

namespace zkq::testing {

class ChangeRules {
 public:
  using Route = SimNetworkObserver::Route;
  explicit ChangeRules(Ledger* ledger) : ledger_(*ledger) {}

  void OnAsked(uint64_t call, ServerId sid, const Membership& asked);
  void OnAnswered(uint64_t call, const absl::StatusOr<Membership>& result);
  // The first time that this transaction is seen; histories and configurations know it.
  void OnLogged(const Txn& txn);
  // Which disks servers have, as far as others may know.
  void OnLinkUp(const Route& route);
  void OnLinkDown(const Route& route);
  void OnStarted(ServerId sid);
  void OnCrashed(ServerId sid);
  void OnEnd();

 private:
  using Life = std::pair<ServerId, uint64_t>;
  struct Change {
    Life life = {};
    Membership asked = {};
    Zxid floor = {};              // the newest configuration that was committed when it was asked
    std::set<MemberId> met = {};  // who was there, or taken to be there, since
  };
  // What is asked for by whom; without disks.
  using Key = std::pair<Life, std::vector<Member>>;
  struct Alike {
    size_t asked = 0;
    size_t refused = 0;                               // told: not committed
    std::map<uint64_t, std::set<Zxid>> entries = {};  // by call, as numbered in that life
  };
  static Key KeyOf(const Life& life, const Membership& asked);
  void Meet(const MemberId& member);
  void CheckRefused(const Key& key);
  void CheckSettled(Zxid version);
  void CheckMade(const Change& change, Zxid told);
  bool IsAsAsked(const Change& change, Zxid version) const;
  bool HasDisk(const Change& change, const Member& asked, DiskId disk, Zxid version) const;

  Ledger& ledger_;
  std::map<uint64_t, Change> open_;
  std::map<Key, Alike> alike_;
  std::map<Zxid, Life> made_by_;
  std::map<std::tuple<ServerId, uint64_t, uint64_t>, std::set<Zxid>> entries_;  // by origin
  std::set<std::tuple<ServerId, ServerId, uint64_t, uint64_t>> links_;  // to, from, its life, link
};

}  // namespace zkq::testing
