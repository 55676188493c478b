// In which order, and until when, the receiver is called.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/functional/any_invocable.h"

namespace zkq::link {

// Lets calls to the receiver through until it is closed: after Close() none runs and
// none begins.
class Gate {
 public:
  // True: inside, until Leave.
  bool Enter();
  void Leave();
  // Waits for those inside, so it must not be called from there.
  void Close();

 private:
  std::mutex mutex_;
  std::condition_variable left_;
  int inside_ = 0;
  bool closed_ = false;
};

// Runs tasks one at a time, in the order in which they were added, on whichever
// thread drains it. All calls about one peer go through one queue: so a link
// is down at the receiver before the next one to the same peer is up.
//
// Bound: a link adds a frame only after its last one was delivered.
class SerialQueue {
 public:
  using Task = absl::AnyInvocable<void() &&>;
  explicit SerialQueue(std::shared_ptr<Gate> gate) : gate_(std::move(gate)) {}

  // Runs nothing; may be called with locks held.
  void Add(Task task);
  // Runs what was added, unless another thread is at it: then that one does.
  void Drain();
  // Drains, and waits until nothing is left or running.
  void Settle();
  // Nothing waits or runs.
  bool idle();

 private:
  const std::shared_ptr<Gate> gate_;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::vector<Task> tasks_;
  bool running_ = false;
};

}  // namespace zkq::link
