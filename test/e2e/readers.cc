#include "test/e2e/readers.h"

#include <chrono>

namespace e2e {

Readers::Readers(const Ensemble& ensemble, Workload& load) : load_(load) {
  for (int id : ensemble.ids()) {
    threads_.emplace_back([this, id, address = ensemble.address(id)] { Read(id, address); });
  }
}

void Readers::Stop() {
  stopping_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Readers::Read(int id, const std::string& address) {
  kv::Client client({address}, absl::Seconds(1));
  while (!stopping_) {
    pb::GetRequest request;
    request.set_key(load_.NewestKey());
    pb::GetResponse response;
    const kv::CallResult result = client.Read(
        [&](auto& stub, auto* context) { return stub.Get(context, request, &response); });
    // So that reads leave room for writes.
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    if (!result.status.ok() || request.key().empty()) continue;
    ++succeeded_;
    if (response.found()) continue;
    std::lock_guard lock(mutex_);
    stale_ += "server " + std::to_string(id) + " does not find " + request.key() + "\n";
  }
}

}  // namespace e2e
