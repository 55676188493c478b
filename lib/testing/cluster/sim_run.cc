#include "lib/testing/cluster/sim_run.h"

namespace zkq::testing {

bool SimRun::Until(absl::FunctionRef<bool()> condition, absl::Duration limit) {
  bool held = false;
  shared_.scheduler->RunUntil(
      [&] {
        AfterStep();
        held = condition();
        return held || judges_.violation().has_value();
      },
      limit);
  return held;
}

void SimRun::For(absl::Duration duration) {
  Until([] { return false; }, duration);
}

void SimRun::AfterStep() {
  for (const auto& [place, server] : places_.servers()) {
    ServerProcess& process = server->process;
    if (process.dying() && process.up()) process.Bury();
    if (process.TakeChanged() && process.up()) {
      ++news_;
      shared_.observer->OnStatus(place, process.replica().Status());
    }
  }
  judges_.Look();
}

void SimRun::Heal() {
  shared_.network->Heal();
  for (const ServerId place : places_.all()) places_.at(place).Heal();
}

}  // namespace zkq::testing
