// What a server tells those who ask from outside (PROTOCOL §5.6), as bytes and back: how it
// stands, and what became of a change. Pure; total on any input.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zkq/types.h"

namespace zkq {

// An error that has travelled: google.rpc.Code, what happened, and what zkq has attached.
struct ErrorReport {
  uint32_t code = 0;  // 0: there is none
  std::string text = {};
  std::string info = {};
  friend bool operator==(const ErrorReport&, const ErrorReport&) = default;
};

// Of a duration: there is no end to it.
inline constexpr std::chrono::microseconds kEndless = std::chrono::microseconds::max();

// As LinkStatus (zkq/replica_status.h).
struct LinkReport {
  ServerId id{};
  MemberType type = MemberType::kParticipant;
  Standing standing = Standing::kUnfounded;
  bool up = false;
  std::chrono::microseconds since{};
  ErrorReport error = {};
  std::chrono::microseconds round_trip{};
  Zxid durable = {};
  Zxid applied = {};
  uint64_t transactions_behind = 0;
  uint64_t bytes_behind = 0;
  bool caught_up = false;
  friend bool operator==(const LinkReport&, const LinkReport&) = default;
};

// As ReplicaStatus.
struct StatusReport {
  ServerId id{};
  PeerState state = PeerState::kLooking;
  ZabPhase phase = ZabPhase::kElection;
  Standing standing = Standing::kUnfounded;
  ServerId leader{};
  Epoch epoch = 0;
  std::optional<Epoch> leads = {};
  Zxid last_logged = {};
  Zxid last_committed = {};
  Zxid last_applied = {};
  Zxid last_snapshot = {};
  std::chrono::microseconds staleness{};
  uint64_t transactions_behind = 0;
  Membership membership = {};
  EnsembleId ensemble = {};
  std::string listen_address = {};
  std::vector<LinkReport> links = {};
  uint64_t outstanding_bytes = 0;
  std::chrono::microseconds last_sync_latency{};
  ErrorReport ready = {};
  ErrorReport health = {};
  bool halted = false;
  bool changing = false;
  friend bool operator==(const StatusReport&, const StatusReport&) = default;
};

// A change of the configuration that is asked for.
struct ChangeRequest {
  Membership next = {};
  std::chrono::microseconds time_left{};
  friend bool operator==(const ChangeRequest&, const ChangeRequest&) = default;
};

// What became of it.
struct ChangeReport {
  ErrorReport error = {};
  Membership membership = {};  // as it is now; of no error
  friend bool operator==(const ChangeReport&, const ChangeReport&) = default;
};

std::string EncodeStatusReport(const StatusReport& report);
std::optional<StatusReport> DecodeStatusReport(std::string_view bytes);
std::string EncodeChangeReport(const ChangeReport& report);
std::optional<ChangeReport> DecodeChangeReport(std::string_view bytes);
std::string EncodeChangeRequest(const ChangeRequest& request);
std::optional<ChangeRequest> DecodeChangeRequest(std::string_view bytes);

}  // namespace zkq
