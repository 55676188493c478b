// Every fault there is: what it is called, how often it is drawn, and what it does.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "lib/testing/cluster/nemesis_arm.h"
#include "zkq/testing/nemesis.h"

namespace zkq::testing {

// Profiles take whole families.
enum Family : uint8_t {
  kOfProcesses = 1,
  kOfNetworks = 2,
  kOfDisks = 4,
  kOfRot = 8,
  kOfMachines = 16,  // clocks, and what the application does
  kOfFounding = 32,  // drawn apart
  kOfLasting = 64,
  kOfMembers = 128,
};

struct FaultRow {
  Fault fault;
  std::string_view name;
  uint8_t families;
  uint64_t weight;  // among its family
  // Whom it strikes: a server that is up, a pair, the leader, or whom it finds itself.
  enum class Whom : uint8_t { kOne, kPair, kLeader, kAnybody } whom;
  // True: it was done to blow.hit. False: not at all, or it is noted when it is.
  bool (*strike)(NemesisArm& arm, const Blow& blow);
};

// In the order of the faults.
std::span<const FaultRow> FaultTable();
const FaultRow& RowOf(Fault fault);

}  // namespace zkq::testing
