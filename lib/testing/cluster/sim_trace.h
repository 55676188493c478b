// A trace of a simulated run: every event into one number, and on demand the last
// of them as lines. Two runs of one seed have the same number and the same lines.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "zkq/testing/sim.h"
#include "zkq/testing/sim_observer.h"

namespace zkq::testing {

class SimTrace final : public SimObserver {
 public:
  explicit SimTrace(const SimScheduler* scheduler) : scheduler_(*scheduler) {}

  uint64_t hash() const { return hash_; }
  void Keep(size_t lines) { lines_max_ = lines; }
  std::vector<std::string> Lines() const { return {lines_.begin(), lines_.end()}; }

  void OnSent(const Route& route, const Carried& carried) override;
  void OnDelivered(const Route& route, const Carried& carried) override;
  void OnLost(const Route& route, const Carried& carried, Loss why) override;
  void OnLinkUp(const Route& route) override;
  void OnLinkDown(const Route& route) override;
  void OnStarting(ServerId sid) override;
  void OnStarted(ServerId sid, const absl::Status& status) override;
  void OnCrashed(ServerId sid, const MemoryFileSystem& disk) override;
  void OnWiped(ServerId sid) override;
  void OnDiskInserted(ServerId sid, uint64_t disk) override;
  void OnReconfigured(uint64_t call, ServerId sid, const Membership& asked,
                      const absl::StatusOr<Membership>& result) override;
  void OnExcused(ServerId sid, std::string_view why) override;
  void OnDisk(ServerId sid, const MemoryFileSystem::Operation& operation) override;
  void OnApplied(ServerId sid, const Transaction& txn, std::string_view reply) override;
  void OnRestored(ServerId sid, Zxid applied) override;
  void OnStatus(ServerId sid, const ReplicaStatus& status) override;
  void OnProposed(uint64_t call, ServerId sid, std::string_view command) override;
  void OnReadAsked(uint64_t call, ServerId sid) override;
  void OnDone(uint64_t call, const absl::StatusOr<Reply>& result) override;
  void OnResumed(ServerId sid) override;
  void OnDamaged(ServerId sid) override;
  void OnLine(ServerId sid, std::string_view line);  // of a replica's log
  void OnMark(std::string_view line);                // of the program that drives the run

 private:
  // Which kind of event, and three things of it that matter.
  void Mix(uint64_t kind, uint64_t a, uint64_t b = 0, uint64_t c = 0);
  bool keeps() const { return lines_max_ > 0; }
  void Add(const std::string& line);
  void Passed(uint64_t kind, std::string_view verb, const Route& route, const Carried& carried);

  const SimScheduler& scheduler_;
  uint64_t hash_ = 0xcbf2'9ce4'8422'2325;
  size_t lines_max_ = 0;
  std::deque<std::string> lines_;
};

}  // namespace zkq::testing
