#include "status_response.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "state_machine.h"

namespace kv {
namespace {

google::protobuf::Duration ToDuration(absl::Duration duration) {
  google::protobuf::Duration proto;
  proto.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  proto.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
  return proto;
}

pb::LinkStatus ToLink(const zkq::LinkStatus& link, bool leads) {
  pb::LinkStatus proto;
  proto.set_sid(ToInt(link.id));
  proto.set_type(link.type == zkq::MemberType::kObserver ? "observer" : "participant");
  proto.set_up(link.up);
  *proto.mutable_since() = ToDuration(link.since);
  if (!link.error.ok()) proto.set_error(Words(link.error));
  if (link.round_trip != absl::InfiniteDuration()) {
    *proto.mutable_round_trip() = ToDuration(link.round_trip);
  }
  if (!leads || !link.up) return proto;
  *proto.mutable_durable() = ToProto(link.durable);
  *proto.mutable_applied() = ToProto(link.applied);
  proto.set_transactions_behind(link.transactions_behind);
  proto.set_bytes_behind(link.bytes_behind);
  proto.set_caught_up(link.caught_up);
  return proto;
}

void AddMembership(const zkq::ReplicaStatus& status, pb::StatusResponse* proto) {
  if (status.ensemble != zkq::EnsembleId{}) proto->set_ensemble(ToString(status.ensemble));
  *proto->mutable_membership_version() = ToProto(status.membership.version);
  for (const zkq::Member& member : status.membership.members) {
    proto->add_members(ToString(member));
  }
}

}  // namespace

std::string Words(const absl::Status& status) {
  if (status.ok()) return "OK";
  return absl::StrCat(absl::StatusCodeToString(status.code()), ": ", status.message());
}

pb::StatusResponse ToResponse(const zkq::ReplicaStatus& status) {
  pb::StatusResponse proto;
  proto.set_sid(ToInt(status.id));
  proto.set_role(std::string(ToString(status.state)));
  proto.set_phase(std::string(ToString(status.phase)));
  proto.set_standing(std::string(ToString(status.standing)));
  proto.set_amnesic(status.standing == zkq::Standing::kJoining);
  proto.set_leader(ToInt(status.leader.value_or(zkq::kNoServer)));
  proto.set_epoch(status.epoch);
  proto.set_leads(status.leads.value_or(0));
  *proto.mutable_logged() = ToProto(status.last_logged);
  *proto.mutable_committed() = ToProto(status.last_committed);
  *proto.mutable_applied() = ToProto(status.last_applied);
  *proto.mutable_snapshot() = ToProto(status.last_snapshot);
  if (status.staleness != absl::InfiniteDuration()) {
    *proto.mutable_staleness() = ToDuration(status.staleness);
  }
  proto.set_transactions_behind(status.transactions_behind);
  AddMembership(status, &proto);
  proto.set_listen_address(status.listen_address);
  for (const zkq::LinkStatus& link : status.links) {
    *proto.add_links() = ToLink(link, /*leads=*/status.leader == status.id);
  }
  proto.set_outstanding_bytes(status.outstanding_bytes);
  *proto.mutable_last_sync_latency() = ToDuration(status.last_sync_latency);
  proto.set_ready(Words(status.ready));
  proto.set_health(Words(status.health));
  proto.set_halted(status.halted);
  return proto;
}

}  // namespace kv
