#include "lib/runtime/admin.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "lib/base/absl/string_view.h"
#include "lib/runtime/node.h"
#include "lib/runtime/replica_impl.h"
#include "lib/runtime/reports.h"

namespace zkq::runtime {
namespace {

std::string ReportOfChange(absl::StatusOr<Membership> now) {
  if (!now.ok()) return EncodeChangeReport({.error = ReportOf(now.status())});
  return EncodeChangeReport({.membership = *std::move(now)});
}

}  // namespace

void Admin::Answer(const Asker& asker, Question question, absl::Duration time_left,
                   QuorumTransport::Answer reply) {
  if (question.kind == kAskStatus) {
    return std::move(reply)(EncodeStatusReport(ReportOf(node_.Status())));
  }
  if (question.kind == kAskReconfigure) {
    return Change(asker, std::move(question), time_left, std::move(reply));
  }
  std::move(reply)(
      absl::UnimplementedError(ToAbsl("this server knows no question \"" + question.kind + "\"")));
}

void Admin::Change(const Asker& asker, Question question, absl::Duration time_left,
                   QuorumTransport::Answer reply) {
  if (!asker.local && !node_.options().admin_from_anywhere) {
    return std::move(reply)(absl::PermissionDeniedError(ToAbsl(
        "server " + ToString(node_.options().id) +
        " takes changes from its own machine alone, unless its admin_from_anywhere is set")));
  }
  std::optional<ChangeRequest> change = DecodeChangeRequest(question.bytes);
  if (!change) return std::move(reply)(absl::InvalidArgumentError("no change can be read"));
  const std::shared_ptr<Node> node = node_.weak_from_this().lock();
  if (node == nullptr) return std::move(reply)(absl::UnavailableError("shut down"));
  const absl::Duration timeout = std::min(time_left, absl::Microseconds(change->time_left.count()));
  Replica::Impl(node).Reconfigure(
      std::move(change->next), {.timeout = timeout},
      [reply = std::move(reply)](absl::StatusOr<Membership> now) mutable {
        std::move(reply)(ReportOfChange(std::move(now)));
      });
}

}  // namespace zkq::runtime
