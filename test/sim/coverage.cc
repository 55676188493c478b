#include "test/sim/coverage.h"

#include <iomanip>
#include <sstream>
#include <string_view>

#include "absl/status/status.h"

namespace zkq::sim {
namespace {

struct Cell {
  PeerState state;
  ZabPhase phase;
  std::string_view name;
};
// Every other pair of the two does not exist: a looking peer is in no phase but the
// election, and who follows or leads is in none but the others. Who observes is struck like any
// other, but that is not asked for: it counts for nothing.
constexpr Cell kCells[] = {
    {PeerState::kLooking, ZabPhase::kElection, "looking"},
    {PeerState::kFollowing, ZabPhase::kDiscovery, "f.disc"},
    {PeerState::kFollowing, ZabPhase::kSynchronization, "f.sync"},
    {PeerState::kFollowing, ZabPhase::kBroadcast, "f.broad"},
    {PeerState::kLeading, ZabPhase::kDiscovery, "l.disc"},
    {PeerState::kLeading, ZabPhase::kSynchronization, "l.sync"},
    {PeerState::kLeading, ZabPhase::kBroadcast, "l.broad"},
};
constexpr std::string_view kFates[] = {"sent",    "lost",    "s.crash",
                                       "r.crash", "delayed", "overtaken"};
static_assert(std::size(kFates) == Coverage::kFates);
constexpr std::string_view kEdits[] = {
    "add a voter", "add an observer", "remove a voter", "remove an observer",
    "promote",     "demote",          "move",           "weigh",
    "group",       "prefer",          "present disk",   "a certain disk",
    "several",     "nothing",         "unknown"};
static_assert(std::size(kEdits) == Coverage::kEdits);
// What changes are answered with, and the rest.
constexpr absl::StatusCode kAnswers[] = {absl::StatusCode::kOk,
                                         absl::StatusCode::kInvalidArgument,
                                         absl::StatusCode::kAborted,
                                         absl::StatusCode::kFailedPrecondition,
                                         absl::StatusCode::kDeadlineExceeded,
                                         absl::StatusCode::kUnknown};
constexpr std::string_view kAnswerNames[] = {"OK",   "invalid", "aborted", "precond.",
                                             "late", "unknown", "other"};
static_assert(std::size(kAnswerNames) == std::size(kAnswers) + 1);

uint64_t Count(const Coverage& coverage, size_t fault, const Cell& cell) {
  return coverage.faults[fault][static_cast<size_t>(cell.state)][static_cast<size_t>(cell.phase)];
}

// Nobody needs to follow or lead while the ensemble is being founded. A server that is added mostly
// follows soon, and who is left out does not lead. Few servers have had another disk, or get a
// twin, so what is short is hardly met by that.
bool CanBeHit(size_t fault, const Cell& cell) {
  switch (static_cast<Fault>(fault)) {
    case Fault::kLoseEmptyDisk:
      return cell.state == PeerState::kLooking;
    case Fault::kAddServer:
      return cell.state == PeerState::kFollowing && cell.phase == ZabPhase::kBroadcast;
    case Fault::kInsertDisk:
    case Fault::kAddTwin:
      return cell.state == PeerState::kLooking || cell.phase == ZabPhase::kBroadcast;
    case Fault::kStopLeftOut:
      return cell.state != PeerState::kLeading;
    default:
      return true;
  }
}

// What begins a synchronisation, and a Pong, is the answer to what has just come, so it finds its
// line idle and leaves at once, all but always (of some 500 million Pongs a few were).
bool CanFare(size_t kind, size_t fate) {
  const std::string_view name = testing::MessageName(kind);
  const bool answers = name == "Diff" || name == "Trunc" || name == "Snap" || name == "Pong";
  return fate != Coverage::kOvertaken || !answers;
}

}  // namespace

std::string Table(const Coverage& coverage) {
  std::ostringstream out;
  out << std::left << std::setw(18) << "fault hits";
  for (const Cell& cell : kCells) out << std::right << std::setw(10) << cell.name;
  out << "\n";
  for (size_t fault = 0; fault < testing::kFaults; ++fault) {
    out << std::left << std::setw(18) << ToString(static_cast<Fault>(fault)) << std::right;
    for (const Cell& cell : kCells) out << std::setw(10) << Count(coverage, fault, cell);
    out << "\n";
  }
  out << "\n" << std::left << std::setw(18) << "message is";
  for (const std::string_view fate : kFates) out << std::right << std::setw(10) << fate;
  out << "\n";
  for (size_t kind = 0; kind < Coverage::kKinds; ++kind) {
    out << std::left << std::setw(18) << testing::MessageName(kind) << std::right;
    for (const uint64_t count : coverage.messages[kind]) out << std::setw(10) << count;
    out << "\n";
  }
  out << "\n" << std::left << std::setw(18) << "change is told";
  for (const std::string_view name : kAnswerNames) out << std::right << std::setw(10) << name;
  out << "\n";
  for (size_t edit = 0; edit < Coverage::kEdits; ++edit) {
    out << std::left << std::setw(18) << kEdits[edit] << std::right;
    uint64_t others = 0;
    for (const uint64_t count : coverage.changes[edit]) others += count;
    for (const absl::StatusCode code : kAnswers) {
      const uint64_t count = coverage.changes[edit][static_cast<size_t>(code)];
      out << std::setw(10) << count;
      others -= count;
    }
    out << std::setw(10) << others << "\n";
  }
  return out.str();
}

std::string Summary(const Coverage& coverage) {
  std::string summary;
  for (size_t fault = 0; fault < testing::kFaults; ++fault) {
    uint64_t hits = 0;
    for (const Cell& cell : kCells) hits += Count(coverage, fault, cell);
    if (hits == 0) continue;
    summary += (summary.empty() ? "" : ", ") + std::to_string(hits) + " " +
               std::string(ToString(static_cast<Fault>(fault)));
  }
  return summary.empty() ? "no faults" : summary;
}

std::string Holes(const Coverage& coverage) {
  std::string holes;
  for (size_t fault = 0; fault < testing::kFaults; ++fault) {
    for (const Cell& cell : kCells) {
      if (Count(coverage, fault, cell) > 0 || !CanBeHit(fault, cell)) continue;
      holes += std::string(ToString(static_cast<Fault>(fault))) + " never hit " +
               std::string(cell.name) + "\n";
    }
  }
  for (size_t kind = 0; kind < Coverage::kKinds; ++kind) {
    for (size_t fate = 0; fate < Coverage::kFates; ++fate) {
      if (coverage.messages[kind][fate] > 0 || !CanFare(kind, fate)) continue;
      holes += std::string(testing::MessageName(kind)) + " was never " + std::string(kFates[fate]) +
               "\n";
    }
  }
  for (size_t edit = 0; edit < Coverage::kEdits; ++edit) {
    if (coverage.changes[edit][static_cast<size_t>(absl::StatusCode::kOk)] > 0) continue;
    if (edit == Coverage::kUnknown) continue;
    holes += "no change was made that asks for: " + std::string(kEdits[edit]) + "\n";
  }
  return holes;
}

}  // namespace zkq::sim
