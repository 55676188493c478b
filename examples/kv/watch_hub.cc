#include "watch_hub.h"

#include <utility>

namespace kv {

// gRPC calls the On… methods on its threads; Push and End come from the hub. At
// most one write or finish is under way. The thread that has claimed it under the hub's
// mutex starts it once the mutex is released: gRPC is never called with it held.
class WatchHub::Watcher final : public grpc::ServerWriteReactor<pb::WatchEvent> {
 public:
  Watcher(WatchHub* hub, std::string prefix) : hub_(hub), prefix_(std::move(prefix)) {}

  // With the mutex held: true if the caller must then call Advance().
  bool Push(const Event& event) {
    if (end_.has_value() || event->key().compare(0, prefix_.size(), prefix_) != 0) return false;
    backlog_.push_back(event);
    backlog_bytes_ += event->ByteSizeLong();
    if (backlog_.size() > kBacklogEventsMax || backlog_bytes_ > kBacklogBytesMax) {
      return End({grpc::StatusCode::RESOURCE_EXHAUSTED,
                  "changes were lost because they were read too slowly: list again"});
    }
    return Claim();
  }

  // With the mutex held: true if the caller must then call Advance().
  bool End(const grpc::Status& status) {
    if (end_.has_value()) return false;
    end_ = status;
    backlog_.clear();
    return Claim();
  }

  // Starts what comes next. Only for the thread that has claimed it, without the mutex.
  void Advance() {
    std::unique_lock lock(hub_->mutex_);
    writing_ = nullptr;
    if (end_.has_value()) {
      lock.unlock();
      Finish(*end_);
    } else if (backlog_.empty()) {
      busy_ = false;
    } else {
      writing_ = std::move(backlog_.front());
      backlog_.pop_front();
      backlog_bytes_ -= writing_->ByteSizeLong();
      lock.unlock();
      StartWrite(writing_.get());
    }
  }

  void OnSendInitialMetadataDone(bool) override { Advance(); }
  void OnWriteDone(bool ok) override {
    if (!ok) Abandon();
    Advance();
  }
  void OnCancel() override {
    if (Abandon()) Advance();
  }
  void OnDone() override {
    {
      std::lock_guard lock(hub_->mutex_);
      hub_->watchers_.erase(this);
    }
    delete this;
  }

 private:
  bool Claim() { return !std::exchange(busy_, true); }
  bool Abandon() {
    std::lock_guard lock(hub_->mutex_);
    return End(grpc::Status::CANCELLED);
  }

  WatchHub* const hub_;
  const std::string prefix_;
  // Guarded by the hub's mutex, but `writing_` and a set `end_` do not change
  // while claimed.
  bool busy_ = true;  // claimed; at first by the initial metadata
  Event writing_;
  std::deque<Event> backlog_;
  size_t backlog_bytes_ = 0;
  std::optional<grpc::Status> end_;
};

grpc::ServerWriteReactor<pb::WatchEvent>* WatchHub::Watch(std::string prefix) {
  auto* watcher = new Watcher(this, std::move(prefix));
  {
    std::lock_guard lock(mutex_);
    watchers_.insert(watcher);
    if (closed_) watcher->End(*closed_);
  }
  watcher->StartSendInitialMetadata();
  return watcher;
}

void WatchHub::OnChange(pb::WatchEvent::Kind kind, const std::string& key, const std::string& value,
                        zkq::Zxid zxid) {
  std::vector<Watcher*> claimed;
  {
    std::lock_guard lock(mutex_);
    if (watchers_.empty()) return;
    auto event = std::make_shared<pb::WatchEvent>();
    event->set_kind(kind);
    event->set_key(key);
    event->set_value(value);
    *event->mutable_zxid() = ToProto(zxid);
    for (Watcher* watcher : watchers_) {
      if (watcher->Push(event)) claimed.push_back(watcher);
    }
  }
  for (Watcher* watcher : claimed) watcher->Advance();
}

void WatchHub::OnRestore() {
  EndAll({grpc::StatusCode::ABORTED, "this server has installed a snapshot: list again"});
}

void WatchHub::Close(const std::string& why) {
  const grpc::Status status(grpc::StatusCode::UNAVAILABLE, why);
  {
    std::lock_guard lock(mutex_);
    if (!closed_) closed_ = status;
  }
  EndAll(status);
}

void WatchHub::EndAll(const grpc::Status& status) {
  std::vector<Watcher*> claimed;
  {
    std::lock_guard lock(mutex_);
    for (Watcher* watcher : watchers_) {
      if (watcher->End(status)) claimed.push_back(watcher);
    }
  }
  for (Watcher* watcher : claimed) watcher->Advance();
}

}  // namespace kv
