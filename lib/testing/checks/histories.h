// Histories: every transaction that anybody was ever seen to hold, as one tree. By
// log matching (INV-7) the zxid of its last entry names a history exactly, so a
// history is one Zxid here, and comparing two costs a step an epoch.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "zkq/types.h"

namespace zkq::testing {

class Histories {
 public:
  // Somebody holds `txn`. Returns what is wrong with that: it does not come after what
  // it follows (INV-8), another transaction has this name (INV-6), or stands elsewhere in
  // another history (INV-7), or its leader time is before that of the one it follows.
  std::optional<std::string> Add(const Txn& txn);
  bool Knows(Zxid zxid) const { return entries_.contains(zxid); }
  // The entry before this one, which is known.
  Zxid Before(Zxid zxid) const { return entries_.at(zxid).before; }
  // The last command at or before this entry: what state machines are given.
  Zxid Command(Zxid zxid) const;
  // State machines are alike after these two.
  bool Alike(Zxid a, Zxid b) const { return Command(a) == Command(b); }

  // Whether the history that ends with `last` holds `zxid`.
  bool Contains(Zxid zxid, Zxid last) const { return zxid <= last && Shared(zxid, last) == zxid; }
  // The last entry of an epoch before `epoch` in the history that ends with `last`.
  Zxid Below(Epoch epoch, Zxid last) const;
  // The last entry that the two histories share.
  Zxid Shared(Zxid a, Zxid b) const;

 private:
  struct Entry {
    size_t hash = 0;  // of all of it
    Zxid before = {};
    int64_t leader_time = 0;
    bool is_command = true;
  };
  std::map<Zxid, Entry> entries_;
  std::map<Epoch, Zxid> before_epoch_;  // what stands before the first entry of an epoch
};

}  // namespace zkq::testing
