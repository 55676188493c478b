#include "lib/wire/status.h"

#include "lib/wire/codec.h"

namespace zkq {

void Fields(auto& io, wire::Is<ErrorReport> auto& m) {
  io(1, m.code);
  io(2, m.text);
  io(3, m.info);
}
void Fields(auto& io, wire::Is<LinkReport> auto& m) {
  io(1, m.id);
  io(2, m.type);
  io(3, m.standing);
  io(4, m.up);
  io(5, m.since);
  io(6, m.error);
  io(7, m.round_trip);
  io(8, m.durable);
  io(9, m.applied);
  io(10, m.transactions_behind);
  io(11, m.bytes_behind);
  io(12, m.caught_up);
}
void Fields(auto& io, wire::Is<StatusReport> auto& m) {
  io(1, m.id);
  io(2, m.state);
  io(3, m.phase);
  io(4, m.standing);
  io(5, m.leader);
  io(6, m.epoch);
  io(7, m.leads);
  io(8, m.last_logged);
  io(9, m.last_committed);
  io(10, m.last_applied);
  io(11, m.last_snapshot);
  io(12, m.staleness);
  io(13, m.transactions_behind);
  io(14, m.membership);
  io(15, m.ensemble);
  io(16, m.listen_address);
  io(17, m.links);
  io(18, m.outstanding_bytes);
  io(19, m.last_sync_latency);
  io(20, m.ready);
  io(21, m.health);
  io(22, m.halted);
  io(23, m.changing);
}
void Fields(auto& io, wire::Is<ChangeRequest> auto& m) {
  io(1, m.next);
  io(2, m.time_left);
}
void Fields(auto& io, wire::Is<ChangeReport> auto& m) {
  io(1, m.error);
  io(2, m.membership);
}

std::string EncodeStatusReport(const StatusReport& report) { return wire::EncodeFields(report); }
std::optional<StatusReport> DecodeStatusReport(std::string_view bytes) {
  return wire::DecodeFields<StatusReport>(bytes);
}

std::string EncodeChangeReport(const ChangeReport& report) { return wire::EncodeFields(report); }
std::optional<ChangeReport> DecodeChangeReport(std::string_view bytes) {
  return wire::DecodeFields<ChangeReport>(bytes);
}

std::string EncodeChangeRequest(const ChangeRequest& request) {
  return wire::EncodeFields(request);
}
std::optional<ChangeRequest> DecodeChangeRequest(std::string_view bytes) {
  return wire::DecodeFields<ChangeRequest>(bytes);
}

}  // namespace zkq
