// Writes under way while servers come and go, and what became of each.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "examples/kv/client.h"

namespace e2e {

// Each thread puts one key after the other, each key once and never again, at
// whichever server answers. So each acknowledged key must be found for ever, and
// each that was called "not committed" never.
class Workload {
 public:
  // Keys begin with `prefix`. Writes go on until `limit` are acknowledged.
  Workload(std::vector<std::string> servers, int threads, std::string prefix, uint64_t limit);
  ~Workload() { Stop(); }

  // Waits until at least so many writes are acknowledged.
  void WaitForAcknowledged(uint64_t count);
  void RaiseLimit(uint64_t limit);
  // Ends the writes; those under way get their outcome.
  void Stop();

  // A key whose write is acknowledged, the newest; "" if there is none yet.
  std::string NewestKey();

  uint64_t acknowledged() const { return acknowledged_; }
  uint64_t refused() const { return refused_; }
  uint64_t unknown() const { return unknown_; }
  // After Stop. Writes that a server took and then failed as "not committed", a line each; what
  // was refused for want of a leader was not taken.
  const std::string& dropped() const { return dropped_; }

  // After Stop. What `contents` says about these writes that must not be: a line
  // each, the first few; "" if nothing.
  std::string Violations(const std::map<std::string, std::string>& contents) const;
  // After Stop. Acknowledged keys that were written by another transaction than the one that
  // was acknowledged, so twice; as Violations.
  std::string Repeated(kv::Client& client) const;

 private:
  enum class Fate { kAcknowledged, kRefused, kUnknown };

  void Write(int thread);
  bool Admitted();
  void Record(const std::string& key, const kv::CallResult& result, const std::string& zxid);

  const std::vector<std::string> servers_;
  const std::string prefix_;
  std::atomic<uint64_t> acknowledged_ = 0;
  std::atomic<uint64_t> refused_ = 0;
  std::atomic<uint64_t> unknown_ = 0;

  std::mutex mutex_;
  std::condition_variable raised_;
  uint64_t limit_;
  bool stopping_ = false;
  std::map<std::string, Fate> fates_;
  std::map<std::string, std::string> zxids_;  // of the acknowledged
  std::string newest_key_;
  std::string dropped_;

  std::vector<std::thread> threads_;
};

}  // namespace e2e
