#include "lib/testing/cluster/sim_trace.h"

namespace zkq::testing {
namespace {

enum Kind : uint64_t {
  kSent = 1,
  kDelivered,
  kLost,
  kLinkUp,
  kLinkDown,
  kStarting,
  kStarted,
  kCrashed,
  kWiped,
  kExcused,
  kDisk,
  kApplied,
  kRestored,
  kStatus,
  kProposed,
  kReadAsked,
  kDone,
  kLine,
  kResumed,
  kDamaged,
  kDiskInserted,
  kReconfigured
};

uint64_t Packed(Zxid zxid) { return uint64_t{zxid.epoch} << 32 | zxid.counter; }

uint64_t HashOfText(std::string_view bytes) {
  uint64_t hash = bytes.size();
  for (const char c : bytes) hash = hash * 0x100'0000'01b3 + static_cast<unsigned char>(c);
  return hash;
}

std::string Ends(const SimNetworkObserver::Route& route) {
  return ToString(route.from) + "->" + ToString(route.to) + "#" + std::to_string(route.link);
}

std::string TextOf(const SimNetworkObserver::Carried& carried) {
  if (carried.message != nullptr) return ToString(*carried.message);
  if (carried.notification != nullptr) return ToString(*carried.notification);
  return "piece at " + std::to_string(carried.piece->offset) + ", " +
         std::to_string(carried.piece->bytes.size()) + " bytes";
}

}  // namespace

void SimTrace::Mix(uint64_t kind, uint64_t a, uint64_t b, uint64_t c) {
  const auto now = static_cast<uint64_t>(absl::ToInt64Nanoseconds(scheduler_.now()));
  for (const uint64_t part : {now, kind, a, b, c}) {
    hash_ = (hash_ ^ part) * 0x9E37'79B9'7F4A'7C15;
    hash_ ^= hash_ >> 29;
  }
}

void SimTrace::Add(const std::string& line) {
  lines_.push_back(std::string(absl::FormatDuration(scheduler_.now())) + " " + line);
  if (lines_.size() > lines_max_) lines_.pop_front();
}

void SimTrace::Passed(uint64_t kind, std::string_view verb, const Route& route,
                      const Carried& carried) {
  const uint64_t what = carried.message != nullptr ? carried.message->body.index() : ~uint64_t{0};
  const uint64_t size =
      carried.message != nullptr ? SizeOf(*carried.message) : HashOfText(TextOf(carried));
  Mix(kind, ToInt(route.from) << 32 | ToInt(route.to), route.link << 8 | (what & 0xff), size);
  if (carried.message != nullptr) {
    const Session& session = carried.message->session;
    Mix(kind, session.number, session.epoch);
  }
  if (keeps()) Add(Ends(route) + " " + std::string(verb) + " " + TextOf(carried));
}

void SimTrace::OnSent(const Route& route, const Carried& carried) {
  Passed(kSent, "sent", route, carried);
}
void SimTrace::OnDelivered(const Route& route, const Carried& carried) {
  Passed(kDelivered, "got", route, carried);
}
void SimTrace::OnLost(const Route& route, const Carried& carried, Loss why) {
  Passed(kLost + (static_cast<uint64_t>(why) << 8), "lost", route, carried);
}
void SimTrace::OnLinkUp(const Route& route) {
  Mix(kLinkUp, ToInt(route.from), ToInt(route.to), route.link);
  if (keeps()) Add(Ends(route) + " up");
}
void SimTrace::OnLinkDown(const Route& route) {
  Mix(kLinkDown, ToInt(route.from), ToInt(route.to), route.link);
  if (keeps()) Add(Ends(route) + " down");
}

void SimTrace::OnStarting(ServerId sid) {
  Mix(kStarting, ToInt(sid));
  if (keeps()) Add(ToString(sid) + " starts");
}
void SimTrace::OnStarted(ServerId sid, const absl::Status& status) {
  Mix(kStarted, ToInt(sid), static_cast<uint64_t>(status.code()));
  if (keeps()) Add(ToString(sid) + " started: " + status.ToString());
}
void SimTrace::OnCrashed(ServerId sid, const MemoryFileSystem&) {
  Mix(kCrashed, ToInt(sid));
  if (keeps()) Add(ToString(sid) + " is gone");
}
void SimTrace::OnWiped(ServerId sid) {
  Mix(kWiped, ToInt(sid));
  if (keeps()) Add(ToString(sid) + " has an empty disk");
}
void SimTrace::OnDiskInserted(ServerId sid, uint64_t disk) {
  Mix(kDiskInserted, ToInt(sid), disk);
  if (keeps()) Add(ToString(sid) + " has disk " + std::to_string(disk));
}
void SimTrace::OnReconfigured(uint64_t, ServerId sid, const Membership& asked,
                              const absl::StatusOr<Membership>& result) {
  Mix(kReconfigured, ToInt(sid), result.ok() ? Packed(result->version) : 0);
  if (!keeps()) return;
  Add(ToString(sid) + " is told of a change to " + ToString(asked) + ": " +
      (result.ok() ? ToString(*result) : result.status().ToString()));
}
void SimTrace::OnExcused(ServerId sid, std::string_view why) {
  Mix(kExcused, ToInt(sid), HashOfText(why));
  if (keeps()) Add(ToString(sid) + " is excused: " + std::string(why));
}

void SimTrace::OnDisk(ServerId sid, const MemoryFileSystem::Operation& operation) {
  Mix(kDisk, ToInt(sid) << 8 | static_cast<uint64_t>(operation.step), operation.offset,
      HashOfText(operation.bytes) ^ HashOfText(operation.path));
  if (!keeps()) return;
  Add(ToString(sid) + " disk: " + std::string(ToString(operation.step)) + " " + operation.path +
      (operation.to.empty() ? "" : " to " + operation.to) +
      (operation.bytes.empty() ? ""
                               : " at " + std::to_string(operation.offset) + ", " +
                                     std::to_string(operation.bytes.size()) + " bytes"));
}

void SimTrace::OnApplied(ServerId sid, const Transaction& txn, std::string_view reply) {
  Mix(kApplied, ToInt(sid), Packed(txn.zxid), HashOfText(txn.command) ^ HashOfText(reply) << 1);
  if (keeps()) {
    Add(ToString(sid) + " applies " + ToString(txn.zxid) + " " + std::string(txn.command));
  }
}
void SimTrace::OnRestored(ServerId sid, Zxid applied) {
  Mix(kRestored, ToInt(sid), Packed(applied));
  if (keeps()) Add(ToString(sid) + " restores the state after " + ToString(applied));
}

void SimTrace::OnStatus(ServerId sid, const ReplicaStatus& status) {
  const auto role = static_cast<uint64_t>(status.state) << 8 | static_cast<uint64_t>(status.phase);
  Mix(kStatus, ToInt(sid) << 32 | role, Packed(status.last_committed), Packed(status.last_applied));
}

void SimTrace::OnProposed(uint64_t call, ServerId sid, std::string_view command) {
  Mix(kProposed, call, ToInt(sid), HashOfText(command));
  if (keeps()) {
    Add(ToString(sid) + " call " + std::to_string(call) + " proposes " + std::string(command));
  }
}
void SimTrace::OnReadAsked(uint64_t call, ServerId sid) {
  Mix(kReadAsked, call, ToInt(sid));
  if (keeps()) Add(ToString(sid) + " call " + std::to_string(call) + " reads");
}
void SimTrace::OnDone(uint64_t call, const absl::StatusOr<Reply>& result) {
  Mix(kDone, call, static_cast<uint64_t>(result.status().code()),
      result.ok() ? Packed(result->zxid) ^ HashOfText(result->value) : 0);
  if (!keeps()) return;
  Add("call " + std::to_string(call) + " done: " +
      (result.ok() ? ToString(result->zxid) + " " + result->value : result.status().ToString()));
}

void SimTrace::OnResumed(ServerId sid) {
  Mix(kResumed, ToInt(sid));
  if (keeps()) Add(ToString(sid) + " goes on after a pause");
}
void SimTrace::OnDamaged(ServerId sid) {
  Mix(kDamaged, ToInt(sid));
  if (keeps()) Add(ToString(sid) + " has a damaged disk");
}
void SimTrace::OnMark(std::string_view line) {
  if (keeps()) Add(std::string(line));
}

void SimTrace::OnLine(ServerId sid, std::string_view line) {
  Mix(kLine, ToInt(sid), HashOfText(line));
  if (keeps()) Add(ToString(sid) + ": " + std::string(line));
}

}  // namespace zkq::testing
