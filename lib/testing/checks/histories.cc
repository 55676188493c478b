#include "lib/testing/checks/histories.h"

#include <algorithm>
#include <string_view>

namespace zkq::testing {
namespace {

// FNV-1a: std::hash may differ from one library to the next.
size_t HashOf(std::string_view bytes) {
  uint64_t hash = 0xcbf2'9ce4'8422'2325;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100'0000'01b3;
  return hash;
}

}  // namespace

std::optional<std::string> Histories::Add(const Txn& txn) {
  const bool opens = txn.zxid.counter == 1;
  if (txn.prev >= txn.zxid || (opens && txn.prev.epoch == txn.zxid.epoch)) {
    return "INV-8 contiguity: " + ToString(txn.zxid) + " follows " + ToString(txn.prev);
  }
  const Entry entry{HashOf(txn.encoded.view()), txn.prev, txn.leader_time,
                    txn.kind == TxnKind::kCommand};
  const auto [known, first] = entries_.try_emplace(txn.zxid, entry);
  if (first) {
    if (opens) before_epoch_[txn.zxid.epoch] = txn.prev;
    const auto before = entries_.find(txn.prev);
    if (before == entries_.end() || before->second.leader_time <= txn.leader_time) {
      return std::nullopt;
    }
    return "leader time never falls: " + ToString(txn.zxid) + " says " +
           std::to_string(txn.leader_time) + " after " + ToString(txn.prev) + " with " +
           std::to_string(before->second.leader_time);
  }
  if (known->second.before != entry.before) {
    return "INV-7 log matching: " + ToString(txn.zxid) + " follows " +
           ToString(known->second.before) + " in one history and " + ToString(txn.prev) +
           " in another";
  }
  if (known->second.hash != entry.hash) {
    return "INV-6 zxid uniqueness: two transactions are called " + ToString(txn.zxid);
  }
  return std::nullopt;
}

Zxid Histories::Command(Zxid zxid) const {
  auto entry = entries_.find(zxid);
  while (entry != entries_.end() && !entry->second.is_command) {
    zxid = entry->second.before;
    entry = entries_.find(zxid);
  }
  return zxid;
}

Zxid Histories::Shared(Zxid a, Zxid b) const {
  while (a.epoch != b.epoch) {
    Zxid& later = a.epoch > b.epoch ? a : b;
    later = Below(later.epoch, later);
  }
  return std::min(a, b);
}

Zxid Histories::Below(Epoch epoch, Zxid last) const {
  while (last.epoch >= epoch) {
    const auto before = before_epoch_.find(last.epoch);
    if (before == before_epoch_.end()) return {};
    last = before->second;
  }
  return last;
}

}  // namespace zkq::testing
