#include "test/e2e/ensemble.h"

#include <iostream>
#include <set>
#include <stdexcept>

namespace e2e {
namespace {

void Check(const kv::CallResult& result, const std::string& what) {
  if (!result.status.ok()) {
    throw std::runtime_error(what + ": " + result.status.ToString() +
                             (result.unknown ? " (outcome unknown)" : " (not committed)"));
  }
}

}  // namespace

std::vector<Place> OnLoopback(int size) {
  std::vector<Place> places;
  for (int id = 1; id <= size; ++id) {
    const std::string peer_address = "127.0.0.1:" + std::to_string(FreePort());
    places.push_back({.peer_address = peer_address,
                      .listen_address = peer_address,
                      .client_address = "127.0.0.1:" + std::to_string(FreePort())});
  }
  return places;
}

Ensemble::Ensemble(const std::vector<Place>& places, Flags flags) : flags_(std::move(flags)) {
  int id = 0;
  for (const Place& place : places) {
    const std::string base = dir_.path() + "/" + std::to_string(++id);
    servers_[id] = Server{.place = place,
                          .data_dir = base + ".d",
                          .stdout_path = base + ".out",
                          .stderr_path = base + ".err",
                          .readies = 0,
                          .process = nullptr};
  }
}

// A failing test shows what the servers had to say.
Ensemble::~Ensemble() {
  KillAll();
  if (std::uncaught_exceptions() == 0) return;
  for (int id : ids()) std::cerr << "--- stderr of server " << id << "\n" << log(id);
}

Process& Ensemble::Launch(int id, const Flags& more) {
  Server& server = servers_.at(id);
  server.readies = Count(ReadFile(server.stdout_path), "ready ");
  Flags command = {ZKQ_KVD,
                   "--id=" + std::to_string(id),
                   "--ensemble=" + members(),
                   "--listen=" + server.place.client_address,
                   "--peer_listen=" + server.place.listen_address,
                   "--data_dir=" + server.data_dir,
                   "--log=info"};
  command.insert(command.end(), flags_.begin(), flags_.end());
  command.insert(command.end(), more.begin(), more.end());
  server.process = std::make_unique<Process>(command, server.stdout_path, server.stderr_path,
                                             server.place.network);
  server.place.started(server.process->pid());
  return *server.process;
}

void Ensemble::WaitUntilReady(int id) {
  Server& server = servers_.at(id);
  WaitFor("server " + std::to_string(id) + " to be ready", [&] {
    if (!server.process->running()) {
      throw std::runtime_error("server " + std::to_string(id) + " has ended: " + log(id));
    }
    return Count(ReadFile(server.stdout_path), "ready ") > server.readies;
  });
}

void Ensemble::Start(int id, const Flags& more) {
  Launch(id, more);
  WaitUntilReady(id);
}

void Ensemble::StartAll() {
  for (int id : ids()) {
    if (!running(id)) Launch(id);
  }
  for (int id : ids()) WaitUntilReady(id);
}

void Ensemble::Kill(int id) { servers_.at(id).process = nullptr; }

void Ensemble::KillAll() {
  for (auto& [id, server] : servers_) {
    if (server.process != nullptr) server.process->Signal(SIGKILL);
  }
  for (int id : ids()) Kill(id);
}

bool Ensemble::running(int id) const {
  const Server& server = servers_.at(id);
  return server.process != nullptr && server.process->running();
}

std::optional<pb::StatusResponse> Ensemble::Status(int id) const {
  pb::StatusResponse response;
  kv::Client client({address(id)}, absl::Seconds(5));
  if (!running(id) || !client.StatusOf(address(id), &response).ok()) return std::nullopt;
  return response;
}

int Ensemble::WaitForLeader() const {
  uint64_t leader = 0;
  WaitFor("one leader of all running servers", [&] {
    std::set<uint64_t> leaders;
    for (int id : ids()) {
      if (!running(id)) continue;
      std::optional<pb::StatusResponse> status = Status(id);
      if (!status.has_value() || status->role() == "looking") return false;
      leaders.insert(status->leader());
    }
    if (leaders.size() != 1) return false;
    leader = *leaders.begin();
    return leader != 0;
  });
  return static_cast<int>(leader);
}

int Ensemble::Follower() const {
  const int leader = WaitForLeader();
  for (int id : ids()) {
    if (id != leader && running(id)) return id;
  }
  throw std::runtime_error("no follower runs");
}

void Ensemble::WaitUntilEqual() const {
  WaitForLeader();
  WaitFor("equal states of all running servers", [this] {
    std::set<std::string> states;
    for (int id : ids()) {
      if (!running(id)) continue;
      std::optional<pb::StatusResponse> status = Status(id);
      if (!status.has_value()) return false;
      states.insert(ToString(status->applied()));
      states.insert(ToString(status->logged()));
    }
    return states.size() == 1;
  });
}

Contents Ensemble::Read(int id, bool serializable) const {
  kv::Client client = Client(id);
  pb::ListRequest request;
  request.set_serializable(serializable);
  pb::ListResponse page;
  Contents contents;
  do {
    Check(
        client.Read([&](auto& stub, auto* context) { return stub.List(context, request, &page); }),
        "list");
    for (const pb::KeyValue& item : page.items()) {
      contents[item.key()] = item.value();
      request.set_after(item.key());
    }
  } while (page.more());
  return contents;
}

std::vector<int> Ensemble::ids() const {
  std::vector<int> ids;
  for (const auto& [id, server] : servers_) ids.push_back(id);
  return ids;
}

std::vector<std::string> Ensemble::addresses(int first) const {
  std::vector<std::string> addresses;
  for (size_t i = 0; i < servers_.size(); ++i) {
    addresses.push_back(address(static_cast<int>((first - 1 + i) % servers_.size() + 1)));
  }
  return addresses;
}

std::string Ensemble::members() const {
  std::string members;
  for (const auto& [id, server] : servers_) {
    members += (members.empty() ? "" : ",") + std::to_string(id) + "=" + server.place.peer_address;
  }
  return members;
}

void Put(kv::Client& client, const std::string& key, const std::string& value) {
  pb::PutRequest request;
  request.set_key(key);
  request.set_value(value);
  pb::PutResponse response;
  Check(client.Write(
            [&](auto& stub, auto* context) { return stub.Put(context, request, &response); }),
        "put " + key);
}

std::optional<std::string> Get(kv::Client& client, const std::string& key) {
  pb::GetRequest request;
  request.set_key(key);
  pb::GetResponse response;
  Check(
      client.Read([&](auto& stub, auto* context) { return stub.Get(context, request, &response); }),
      "get " + key);
  if (!response.found()) return std::nullopt;
  return response.value();
}

std::string ToString(const pb::Zxid& zxid) {
  return std::to_string(zxid.epoch()) + ":" + std::to_string(zxid.counter());
}

}  // namespace e2e
