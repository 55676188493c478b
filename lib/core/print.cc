// One readable line for each event and effect: what scripts and traces show.
#include <string>

#include "lib/core/effect.h"

namespace zkq::core {
namespace {

std::string Join(const std::vector<std::string>& parts) {
  std::string joined;
  for (const std::string& part : parts) joined += (joined.empty() ? "" : ",") + part;
  return joined;
}

std::string Range(const std::vector<Txn>& txns) {
  if (txns.empty()) return "nothing";
  const std::string first = ToString(txns.front().zxid);
  return txns.size() == 1 ? first : first + ".." + ToString(txns.back().zxid);
}

std::string Tags(const std::vector<uint64_t>& tags) {
  std::vector<std::string> parts;
  for (uint64_t tag : tags) parts.push_back("#" + std::to_string(tag));
  return Join(parts);
}

std::string Promised(const Promise& promise) {
  return std::to_string(promise.epoch) + "@" + ToString(promise.leader);
}

struct EventPrinter {
  std::string operator()(const Tick& e) { return "tick " + std::to_string(e.now.count()); }
  std::string operator()(const LinkUp& e) { return "link-up " + ToString(e.link); }
  std::string operator()(const LinkDown& e) { return "link-down " + ToString(e.link); }
  std::string operator()(const Introduced& e) { return "introduced " + ToString(e.link); }
  std::string operator()(const Received& e) {
    return "received " + ToString(e.link) + " " + ToString(e.message);
  }
  std::string operator()(const Notified& e) {
    return "notified " + ToString(e.link) + " " + ToString(e.notification);
  }
  std::string operator()(const Proposed& e) { return "proposed " + Tags(TagsOf(e.calls)); }
  std::string operator()(const ReadAsked& e) { return "read-asked " + Tags(e.tags); }
  std::string operator()(const ReconfigureAsked& e) {
    return "reconfigure-asked " + Tags({e.tag}) + " " + ToString(e.next);
  }
  std::string operator()(const Synced& e) { return "synced w" + std::to_string(e.through); }
  std::string operator()(const LogRead& e) {
    return "log-read " + ToString(e.learner) + " " + Range(e.txns);
  }
  std::string operator()(const SnapshotFetched& e) {
    const char* state = e.state == SnapshotFetched::State::kProgress   ? " progress"
                        : e.state == SnapshotFetched::State::kComplete ? " complete"
                                                                       : " failed";
    return "snapshot-fetched " + ToString(e.snapshot) + state;
  }
  std::string operator()(const Applied& e) { return "applied " + ToString(e.through); }
  std::string operator()(const SnapshotTaken& e) {
    return "snapshot-taken " + ToString(e.snapshot);
  }
  std::string operator()(const PartReceived& e) {
    return "part-received " + ToString(e.link) + " " + std::to_string(e.bytes);
  }
  std::string operator()(const LogPurged& e) { return "log-purged " + ToString(e.base); }
};

struct EffectPrinter {
  std::string operator()(const Send& e) {
    std::vector<std::string> to;
    for (const LinkId& link : e.to) to.push_back(ToString(link.sid));
    return "send " + Join(to) + " " + ToString(e.message);
  }
  std::string operator()(const Notify& e) {
    return "notify " + ToString(e.to) + " " + ToString(e.notification);
  }
  std::string operator()(const DropLink& e) {
    return "drop-link " + ToString(e.link.sid) + " " + e.why;
  }
  std::string operator()(const Introduce& e) {
    if (e.self.ensemble != EnsembleId{}) return "introduce founded";
    return e.self.seen != Id128{} ? "introduce unfounded, sees all" : "introduce unfounded";
  }
  std::string operator()(const Append& e) {
    return "append " + Range(e.txns) + " w" + std::to_string(e.write);
  }
  std::string operator()(const Truncate& e) {
    return "truncate after " + ToString(e.after) + " w" + std::to_string(e.write);
  }
  std::string operator()(const StoreState& e) {
    return "store accepted " + Promised(e.state.accepted) + " current " +
           std::to_string(e.state.current) + " w" + std::to_string(e.write);
  }
  std::string operator()(const InstallSnapshot& e) {
    return "install " + ToString(e.snapshot) + " w" + std::to_string(e.write);
  }
  std::string operator()(const ReadLog& e) {
    return "read-log " + ToString(e.learner.sid) + " after " + ToString(e.after);
  }
  std::string operator()(const FetchSnapshot& e) {
    return "fetch-snapshot " + ToString(e.link.sid) + " " + ToString(e.snapshot);
  }
  std::string operator()(const Deliver& e) { return "deliver " + ToString(e.through); }
  std::string operator()(const Reject& e) {
    return "reject " + Tags(e.tags) + " " + std::string(ToString(e.reason));
  }
  std::string operator()(const RejectChange& e) {
    return "reject " + Tags({e.tag}) + " " + std::string(ToString(e.reason)) +
           (e.text.empty() ? "" : ": " + e.text);
  }
  std::string operator()(const Reconfigured& e) {
    return "reconfigured " + Tags({e.tag}) + " at " + ToString(e.at) + " " + ToString(e.membership);
  }
  std::string operator()(const ProposeAgain& e) {
    return "propose-again " + Tags(e.tags) + (e.sent ? "" : " unsent");
  }
  std::string operator()(const AnswerReads& e) {
    return "answer " + Tags(e.tags) + " at " + ToString(e.at);
  }
  std::string operator()(const RoleChanged& e) {
    const Role& role = e.role;
    std::string line = "role " + std::string(ToString(role.state)) + " " +
                       std::string(ToString(role.phase)) + " epoch " + std::to_string(role.epoch);
    if (role.leader != kNoServer) line += " leader " + ToString(role.leader);
    if (role.standing != Standing::kMember) line += " " + std::string(ToString(role.standing));
    return line + (role.amnesic ? " amnesic" : "");
  }
  std::string operator()(const Note& e) {
    return "note " + std::string(InfoOf(e.line).name) + ": " + e.text;
  }
  std::string operator()(const Halt& e) { return "halt " + e.what; }
};

}  // namespace

std::string ToString(const Event& event) { return std::visit(EventPrinter{}, event); }
std::string ToString(const Effect& effect) { return std::visit(EffectPrinter{}, effect); }

}  // namespace zkq::core
