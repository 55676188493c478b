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
      for (const auto& [name, count] : counts)
        status.Update(out.WriteRecord(std::to_string(count) + " " + name));
      return status;
    };
  }
  absl::Status Restore(zkq::SnapshotReader& in) override {
    counts_.clear();
    std::string record;
    for (;;) {
      absl::StatusOr<bool> more = in.ReadRecord(&record);
      if (!more.ok() || !*more) return more.status();
      counts_[record.substr(record.find(' ') + 1)] = std::stoll(record);
    }
  }

 private:
  std::map<std::string, long long, std::less<>> counts_;
};

int main(int argc, char** argv) {
  if (argc != 4) return std::cerr << "usage: zkq-counter ID ENSEMBLE DATA_DIR\n", 2;
  auto members = zkq::ParseMembers(argv[2]);
  if (!members.ok()) return std::cerr << members.status() << "\n", 2;
  auto replica = zkq::Replica::Start({.id = zkq::ServerId(std::strtoull(argv[1], nullptr, 10)),
                                      .members = *members,
                                      .data_dir = argv[3],
                                      .state_machine = std::make_unique<Counters>()});
  if (!replica.ok()) return std::cerr << replica.status() << "\n", 1;
  for (std::string verb, name; std::cin >> verb >> name;) {
    auto reply = verb == "add" ? (*replica)->Propose(name) : (*replica)->Read(name);
    if (reply.ok())
      std::cout << reply->value << std::endl;
    else
      std::cout << reply.status() << std::endl;
  }
}
