// The lines that a replica writes to its host's log. Each has a short name that stays, so that
// people can look it up (lib/runtime/LOG.md) and programs can wait for it: a text is
// "name: what, in words". A test compares this list with LOG.md and with what is said.
#pragma once

#include <cstddef>
#include <iterator>
#include <string_view>

#include "zkq/log.h"

namespace zkq {

enum class Line {
  // The start and the end.
  kRecovered,
  kListening,
  kMembersOutdated,
  kMembersContradict,
  kAdminFromAnywhere,
  kHalted,
  kUnhealthy,
  kHealthy,
  kLogDropped,
  // Who belongs to the ensemble.
  kFounded,
  kMembersDiffer,
  kAmnesic,
  kJoins,
  kReconfigures,
  kReconfigured,
  kChangeWaits,
  kChangeRefused,
  kLeftOut,
  kHandsOver,
  // The protocol.
  kElectionWon,
  kElectionLost,
  kLeads,
  kSynchronised,
  kRole,
  kGoesLooking,
  kRenewsEpoch,
  kCannotSynchronise,
  kLimitsDiffer,
  kClockSet,
  kClockOff,
  kEpochAbsurd,
  kLinkDropped,
  // Disk and state machine.
  kRestoring,
  kRestored,
  kReplaying,
  kReplayed,
  kSnapshotTaken,
  kSnapshotFetched,
  kSnapshotInstalled,
  kSnapshotFailed,
  kSnapshotsNotPurged,
  kLogNotPurged,
  kLogGone,
  kLogUnread,
  kFetchFailed,
  kCommandChanged,
  // Links.
  kLinked,
  kUnlinked,
  kLinkSilent,
  kLinkBroken,
  kPeerUnreachable,
  kOtherDisk,
  kPeerRefused,
  kRefusedByPeer,
  kStrangerRefused,
  kPeerFar,
  kPathMtu,
};

// How often a line comes.
enum class Pace {
  kMinute,  // about one server once a minute at most
  kEach,    // each time: what it tells of has a number of its own, or ends something that took long
};

struct LineInfo {
  Line line;
  std::string_view name;
  LogLevel level;
  Pace pace;
};

inline constexpr LineInfo kLines[] = {
    {Line::kRecovered, "recovered", LogLevel::kInfo, Pace::kEach},
    {Line::kListening, "listening", LogLevel::kInfo, Pace::kEach},
    {Line::kMembersOutdated, "members-outdated", LogLevel::kInfo, Pace::kEach},
    {Line::kMembersContradict, "members-contradict", LogLevel::kWarning, Pace::kEach},
    {Line::kAdminFromAnywhere, "admin-from-anywhere", LogLevel::kWarning, Pace::kEach},
    {Line::kHalted, "halted", LogLevel::kError, Pace::kMinute},
    {Line::kUnhealthy, "unhealthy", LogLevel::kWarning, Pace::kMinute},
    {Line::kHealthy, "healthy", LogLevel::kInfo, Pace::kMinute},
    {Line::kLogDropped, "log-dropped", LogLevel::kWarning, Pace::kEach},
    {Line::kFounded, "founded", LogLevel::kInfo, Pace::kEach},
    {Line::kMembersDiffer, "members-differ", LogLevel::kWarning, Pace::kMinute},
    {Line::kAmnesic, "amnesic", LogLevel::kError, Pace::kMinute},
    {Line::kJoins, "joins", LogLevel::kInfo, Pace::kEach},
    {Line::kReconfigures, "reconfigures", LogLevel::kInfo, Pace::kEach},
    {Line::kReconfigured, "reconfigured", LogLevel::kInfo, Pace::kEach},
    {Line::kChangeWaits, "change-waits", LogLevel::kInfo, Pace::kEach},
    {Line::kChangeRefused, "change-refused", LogLevel::kInfo, Pace::kEach},
    {Line::kLeftOut, "left-out", LogLevel::kWarning, Pace::kMinute},
    {Line::kHandsOver, "hands-over", LogLevel::kInfo, Pace::kEach},
    {Line::kElectionWon, "election-won", LogLevel::kInfo, Pace::kMinute},
    {Line::kElectionLost, "election-lost", LogLevel::kInfo, Pace::kMinute},
    {Line::kLeads, "leads", LogLevel::kInfo, Pace::kEach},
    {Line::kSynchronised, "synchronised", LogLevel::kInfo, Pace::kEach},
    {Line::kRole, "role", LogLevel::kDebug, Pace::kEach},
    {Line::kGoesLooking, "goes-looking", LogLevel::kInfo, Pace::kMinute},
    {Line::kRenewsEpoch, "renews-epoch", LogLevel::kInfo, Pace::kEach},
    {Line::kCannotSynchronise, "cannot-synchronise", LogLevel::kError, Pace::kMinute},
    {Line::kLimitsDiffer, "limits-differ", LogLevel::kWarning, Pace::kMinute},
    {Line::kClockSet, "clock-set", LogLevel::kWarning, Pace::kMinute},
    {Line::kClockOff, "clock-off", LogLevel::kWarning, Pace::kMinute},
    {Line::kEpochAbsurd, "epoch-absurd", LogLevel::kError, Pace::kMinute},
    {Line::kLinkDropped, "link-dropped", LogLevel::kWarning, Pace::kMinute},
    {Line::kRestoring, "restoring", LogLevel::kInfo, Pace::kEach},
    {Line::kRestored, "restored", LogLevel::kInfo, Pace::kEach},
    {Line::kReplaying, "replaying", LogLevel::kInfo, Pace::kEach},
    {Line::kReplayed, "replayed", LogLevel::kInfo, Pace::kEach},
    {Line::kSnapshotTaken, "snapshot-taken", LogLevel::kInfo, Pace::kEach},
    {Line::kSnapshotFetched, "snapshot-fetched", LogLevel::kInfo, Pace::kEach},
    {Line::kSnapshotInstalled, "snapshot-installed", LogLevel::kInfo, Pace::kEach},
    {Line::kSnapshotFailed, "snapshot-failed", LogLevel::kWarning, Pace::kMinute},
    {Line::kSnapshotsNotPurged, "snapshots-not-purged", LogLevel::kWarning, Pace::kMinute},
    {Line::kLogNotPurged, "log-not-purged", LogLevel::kWarning, Pace::kMinute},
    {Line::kLogGone, "log-gone", LogLevel::kInfo, Pace::kMinute},
    {Line::kLogUnread, "log-unread", LogLevel::kWarning, Pace::kMinute},
    {Line::kFetchFailed, "fetch-failed", LogLevel::kWarning, Pace::kMinute},
    {Line::kCommandChanged, "command-changed", LogLevel::kError, Pace::kMinute},
    {Line::kLinked, "linked", LogLevel::kInfo, Pace::kMinute},
    {Line::kUnlinked, "unlinked", LogLevel::kInfo, Pace::kMinute},
    {Line::kLinkSilent, "link-silent", LogLevel::kWarning, Pace::kMinute},
    {Line::kLinkBroken, "link-broken", LogLevel::kWarning, Pace::kMinute},
    {Line::kPeerUnreachable, "peer-unreachable", LogLevel::kWarning, Pace::kMinute},
    {Line::kOtherDisk, "other-disk", LogLevel::kWarning, Pace::kMinute},
    {Line::kPeerRefused, "peer-refused", LogLevel::kWarning, Pace::kMinute},
    {Line::kRefusedByPeer, "refused-by-peer", LogLevel::kWarning, Pace::kMinute},
    {Line::kStrangerRefused, "stranger-refused", LogLevel::kWarning, Pace::kMinute},
    {Line::kPeerFar, "peer-far", LogLevel::kWarning, Pace::kMinute},
    {Line::kPathMtu, "path-mtu", LogLevel::kWarning, Pace::kMinute},
};

constexpr const LineInfo& InfoOf(Line line) { return kLines[static_cast<size_t>(line)]; }

static_assert(
    [] {
      for (size_t i = 0; i < std::size(kLines); ++i) {
        if (static_cast<size_t>(kLines[i].line) != i) return false;
      }
      return kLines[std::size(kLines) - 1].line == Line::kPathMtu;
    }(),
    "each line stands once, in the order of the enum");

}  // namespace zkq
