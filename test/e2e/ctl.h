// Ensembles whose members come and go, as operators change them: by zkqctl.
#pragma once

#include <string>
#include <vector>

#include "test/e2e/ensemble.h"

namespace e2e {

// Servers 1 to `founders` found it; those above join, with an empty directory, when they are
// started. One thread.
class Members {
 public:
  Members(int servers, int founders, Flags flags = {});

  Ensemble& servers() { return ensemble_; }
  // Founders, and nobody else.
  void Found();
  // A server above: it is to join as a voter, or with `observer` as an observer.
  void Join(int id, bool observer = false);
  // A server that has been there before, with what its directory holds.
  void Restart(int id);
  // What it has written is gone.
  void LoseDisk(int id);
  // Leaves by itself, as a supervisor asks it to.
  void Stop(int id);

  std::string peer(int id) const { return places_.at(static_cast<size_t>(id) - 1).peer_address; }
  // "4=127.0.0.1:7004".
  std::string entry(int id) const { return std::to_string(id) + "=" + peer(id); }
  // zkqctl, given the peer ports of all servers.
  Finished Ctl(const Flags& words) const;
  // The same, which must be done: its standard output.
  std::string Do(const Flags& words) const;
  void WaitUntilReady(int id) const { Do({"wait-ready", std::to_string(id)}); }

 private:
  Flags FlagsToJoin(int id, bool observer) const;

  const int founders_;
  const std::vector<Place> places_;
  Ensemble ensemble_;
};

}  // namespace e2e
