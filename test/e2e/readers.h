// Linearizable reads under way, one thread a server, of what a Workload writes.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "test/e2e/ensemble.h"
#include "test/e2e/workload.h"

namespace e2e {

// Each asks its server for the newest key that was acknowledged before it asks. So each read
// that succeeds must find it, whatever the server has been cut off from.
class Readers {
 public:
  // Both outlive it.
  Readers(const Ensemble& ensemble, Workload& load);
  ~Readers() { Stop(); }
  void Stop();

  uint64_t succeeded() const { return succeeded_; }
  // After Stop. Reads that missed what they had to find, a line each; "" if none.
  const std::string& stale() const { return stale_; }

 private:
  void Read(int id, const std::string& address);

  Workload& load_;
  std::atomic<bool> stopping_ = false;
  std::atomic<uint64_t> succeeded_ = 0;
  std::mutex mutex_;
  std::string stale_;
  std::vector<std::thread> threads_;
};

}  // namespace e2e
