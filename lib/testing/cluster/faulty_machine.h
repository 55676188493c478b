// FaultyMachine: what the state machines of one simulated server suffer, and what observers are
// told of them. It outlives them: each life of the process has a machine of its own.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "lib/testing/cluster/excuses.h"
#include "lib/testing/cluster/shared.h"

namespace zkq::testing {

class FaultyMachine {
 public:
  FaultyMachine(const Shared* shared, ServerId sid, Excuses* excuses)
      : shared_(*shared), sid_(sid), excuses_(*excuses) {}

  void Slow(absl::Duration each) { takes_ = each; }
  void FailNext() { fails_ = true; }
  void Heal();
  bool calm() const { return !fails_ && takes_ == absl::ZeroDuration(); }

  // Stands before `inner`; `changed` is called when its state has.
  std::unique_ptr<StateMachine> Watch(std::unique_ptr<StateMachine> inner,
                                      std::function<void()> changed);

 private:
  class Watched;
  absl::Status BeforeApply();

  const Shared& shared_;
  const ServerId sid_;
  Excuses& excuses_;
  bool fails_ = false;
  absl::Duration takes_ = absl::ZeroDuration();  // each Apply
};

}  // namespace zkq::testing
