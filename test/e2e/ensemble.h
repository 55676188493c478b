// Real zkq-kvd processes on loopback, in a directory of their own.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "examples/kv/client.h"
#include "test/e2e/process.h"

namespace e2e {

namespace pb = zkq::kv::v1;
using Contents = std::map<std::string, std::string>;
using Flags = std::vector<std::string>;

// Where one server stands in the network of a test.
struct Place {
  std::string peer_address;    // in everybody's list of members
  std::string listen_address;  // for the other servers
  std::string client_address;
  int network = -1;  // the namespace it runs in (setns); -1: that of this process
  // Told of the process at each start.
  std::function<void(pid_t)> started = [](pid_t) {};
};
// Ports of 127.0.0.1, and nothing between the servers.
std::vector<Place> OnLoopback(int size);

// Servers are called by their id, from 1. What a server says on stderr stands in
// log(id). Failures are std::runtime_error. One thread, but see client().
class Ensemble {
 public:
  // `flags` are given to each server at each start.
  explicit Ensemble(int size, Flags flags = {}) : Ensemble(OnLoopback(size), std::move(flags)) {}
  // The first place is server 1's.
  explicit Ensemble(const std::vector<Place>& places, Flags flags = {});
  ~Ensemble();

  // Starts a server that does not run and waits until it serves.
  void Start(int id, const Flags& more = {});
  void StartAll();
  // Starts it without waiting for anything.
  Process& Launch(int id, const Flags& more = {});
  void WaitUntilReady(int id);
  void Kill(int id);
  void KillAll();
  bool running(int id) const;
  Process& process(int id) { return *servers_.at(id).process; }

  // None: it does not answer.
  std::optional<pb::StatusResponse> Status(int id) const;
  // Waits until every running server follows one leader, and returns it.
  int WaitForLeader() const;
  // Some running server that does not lead.
  int Follower() const;
  // Waits until all running servers have applied the same, and that is all there is.
  void WaitUntilEqual() const;

  // What the server has applied, read from it alone.
  Contents Read(int id, bool serializable) const;

  std::vector<int> ids() const;
  // Client ports, of all servers, those of `first` first.
  std::vector<std::string> addresses(int first = 1) const;
  std::string address(int id) const { return servers_.at(id).place.client_address; }
  std::string members() const;
  std::string data_dir(int id) const { return servers_.at(id).data_dir; }
  std::string log(int id) const { return ReadFile(servers_.at(id).stderr_path); }
  // A client of the server `id`, or of all of them.
  kv::Client Client(int id) const { return kv::Client({address(id)}, absl::FromChrono(kDeadline)); }
  kv::Client Client() const { return kv::Client(addresses(), absl::FromChrono(kDeadline)); }

 private:
  struct Server {
    Place place;
    std::string data_dir;
    std::string stdout_path;
    std::string stderr_path;
    int readies = 0;  // "ready" lines seen so far
    std::unique_ptr<Process> process;
  };

  const TempDir dir_;
  const Flags flags_;
  std::map<int, Server> servers_;
};

// Calls that must succeed.
void Put(kv::Client& client, const std::string& key, const std::string& value);
std::optional<std::string> Get(kv::Client& client, const std::string& key);

std::string ToString(const pb::Zxid& zxid);

}  // namespace e2e
