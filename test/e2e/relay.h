// Relay: a network in user space, for any machine. Each server is dialled at a port of the
// relay, which carries bytes on to the port where the server listens, as well or as badly as
// it is told to, each direction between two servers for itself.
//
// All servers have one list of members, as they must have; so the relay tells who has dialled
// by the process that holds the other end of the connection.
//
// What it cannot do: the kernel answers each SYN, so dialling a server that is cut off succeeds,
// and nothing is heard then. Namespaces (namespaces.h) lose the SYN too.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "test/e2e/network.h"

namespace e2e {

// How one direction between two servers treats bytes.
struct Path {
  enum class Mode {
    kPass,
    // Takes nothing: the sender's buffers fill. What was sent meanwhile arrives once the mode is
    // kPass again, as by a TCP that has kept trying.
    kHold,
    // Takes everything and loses it. A connection that has lost something stays silent in this
    // direction for ever, as on a path that has forgotten the connection.
    kLose,
  };
  Mode mode = Mode::kPass;
  std::chrono::milliseconds delay{0};
  uint32_t bytes_per_second = 0;  // of all connections together; 0: no limit
  // A bit of each so-manieth piece (at most 16 KiB that came together) is flipped; 0: of none.
  uint32_t flip_every = 0;
};

class Relay final : public Network {
 public:
  // `silence` is what Silence() does.
  explicit Relay(int size, Path::Mode silence = Path::Mode::kLose);
  ~Relay() override;

  std::vector<Place> places() override;
  // From now on, on open connections too.
  void Set(int from, int to, const Path& path);
  void SetAll(const Path& path);
  void Silence(int from, int to) override { Set(from, to, {.mode = silence_}); }
  void Heal() override { SetAll({}); }

  // How many pieces had a bit flipped.
  uint64_t flipped() const;

 private:
  class Impl;
  const Path::Mode silence_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace e2e
