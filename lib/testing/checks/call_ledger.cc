#include "lib/testing/checks/call_ledger.h"

#include <algorithm>
#include <utility>

namespace zkq::testing {
namespace {

std::string Named(uint64_t call) { return "call " + std::to_string(call); }

}  // namespace

void CallLedger::OnProposed(uint64_t call, std::string_view command) {
  calls_[call].command = command;
  ++commands_[std::string(command)].proposed;
}

Zxid CallLedger::OnReadAsked(uint64_t call) {
  calls_[call] = {.is_read = true, .floor = completed_};
  return completed_;
}

void CallLedger::OnLogged(Zxid zxid, std::string_view command) {
  const auto known = commands_.find(command);
  if (known != commands_.end()) known->second.logged.insert(zxid);
}

std::string_view CallLedger::CommandOf(uint64_t call) const {
  const auto found = calls_.find(call);
  return found == calls_.end() ? std::string_view() : found->second.command;
}

const CallLedger::Command* CallLedger::Find(std::string_view command) const {
  const auto found = commands_.find(command);
  return found == commands_.end() ? nullptr : &found->second;
}

bool CallLedger::WasRefused(std::string_view command) const {
  const Command* known = Find(command);
  return known != nullptr && known->refused > 0;
}

std::set<Zxid> CallLedger::Logged(std::string_view command) const {
  const Command* known = Find(command);
  return known == nullptr ? std::set<Zxid>() : known->logged;
}

size_t CallLedger::MayBecome(std::string_view command) const {
  const Command* known = Find(command);
  return known == nullptr ? 0 : known->proposed - std::min(known->proposed, known->refused);
}

std::optional<Violation> CallLedger::OnDone(uint64_t number, const absl::StatusOr<Reply>& result) {
  Call& call = calls_[number];
  if (std::exchange(call.done, true))
    return Violation{"each call once", Named(number) + " ends twice"};
  if (result.ok()) {
    return call.is_read ? OnReadDone(number, call, result->zxid)
                        : OnWriteDone(number, call, *result);
  }
  if (call.is_read || GetErrorInfo(result.status()).outcome != Outcome::kNotCommitted) {
    return std::nullopt;
  }
  Command& command = commands_[call.command];
  ++command.refused;
  if (command.Fits()) return std::nullopt;
  return Violation{"outcome", Named(number) + " is committed as " +
                                  ToString(*command.applied.rbegin()) +
                                  ", and told: " + result.status().ToString()};
}

std::optional<Violation> CallLedger::OnReadDone(uint64_t number, const Call& call, Zxid zxid) {
  completed_ = std::max(completed_, zxid);
  if (zxid >= call.floor) return std::nullopt;
  return Violation{"INV-26 linearizable reads", Named(number) + " reflects " + ToString(zxid) +
                                                    ", but " + ToString(call.floor) +
                                                    " was completed before it"};
}

std::optional<Violation> CallLedger::OnWriteDone(uint64_t number, const Call& call,
                                                 const Reply& reply) {
  completed_ = std::max(completed_, reply.zxid);
  const std::string told = Named(number) + " is told " + ToString(reply.zxid);
  const auto applied = applied_.find(reply.zxid);
  if (applied == applied_.end() || applied->second.command != call.command) {
    return Violation{"outcome", told + ", which is not its command"};
  }
  if (applied->second.reply == reply.value) return std::nullopt;
  return Violation{"outcome", told + " with the reply \"" + reply.value +
                                  "\", and Apply has returned \"" + applied->second.reply + "\""};
}

std::optional<Violation> CallLedger::CheckAlike(const Applied& first, ServerId sid,
                                                const Transaction& txn,
                                                std::string_view reply) const {
  const std::string who = "server " + ToString(sid) + " applies " + ToString(txn.zxid);
  const std::string other = "server " + ToString(first.sid);
  if (txn.command != first.command || txn.leader_time != first.leader_time) {
    return Violation{"INV-11 total order",
                     who + ", which was another command or another time on " + other};
  }
  if (reply == first.reply) return std::nullopt;
  return Violation{"Apply is deterministic", who + " with the reply \"" + std::string(reply) +
                                                 "\", on " + other + " it was \"" + first.reply +
                                                 "\""};
}

std::optional<Violation> CallLedger::OnApplied(ServerId sid, const Transaction& txn,
                                               std::string_view reply) {
  const auto [known, first] = applied_.try_emplace(txn.zxid);
  Applied& applied = known->second;
  if (!first) return CheckAlike(applied, sid, txn, reply);
  applied = {sid, std::string(txn.command), txn.leader_time, std::string(reply)};
  Command& command = commands_[applied.command];
  command.applied.insert(txn.zxid);
  if (command.Fits()) return std::nullopt;
  const std::string who = "server " + ToString(sid) + " applies " + ToString(txn.zxid);
  if (command.refused > 0) {
    return Violation{"outcome", who + ", whose caller was told that it is not committed"};
  }
  return Violation{"applied once",
                   who + ", which is " + ToString(*command.applied.begin()) + " again"};
}

std::optional<Violation> CallLedger::OnEnd() const {
  for (const auto& [number, call] : calls_) {
    if (!call.done) return Violation{"each call once", Named(number) + " was never completed"};
  }
  return std::nullopt;
}

}  // namespace zkq::testing
