// Named counters, durable and replicated; the shell is standard input:
//   zkq-counter 1 1=127.0.0.1:7001,2=127.0.0.1:7002,3=127.0.0.1:7003 counter1.d
#include <iostream>
#include <map>

#include "zkq/zkq.h"

class Counters : public zkq::StateMachine {
 public:
  absl::StatusOr<std::string> Apply(const zkq::Transaction& txn) override {
    return std::to_string(++counts_[std::string(txn.command)]);
  }
  absl::StatusOr<std::string> Query(std::string_view name) override {
    auto counter = counts_.find(name);
    return std::to_string(counter == counts_.end() ? 0 : counter->second);
  }
  absl::StatusOr<zkq::SnapshotJob> Snapshot() override {
    return [counts = counts_](zkq::SnapshotWriter& out) {
      absl::Status status;
      for (auto& [name, n] : counts) status.Update(out.WriteRecord(std::to_string(n) + " " + name));
      return status;
    };
  }
  absl::Status Restore(zkq::SnapshotReader& in) override {
    counts_.clear();
    for (std::string record;;) {
      absl::StatusOr<bool> more = in.ReadRecord(&record);
      if (!more.ok() || !*more) return more.status();
      counts_[record.substr(record.find(' ') + 1)] = std::strtoll(record.c_str(), nullptr, 10);
    }
  }

 private:
  std::map<std::string, long long, std::less<>> counts_;
};

absl::Status Run(zkq::ServerId id, const char* ensemble, const char* data_dir) {
  auto members = zkq::ParseMembers(ensemble);
  if (!members.ok()) return members.status();
  auto replica = zkq::Replica::Start({.id = id,
                                      .members = *members,
                                      .data_dir = data_dir,
                                      .state_machine = std::make_unique<Counters>(),
                                      .log_sink = zkq::StderrLogSink()});
  if (!replica.ok()) return replica.status();
  absl::Status ready = (*replica)->WaitForLeader(absl::InfiniteDuration());
  for (std::string verb, name; ready.ok() && std::cin >> verb >> name;) {
    auto reply = verb == "add" ? (*replica)->Propose(name) : (*replica)->Read(name);
    std::cout << (reply.ok() ? reply->value : reply.status().ToString()) << std::endl;
  }
  return ready;
}

int main(int argc, char** argv) {
  absl::Status status = absl::InvalidArgumentError("usage: zkq-counter ID ENSEMBLE DATA_DIR");
  if (argc == 4) status = Run(zkq::ServerId{std::strtoull(argv[1], nullptr, 10)}, argv[2], argv[3]);
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
