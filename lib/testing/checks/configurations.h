// Configurations: those that were ever seen, by version, and who decides in each.
//
// Who decides is counted here anew, as PROTOCOL §2 says, and not with the protocol's own means.
//
// They come from what servers write: the founding list, with the disks, from the first hard state
// that has it, and the others from entries. By log matching (INV-7) a version names one of them.
#pragma once

#include <map>
#include <set>

#include "lib/testing/checks/histories.h"
#include "zkq/election.h"
#include "zkq/types.h"

namespace zkq::testing {

class Configurations {
 public:
  // The ensemble is founded with it; all that was seen before is forgotten.
  void Found(const Membership& first);
  // What this entry, a reconfiguration, leads to.
  void Add(const Txn& entry);

  // Null: nobody has written it.
  const Membership* Find(Zxid version) const;
  // The version of the newest one in the history that ends with `last`.
  Zxid In(Zxid last, const Histories& histories) const;
  // False of one that nobody has written.
  bool IsQuorum(Zxid version, const std::set<MemberId>& members) const;
  bool IsVoter(Zxid version, const MemberId& member) const;
  static bool IsVoter(const Membership& membership, const MemberId& member);
  // By those that count for somebody: by each, or by one of them.
  static bool IsQuorum(const Configs& configs, const std::set<MemberId>& members);
  static bool IsVoter(const Configs& configs, const MemberId& member);
  static bool MayLead(const Configs& configs, const MemberId& member);
  // It is a voter with weight.
  bool MayLead(Zxid version, const MemberId& member) const;

  // Some configuration lists the server as a voter, with this disk.
  bool EverVoter(const MemberId& member) const;
  // The seats that were ever listed for this server as a voter, by their disks.
  std::set<MemberId> SeatsOf(ServerId sid) const;

 private:
  std::map<Zxid, Membership> all_;
};

}  // namespace zkq::testing
