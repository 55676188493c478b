// Memberships: the configurations that this replica knows: the committed one, the one
// that an entry of its history would replace it by, and who belongs to them (PROTOCOL
// §1, §10.2).
//
// A configuration is an entry of the history and follows it: it is pending as soon as
// its entry is appended, gone when the entry is cut, and committed when the watermark
// passes the entry. So nothing is stored beside the log that could disagree with it.
// What a server knows from elsewhere (its hard state, a snapshot, the members it was
// founded with) is committed; of all that is committed the newest version counts, and
// that version never goes back.
//
// A configuration is settled when a quorum of its members knows by itself that it is committed:
// its leader, which knows, proposes an entry that names it, and that is committed in its turn
// (SETTLED, §10.3). Until then nobody whom it has left out may be stopped.
//
// Who is counted is the pair of server and disk. Another disk under a listed id is
// another member: what the listed disk has acknowledged is not on it (§11.6).
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "lib/base/checks.h"
#include "zkq/election.h"
#include "zkq/message.h"

namespace zkq::core {

class Memberships {
 public:
  // `committed`: what is known committed, whatever the log says. `logged`: what the
  // reconfigurations of the log lead to, in their order.
  Memberships(Membership committed, std::vector<Membership> logged, Invariants* invariants);

  // --- the four ways in which a history changes ------------------------------------
  // Reconfigurations among `txns` become pending. One that stands above another proves
  // that one committed: the leader proposes the next only then.
  void Append(std::span<const Txn> txns);
  // Cuts what lies after `after`.
  void Truncate(Zxid after);
  // The history is replaced by a snapshot that was taken under `base`.
  void Install(const Membership& base);
  // Everything up to `watermark` is committed.
  void Commit(Zxid watermark);

  // Another server says that `membership` is committed, or the ensemble has been
  // founded with it. An older one changes nothing; one of the same version replaces it
  // (the founded list has the disks that the configured one lacks).
  void Adopt(const Membership& membership);

  // A voter tells that `pending` is pending with it. The newest such configuration makes its
  // members known here, until it or a newer one counts, or it is doomed: who follows a leader that
  // nothing else lists has to fetch that one's snapshot, and needs an address for it. Nobody is
  // counted by it (PROTOCOL §4.1).
  void Hear(const Membership& pending);
  // The history of a leader of `epoch` that is established has all of earlier epochs that can ever
  // be committed: what was only told of them is doomed, or has come with it.
  void Established(Epoch epoch);

  const Configs& configs() const { return configs_; }
  const std::optional<Membership>& told() const { return told_; }
  const Membership& committed() const { return configs_.committed; }
  // Of the pending configuration, or else of the committed one.
  Zxid newest_version() const {
    return configs_.pending ? configs_.pending->version : committed().version;
  }
  // The newest version that is known to be settled here. Not all that is known once: after a
  // start, or under a snapshot, its entry is not seen.
  Zxid settled_version() const { return settled_; }
  // The committed configuration is settled: the next may be proposed.
  bool settled() const { return IsFirst() || settled_ >= committed().version; }
  // An entry that settles it is in the history, committed or not; or none is needed.
  bool SettlingIsLogged() const;
  // Grows with each change of configs().
  uint64_t changes() const { return changes_; }
  // Grows with each change of told().
  uint64_t told_changes() const { return told_changes_; }

  // The server is listed with this disk in a configuration that counts; an observer
  // with any disk.
  bool Lists(ServerId sid, const DiskId& disk) const;
  // The id is a listed voter's, and the disk is not: such a server is amnesic.
  bool ListsOtherDisk(ServerId sid, const DiskId& disk) const;

 private:
  Invariants& invariants() { return *invariants_; }
  // As the ensemble was founded, restored or recovered with it: nobody was left out.
  bool IsFirst() const { return committed().version.counter == 0; }
  void Append(Membership next);
  void AppendSettled(Zxid entry, Zxid version);
  void SetCommitted(Membership membership);
  void SetPending(std::optional<Membership> membership);
  // What is told counts by now, or is doomed.
  void ForgetTold();

  struct Settling {
    Zxid entry = {};
    Zxid version = {};  // that it names
  };
  std::vector<Settling> settling_;  // above the watermark, in the order of the history
  Zxid settled_ = {};

  Configs configs_;  // a pending version is newer than the committed one (INV-21)
  uint64_t changes_ = 0;
  std::optional<Membership> told_;  // newer than newest_version()
  uint64_t told_changes_ = 0;
  Invariants* invariants_;
};

}  // namespace zkq::core
