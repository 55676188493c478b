#include "test/e2e/workload.h"

#include <algorithm>

#include "test/e2e/ensemble.h"
#include "test/e2e/process.h"

namespace e2e {
namespace {

std::vector<std::string> RotatedBy(std::vector<std::string> servers, size_t count) {
  std::rotate(servers.begin(), servers.begin() + count % servers.size(), servers.end());
  return servers;
}

}  // namespace

Workload::Workload(std::vector<std::string> servers, int threads, std::string prefix,
                   uint64_t limit)
    : servers_(std::move(servers)), prefix_(std::move(prefix)), limit_(limit) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this, i] { Write(i); });
}

void Workload::WaitForAcknowledged(uint64_t count) {
  WaitFor(std::to_string(count) + " acknowledged writes", [&] { return acknowledged_ >= count; });
}

void Workload::RaiseLimit(uint64_t limit) {
  std::lock_guard lock(mutex_);
  limit_ = limit;
  raised_.notify_all();
}

void Workload::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    raised_.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

bool Workload::Admitted() {
  std::unique_lock lock(mutex_);
  raised_.wait(lock, [this] { return stopping_ || acknowledged_ < limit_; });
  return !stopping_;
}

std::string Workload::NewestKey() {
  std::lock_guard lock(mutex_);
  return newest_key_;
}

void Workload::Record(const std::string& key, const kv::CallResult& result,
                      const std::string& zxid) {
  const Fate fate = result.status.ok() ? Fate::kAcknowledged
                    : result.unknown   ? Fate::kUnknown
                                       : Fate::kRefused;
  std::lock_guard lock(mutex_);
  if (fate == Fate::kRefused && !absl::IsUnavailable(result.status)) {
    dropped_ += key + ": " + result.status.ToString() + "\n";
  }
  fates_[key] = fate;
  if (fate == Fate::kAcknowledged) {
    zxids_[key] = zxid;
    newest_key_ = key;
  }
  ++(fate == Fate::kAcknowledged ? acknowledged_ : fate == Fate::kRefused ? refused_ : unknown_);
}

void Workload::Write(int thread) {
  kv::Client client(RotatedBy(servers_, thread), absl::Seconds(5));
  const std::string prefix = prefix_ + std::to_string(thread) + "/";
  for (uint64_t i = 0; Admitted(); ++i) {
    pb::PutRequest request;
    request.set_key(prefix + std::to_string(i));
    request.set_value(std::to_string(i));
    pb::PutResponse response;
    kv::CallResult result = client.WriteOnce(
        [&](auto& stub, auto* context) { return stub.Put(context, request, &response); });
    Record(request.key(), result, ToString(response.zxid()));
  }
}

std::string Workload::Violations(const std::map<std::string, std::string>& contents) const {
  std::string violations;
  int lines = 0;
  for (const auto& [key, fate] : fates_) {
    const auto item = contents.find(key);
    const bool found = item != contents.end() && item->second == key.substr(key.rfind('/') + 1);
    if (fate == Fate::kUnknown || found == (fate == Fate::kAcknowledged)) continue;
    if (++lines > 10) break;
    violations +=
        key + (found ? ": called not committed, but there\n" : ": acknowledged, but gone\n");
  }
  return violations;
}

std::string Workload::Repeated(kv::Client& client) const {
  std::string repeated;
  int lines = 0;
  for (const auto& [key, zxid] : zxids_) {
    pb::GetRequest request;
    request.set_key(key);
    request.set_serializable(true);
    pb::GetResponse response;
    const kv::CallResult result = client.Read(
        [&](auto& stub, auto* context) { return stub.Get(context, request, &response); });
    const std::string modified = ToString(response.modified());
    if (result.status.ok() && modified == zxid) continue;
    if (++lines > 10) break;
    repeated += key + ": acknowledged at " + zxid + ", there since " + modified + "\n";
  }
  return repeated;
}

}  // namespace e2e
