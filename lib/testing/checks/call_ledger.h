// CallLedger: what callers asked for and what they were told, held against what was
// applied: a reply is what Apply has returned, nothing that was called "not committed" takes
// effect, nothing takes effect twice, and a read reflects whatever was complete before it was asked
// (INV-26).
//
// A command is known by its text. One that is proposed twice may be applied twice.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "zkq/testing/sim_observer.h"

namespace zkq::testing {

class CallLedger {
 public:
  void OnProposed(uint64_t call, std::string_view command);
  // A linearizable read. Returns the newest zxid that was told to a caller before.
  Zxid OnReadAsked(uint64_t call);
  // A transaction with this command exists.
  void OnLogged(Zxid zxid, std::string_view command);
  std::optional<Violation> OnDone(uint64_t call, const absl::StatusOr<Reply>& result);
  std::optional<Violation> OnApplied(ServerId sid, const Transaction& txn, std::string_view reply);
  // Of a write; "" of others.
  std::string_view CommandOf(uint64_t call) const;
  // A caller was told that it is not committed.
  bool WasRefused(std::string_view command) const;
  // The transactions that calls with it have become, committed or not, and how many of those
  // calls may: all that were not refused.
  std::set<Zxid> Logged(std::string_view command) const;
  size_t MayBecome(std::string_view command) const;
  // Every call has had its time.
  std::optional<Violation> OnEnd() const;

 private:
  struct Call {
    bool done = false;
    bool is_read = false;
    std::string command = {};
    Zxid floor = {};  // of a read
  };
  struct Command {
    size_t proposed = 0;  // 0: by somebody whom nobody has told of
    size_t refused = 0;   // told: not committed
    std::set<Zxid> logged = {};
    std::set<Zxid> applied = {};
    bool Fits() const { return proposed == 0 || applied.size() + refused <= proposed; }
  };
  const Command* Find(std::string_view command) const;
  std::optional<Violation> OnReadDone(uint64_t number, const Call& call, Zxid zxid);
  std::optional<Violation> OnWriteDone(uint64_t number, const Call& call, const Reply& reply);

  std::map<uint64_t, Call> calls_;
  std::map<std::string, Command, std::less<>> commands_;
  // By whom it was applied first, and how.
  struct Applied {
    ServerId sid{};
    std::string command = {};
    absl::Time leader_time = absl::UnixEpoch();
    std::string reply = {};
  };
  std::optional<Violation> CheckAlike(const Applied& first, ServerId sid, const Transaction& txn,
                                      std::string_view reply) const;
  std::map<Zxid, Applied> applied_;
  Zxid completed_ = {};  // the newest that a caller was told of
};

}  // namespace zkq::testing
