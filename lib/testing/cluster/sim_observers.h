// Passes everything on to several observers, in the order they were added.
#pragma once

#include <vector>

#include "zkq/testing/sim_observer.h"

namespace zkq::testing {

class SimObservers final : public SimObserver {
 public:
  void Add(SimObserver* observer) { all_.push_back(observer); }
  void Remove(SimObserver* observer) { std::erase(all_, observer); }

  void OnSent(const Route& route, const Carried& carried) override {
    for (SimObserver* one : all_) one->OnSent(route, carried);
  }
  void OnDelivered(const Route& route, const Carried& carried) override {
    for (SimObserver* one : all_) one->OnDelivered(route, carried);
  }
  void OnLost(const Route& route, const Carried& carried, Loss why) override {
    for (SimObserver* one : all_) one->OnLost(route, carried, why);
  }
  void OnOvertaken(const Route& route, const Carried& carried) override {
    for (SimObserver* one : all_) one->OnOvertaken(route, carried);
  }
  void OnDelayed(const Route& route, const Carried& carried) override {
    for (SimObserver* one : all_) one->OnDelayed(route, carried);
  }
  void OnLinkUp(const Route& route) override {
    for (SimObserver* one : all_) one->OnLinkUp(route);
  }
  void OnLinkDown(const Route& route) override {
    for (SimObserver* one : all_) one->OnLinkDown(route);
  }
  void OnStarting(ServerId sid) override {
    for (SimObserver* one : all_) one->OnStarting(sid);
  }
  void OnStarted(ServerId sid, const absl::Status& status) override {
    for (SimObserver* one : all_) one->OnStarted(sid, status);
  }
  void OnResumed(ServerId sid) override {
    for (SimObserver* one : all_) one->OnResumed(sid);
  }
  void OnExcuseEnds(ServerId sid) override {
    for (SimObserver* one : all_) one->OnExcuseEnds(sid);
  }
  void OnCrashed(ServerId sid, const MemoryFileSystem& disk) override {
    for (SimObserver* one : all_) one->OnCrashed(sid, disk);
  }
  void OnWiped(ServerId sid) override {
    for (SimObserver* one : all_) one->OnWiped(sid);
  }
  void OnDiskInserted(ServerId sid, uint64_t disk) override {
    for (SimObserver* one : all_) one->OnDiskInserted(sid, disk);
  }
  void OnExcused(ServerId sid, std::string_view why) override {
    for (SimObserver* one : all_) one->OnExcused(sid, why);
  }
  void OnDamaged(ServerId sid) override {
    for (SimObserver* one : all_) one->OnDamaged(sid);
  }
  void OnDisk(ServerId sid, const MemoryFileSystem::Operation& operation) override {
    for (SimObserver* one : all_) one->OnDisk(sid, operation);
  }
  void OnApplied(ServerId sid, const Transaction& txn, std::string_view reply) override {
    for (SimObserver* one : all_) one->OnApplied(sid, txn, reply);
  }
  void OnRestored(ServerId sid, Zxid applied) override {
    for (SimObserver* one : all_) one->OnRestored(sid, applied);
  }
  void OnStatus(ServerId sid, const ReplicaStatus& status) override {
    for (SimObserver* one : all_) one->OnStatus(sid, status);
  }
  void OnProposed(uint64_t call, ServerId sid, std::string_view command) override {
    for (SimObserver* one : all_) one->OnProposed(call, sid, command);
  }
  void OnReadAsked(uint64_t call, ServerId sid) override {
    for (SimObserver* one : all_) one->OnReadAsked(call, sid);
  }
  void OnDone(uint64_t call, const absl::StatusOr<Reply>& result) override {
    for (SimObserver* one : all_) one->OnDone(call, result);
  }
  void OnReconfigureAsked(uint64_t call, ServerId sid, const Membership& asked) override {
    for (SimObserver* one : all_) one->OnReconfigureAsked(call, sid, asked);
  }
  void OnReconfigured(uint64_t call, ServerId sid, const Membership& asked,
                      const absl::StatusOr<Membership>& result) override {
    for (SimObserver* one : all_) one->OnReconfigured(call, sid, asked, result);
  }

 private:
  std::vector<SimObserver*> all_;
};

}  // namespace zkq::testing
