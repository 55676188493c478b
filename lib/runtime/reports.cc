#include "lib/runtime/reports.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "absl/strings/cord.h"
#include "lib/base/absl/string_view.h"

namespace zkq::runtime {
namespace {

using std::chrono::microseconds;

constexpr char kAttached[] = "zkq";  // as zkq/status.h prints it

// Nothing is below zero here: two clocks that are read one after the other may say so.
microseconds WholeMicros(absl::Duration duration) {
  if (duration == absl::InfiniteDuration()) return kEndless;
  return microseconds(absl::ToInt64Microseconds(std::max(duration, absl::ZeroDuration())));
}
absl::Duration DurationOf(microseconds time) {
  return time == kEndless ? absl::InfiniteDuration() : absl::Microseconds(time.count());
}

LinkReport LinkReportOf(const LinkStatus& link) {
  return {.id = link.id,
          .type = link.type,
          .standing = link.standing,
          .up = link.up,
          .since = WholeMicros(link.since),
          .error = ReportOf(link.error),
          .round_trip = WholeMicros(link.round_trip),
          .durable = link.durable,
          .applied = link.applied,
          .transactions_behind = link.transactions_behind,
          .bytes_behind = link.bytes_behind,
          .caught_up = link.caught_up};
}

LinkStatus LinkStatusOf(const LinkReport& link) {
  return {.id = link.id,
          .type = link.type,
          .standing = link.standing,
          .up = link.up,
          .since = DurationOf(link.since),
          .error = StatusOf(link.error),
          .round_trip = DurationOf(link.round_trip),
          .durable = link.durable,
          .applied = link.applied,
          .transactions_behind = link.transactions_behind,
          .bytes_behind = link.bytes_behind,
          .caught_up = link.caught_up};
}

}  // namespace

ErrorReport ReportOf(const absl::Status& status) {
  if (status.ok()) return {};
  ErrorReport report{.code = static_cast<uint32_t>(status.raw_code()),
                     .text = std::string(FromAbsl(status.message()))};
  if (const auto attached = status.GetPayload(kAttached)) report.info = std::string(*attached);
  return report;
}

absl::Status StatusOf(const ErrorReport& report) {
  absl::Status status(static_cast<absl::StatusCode>(report.code), ToAbsl(report.text));
  if (!status.ok() && !report.info.empty()) {
    status.SetPayload(kAttached, absl::Cord(ToAbsl(report.info)));
  }
  return status;
}

StatusReport ReportOf(const ReplicaStatus& status) {
  StatusReport report{.id = status.id,
                      .state = status.state,
                      .phase = status.phase,
                      .standing = status.standing,
                      .leader = status.leader.value_or(kNoServer),
                      .epoch = status.epoch,
                      .leads = status.leads,
                      .last_logged = status.last_logged,
                      .last_committed = status.last_committed,
                      .last_applied = status.last_applied,
                      .last_snapshot = status.last_snapshot,
                      .staleness = WholeMicros(status.staleness),
                      .transactions_behind = status.transactions_behind,
                      .membership = status.membership,
                      .ensemble = status.ensemble,
                      .listen_address = status.listen_address,
                      .outstanding_bytes = status.outstanding_bytes,
                      .last_sync_latency = WholeMicros(status.last_sync_latency),
                      .ready = ReportOf(status.ready),
                      .health = ReportOf(status.health),
                      .halted = status.halted,
                      .changing = status.changing};
  for (const LinkStatus& link : status.links) report.links.push_back(LinkReportOf(link));
  return report;
}

ReplicaStatus StatusOf(const StatusReport& report) {
  ReplicaStatus status{.id = report.id,
                       .state = report.state,
                       .phase = report.phase,
                       .standing = report.standing,
                       .epoch = report.epoch,
                       .leads = report.leads,
                       .last_logged = report.last_logged,
                       .last_committed = report.last_committed,
                       .last_applied = report.last_applied,
                       .last_snapshot = report.last_snapshot,
                       .staleness = DurationOf(report.staleness),
                       .transactions_behind = report.transactions_behind,
                       .membership = report.membership,
                       .changing = report.changing,
                       .ensemble = report.ensemble,
                       .listen_address = report.listen_address,
                       .outstanding_bytes = report.outstanding_bytes,
                       .last_sync_latency = DurationOf(report.last_sync_latency),
                       .ready = StatusOf(report.ready),
                       .health = StatusOf(report.health),
                       .halted = report.halted};
  if (report.leader != kNoServer) status.leader = report.leader;
  for (const LinkReport& link : report.links) status.links.push_back(LinkStatusOf(link));
  return status;
}

}  // namespace zkq::runtime
