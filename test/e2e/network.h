// A network between servers whose directions can be cut.
#pragma once

#include <vector>

#include "test/e2e/ensemble.h"

namespace e2e {

// Servers are called by their id, from 1. What clients send is never touched. One thread.
class Network {
 public:
  virtual ~Network() = default;

  // For an Ensemble, which must not outlive the network.
  virtual std::vector<Place> places() = 0;
  // Nothing that `from` sends reaches `to` any more, and nobody is told: connections stay.
  virtual void Silence(int from, int to) = 0;
  // Everything passes again.
  virtual void Heal() = 0;
};

}  // namespace e2e
