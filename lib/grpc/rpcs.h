// Rpcs: the RPCs that are alive, on both sides, so that a shutdown can cancel them
// and wait for their end: gRPC ends a cancelled one within a few milliseconds.
//
// And what is left of those that have ended: a channel must not be destroyed on a
// thread of gRPC's, because the last one of a process joins those threads (1.51
// aborts then). So a channel goes to Env's blocking executor to die.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "zkq/env.h"

namespace zkq::transport {

class Rpc {
 public:
  virtual ~Rpc() = default;
  // Makes the RPC end soon. It is alive: it leaves the registry before its
  // context dies.
  virtual void Cancel() = 0;

  uint64_t rpc_id = 0;  // given by the registry, never to another one
};

// Thread-safe.
class Rpcs : public std::enable_shared_from_this<Rpcs> {
 public:
  // Before the first RPC.
  void Start(std::shared_ptr<Executor> blocking) { blocking_ = std::move(blocking); }

  // False, and not added: no calls are taken any more.
  [[nodiscard]] bool Add(Rpc* rpc) {
    const std::lock_guard lock(mutex_);
    if (stopped_) return false;
    rpc->rpc_id = ++last_id_;
    alive_[rpc->rpc_id] = rpc;
    return true;
  }
  // Where calls are begun: making a channel takes a while.
  void RunBlocking(Executor::Task task) { blocking_->Run(std::move(task)); }
  // At the RPC's end. Waits for a Cancel of it that is running. `remains` is
  // what must not be destroyed on this thread: maybe the RPC itself, so that it
  // must not be touched from here on.
  void Remove(uint64_t rpc_id, std::shared_ptr<void> remains = nullptr) {
    const bool sweep = remains != nullptr;
    {
      const std::lock_guard lock(mutex_);
      alive_.erase(rpc_id);
      if (sweep) remains_.push_back(std::move(remains));
      if (alive_.empty()) none_.notify_all();
    }
    if (sweep) blocking_->Run([self = shared_from_this()] { self->Sweep(); });
  }
  // If it is still alive.
  void Cancel(uint64_t rpc_id) {
    const std::lock_guard lock(mutex_);
    const auto rpc = alive_.find(rpc_id);
    if (rpc != alive_.end()) rpc->second->Cancel();
  }
  // Takes no more RPCs, and cancels those that are alive.
  void Stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    for (const auto& [id, rpc] : alive_) rpc->Cancel();
  }
  // Waits for the end of all, and until nothing of them is left.
  void AwaitNone(std::chrono::milliseconds timeout) {
    {
      std::unique_lock lock(mutex_);
      none_.wait_for(lock, timeout, [this] { return alive_.empty(); });
    }
    Sweep();
    std::unique_lock lock(mutex_);
    none_.wait_for(lock, timeout, [this] { return sweeping_ == 0; });
  }

 private:
  void Sweep() {
    std::vector<std::shared_ptr<void>> remains;
    std::unique_lock lock(mutex_);
    remains.swap(remains_);
    ++sweeping_;
    lock.unlock();
    remains.clear();
    lock.lock();
    if (--sweeping_ == 0) none_.notify_all();
  }

  std::shared_ptr<Executor> blocking_;
  std::mutex mutex_;
  std::condition_variable none_;
  std::map<uint64_t, Rpc*> alive_;
  std::vector<std::shared_ptr<void>> remains_;
  int sweeping_ = 0;  // threads that destroy remains
  uint64_t last_id_ = 0;
  bool stopped_ = false;
};

}  // namespace zkq::transport
