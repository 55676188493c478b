#include "test/sim/clients.h"

#include <algorithm>
#include <utility>

namespace zkq::sim {

using testing::Operation;

namespace {

constexpr uint64_t kPatientOneIn = 8;  // writes

}  // namespace

void Clients::Begin(testing::SimCluster* cluster) {
  cluster_ = cluster;
  for (int client = 1; client <= options_.clients; ++client) CallSoon(client);
}

void Clients::CallSoon(int client) {
  if (ended_) return;
  // Mostly a pause, now and then none at all: calls that follow at once race best.
  absl::Duration pause = absl::ZeroDuration();
  if (random_.Below(4) != 0) {
    pause = options_.pause_max * (static_cast<double>(random_.Below(1000)) / 1000);
  }
  cluster_->scheduler().After(pause, [this, client] { CallNow(client); });
}

// Half of the calls go to the leader, by its own word: one that has been left behind and
// does not know it yet is where a call does most harm.
ServerId Clients::SomeServer() {
  const std::vector<ServerId>& all = cluster_->servers();
  const ServerId any = all[random_.Below(all.size())];
  if (random_.Below(2) == 0) return any;
  std::vector<ServerId> leaders;
  for (const ServerId sid : all) {
    if (cluster_->server(sid).up() && cluster_->server(sid).Status().state == PeerState::kLeading) {
      leaders.push_back(sid);
    }
  }
  return leaders.empty() ? any : leaders[random_.Below(leaders.size())];
}

void Clients::CallNow(int client) {
  if (ended_) return;
  const ServerId sid = SomeServer();
  if (!cluster_->server(sid).up()) return CallSoon(client);
  Call* call = nullptr;
  if (!options_.queue && random_.Below(3) == 0) {
    const std::string key = "k" + std::to_string(random_.Below(options_.keys));
    call = Record(client, key, "get");
    return cluster_->server(sid).Read("get " + key, options_.timeout, Finish(call, client));
  }
  std::string command = Write(client, &call);
  call->sid = sid;
  // Some wait for as long as it takes: what else becomes of a call, its deadline would hide.
  const absl::Duration timeout =
      commands_ % kPatientOneIn == 0 ? absl::InfiniteDuration() : options_.timeout;
  cluster_->server(sid).Propose(std::move(command), timeout, Finish(call, client));
}

std::string Clients::Write(int client, Call** call) {
  const std::string id = std::to_string(++commands_);
  const std::string key = "k" + std::to_string(random_.Below(options_.keys));
  const std::string value = "v" + id;
  std::string verb, rest;
  if (options_.queue) {
    verb = random_.Below(2) == 0 ? "enq" : "deq";
    if (verb == "enq") rest = " " + value;
  } else {
    switch (random_.Below(5)) {
      case 0:
        verb = "del";
        break;
      case 1:
        verb = "cas";
        rest = " v" + std::to_string(1 + random_.Below(commands_)) + " " + value;
        break;
      default:
        verb = "put";
        rest = " " + value;
    }
  }
  *call = Record(client, key, verb + rest);
  return id + " " + verb + " " + key + rest + Padding();
}

// No machine reads it. Mostly nothing, now and then enough for several sectors.
std::string Clients::Padding() {
  if (random_.Below(6) != 0) return "";
  return " . . " + std::string(random_.Below(3000), '.');
}

Clients::Call* Clients::Record(int client, std::string key, std::string input) {
  calls_.push_back({.operation = {.key = std::move(key),
                                  .called = cluster_->now(),
                                  .returned = absl::InfiniteDuration(),
                                  .input = std::move(input),
                                  .output = std::nullopt,
                                  .client = static_cast<uint64_t>(client)}});
  return &calls_.back();
}

testing::SimServer::Done Clients::Finish(Call* call, int client) {
  return [this, call, client](absl::StatusOr<Reply> result) {
    ++completed_;
    call->done = true;
    call->timed_out = absl::IsDeadlineExceeded(result.status());
    if (result.ok()) {
      call->operation.returned = cluster_->now();
      call->operation.output = result->value;
    } else {
      // A read that failed says nothing; a write that was refused did nothing.
      call->has_effect = call->operation.input != "get" &&
                         GetErrorInfo(result.status()).outcome == Outcome::kUnknown;
    }
    if (client > 0) CallSoon(client);
  };
}

bool Clients::Succeeds(absl::FunctionRef<const Call&()> make, absl::Duration limit) {
  const absl::Duration deadline = cluster_->now() + limit;
  while (cluster_->now() < deadline && !cluster_->violation()) {
    const Call& made = make();
    cluster_->RunUntil([&] { return made.done; }, options_.timeout * 2);
    if (made.operation.output) return true;
    cluster_->RunFor(absl::Milliseconds(50));  // a refusal takes no time
  }
  return false;
}

bool Clients::WriteThroughEach(const std::vector<ServerId>& servers, absl::Duration limit) {
  return std::all_of(servers.begin(), servers.end(), [&](ServerId sid) {
    return Succeeds([&]() -> const Call& { return WriteNow(sid); }, limit);
  });
}

const Clients::Call& Clients::ReadNow(ServerId sid, const std::string& key) {
  Call* const call = Record(/*client=*/0, key, "get");
  cluster_->server(sid).Read("get " + key, options_.timeout, Finish(call, 0));
  return *call;
}

bool Clients::ReadThroughEach(const std::vector<ServerId>& servers, absl::Duration limit) {
  if (options_.queue) return true;  // whoever looks at one changes it
  for (const ServerId sid : servers) {
    for (int key = 0; key < options_.keys; ++key) {
      const std::string name = "k" + std::to_string(key);
      if (!Succeeds([&]() -> const Call& { return ReadNow(sid, name); }, limit)) return false;
    }
  }
  return true;
}

const Clients::Call& Clients::WriteNow(ServerId sid) {
  Call* call = nullptr;
  std::string command = Write(/*client=*/0, &call);
  cluster_->server(sid).Propose(std::move(command), options_.timeout, Finish(call, 0));
  return *call;
}

bool Clients::AllAnswered(const std::vector<ServerId>& servers) {
  constexpr int kWrites = 8;
  for (const ServerId sid : servers) {
    std::vector<const Call*> made;
    for (int i = 0; i < kWrites; ++i) made.push_back(&WriteNow(sid));
    const auto all = [&] {
      return std::all_of(made.begin(), made.end(), [](const Call* one) { return one->done; });
    };
    const auto timed_out = [](const Call* one) { return one->timed_out; };
    if (!cluster_->RunUntil(all, options_.timeout * 2)) return cluster_->violation().has_value();
    if (std::any_of(made.begin(), made.end(), timed_out)) return false;
  }
  return true;
}

bool Clients::AllTold(const std::vector<ServerId>& servers, absl::Duration limit) {
  const auto waits = [&](const Call& call) {
    return !call.done && std::find(servers.begin(), servers.end(), call.sid) != servers.end();
  };
  return cluster_->RunUntil([&] { return std::none_of(calls_.begin(), calls_.end(), waits); },
                            limit) ||
         cluster_->violation();
}

std::vector<Operation> Clients::History() const {
  std::vector<Operation> history;
  for (const Call& call : calls_) {
    const bool read_of_nothing = call.operation.input == "get" && !call.operation.output;
    if (call.has_effect && !read_of_nothing) history.push_back(call.operation);
  }
  return history;
}

}  // namespace zkq::sim
