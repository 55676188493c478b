#include "test/sim/machines.h"

#include <deque>
#include <map>
#include <sstream>
#include <string>
#include <utility>

namespace zkq::sim {
namespace {

// "ID VERB KEY REST…" or "VERB KEY".
struct Words {
  std::string verb, key, first, second;
};
Words Split(std::string_view text, bool has_id) {
  std::istringstream in{std::string(text)};
  std::string id;
  Words words;
  if (has_id) in >> id;
  in >> words.verb >> words.key >> words.first >> words.second;
  return words;
}

class Kv final : public StateMachine {
 public:
  absl::StatusOr<std::string> Apply(const Transaction& txn) override {
    const Words words = Split(txn.command, /*has_id=*/true);
    const auto found = map_.find(words.key);
    if (words.verb == "put") {
      map_[words.key] = words.first;
      return "";
    }
    if (found == map_.end()) return "0";
    if (words.verb == "del") {
      map_.erase(found);
      return "1";
    }
    if (found->second != words.first) return "0";
    found->second = words.second;
    return "1";
  }
  absl::StatusOr<std::string> Query(std::string_view request) override {
    const auto found = map_.find(Split(request, /*has_id=*/false).key);
    return found == map_.end() ? "-" : "=" + found->second;
  }
  absl::StatusOr<SnapshotJob> Snapshot() override {
    return SnapshotJob([copy = map_](SnapshotWriter& out) {
      for (const auto& [key, value] : copy) {
        if (absl::Status s = out.WriteRecord(key + " " + value); !s.ok()) return s;
      }
      return absl::OkStatus();
    });
  }
  absl::Status Restore(SnapshotReader& in) override {
    map_.clear();
    for (std::string record;;) {
      absl::StatusOr<bool> more = in.ReadRecord(&record);
      if (!more.ok() || !*more) return more.status();
      const size_t space = record.find(' ');
      map_[record.substr(0, space)] = record.substr(space + 1);
    }
  }

 private:
  std::map<std::string, std::string> map_;
};

class Queue final : public StateMachine {
 public:
  absl::StatusOr<std::string> Apply(const Transaction& txn) override {
    const Words words = Split(txn.command, /*has_id=*/true);
    std::deque<std::string>& queue = queues_[words.key];
    if (words.verb == "enq") {
      queue.push_back(words.first);
      return "";
    }
    if (queue.empty()) return "-";
    std::string first = "=" + std::exchange(queue.front(), "");
    queue.pop_front();
    return first;
  }
  absl::StatusOr<std::string> Query(std::string_view) override { return "-"; }
  absl::StatusOr<SnapshotJob> Snapshot() override {
    return SnapshotJob([copy = queues_](SnapshotWriter& out) {
      for (const auto& [name, queue] : copy) {
        for (const std::string& value : queue) {
          if (absl::Status s = out.WriteRecord(name + " " + value); !s.ok()) return s;
        }
      }
      return absl::OkStatus();
    });
  }
  absl::Status Restore(SnapshotReader& in) override {
    queues_.clear();
    for (std::string record;;) {
      absl::StatusOr<bool> more = in.ReadRecord(&record);
      if (!more.ok() || !*more) return more.status();
      const size_t space = record.find(' ');
      queues_[record.substr(0, space)].push_back(record.substr(space + 1));
    }
  }

 private:
  std::map<std::string, std::deque<std::string>> queues_;
};

// Makes the snapshots of another machine large.
class Heavy final : public StateMachine {
 public:
  Heavy(std::unique_ptr<StateMachine> inner, size_t ballast)
      : inner_(std::move(inner)), ballast_(Ballast(ballast)) {}
  absl::StatusOr<std::string> Apply(const Transaction& txn) override { return inner_->Apply(txn); }
  absl::StatusOr<std::string> Query(std::string_view request) override {
    return inner_->Query(request);
  }
  absl::StatusOr<SnapshotJob> Snapshot() override {
    absl::StatusOr<SnapshotJob> job = inner_->Snapshot();
    if (!job.ok()) return job;
    return SnapshotJob([ballast = ballast_, job = *std::move(job)](SnapshotWriter& out) mutable {
      absl::Status written = out.WriteRecord(*ballast);
      return written.ok() ? job(out) : written;
    });
  }
  absl::Status Restore(SnapshotReader& in) override {
    std::string record;
    const absl::StatusOr<bool> more = in.ReadRecord(&record);
    if (!more.ok()) return more.status();
    if (record != *ballast_) return absl::DataLossError("the ballast is not what it was");
    return inner_->Restore(in);
  }

 private:
  static std::shared_ptr<const std::string> Ballast(size_t size) {
    auto ballast = std::make_shared<std::string>(size, '\0');
    for (size_t i = 0; i < size; ++i) (*ballast)[i] = static_cast<char>(i * 2654435761 >> 8);
    return ballast;
  }
  const std::unique_ptr<StateMachine> inner_;
  const std::shared_ptr<const std::string> ballast_;
};

}  // namespace

std::unique_ptr<StateMachine> NewMachine(std::string_view name, size_t ballast) {
  std::unique_ptr<StateMachine> machine;
  if (name == "kv") machine = std::make_unique<Kv>();
  if (name == "queue") machine = std::make_unique<Queue>();
  if (machine == nullptr || ballast == 0) return machine;
  return std::make_unique<Heavy>(std::move(machine), ballast);
}

}  // namespace zkq::sim
