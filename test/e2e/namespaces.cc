#include "test/e2e/namespaces.h"

#include <fcntl.h>
#include <sched.h>

#include <cerrno>
#include <cstring>
#include <sstream>
#include <stdexcept>

namespace e2e {
namespace {

// Only these namespaces know them.
std::string AddressOf(int id) { return "10.77.0." + std::to_string(id); }
constexpr char kHubAddress[] = "10.77.0.254";

// `command` is split at blanks, and run in `network`.
void Do(const Fd& network, const std::string& command) {
  std::istringstream words("/usr/bin/env " + command);
  std::vector<std::string> split;
  for (std::string word; words >> word;) split.push_back(word);
  const Finished finished = Run(split, network.get());
  if (finished.code != 0) throw std::runtime_error(command + ": " + finished.err);
}

// The namespace that the calling thread is in from here on.
Fd EnterNew() {
  if (unshare(CLONE_NEWNET) != 0) {
    throw std::runtime_error(std::string("no new network namespace: ") + std::strerror(errno));
  }
  return Fd(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
}

std::string PathOf(const Fd& network) {
  return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(network.get());
}

}  // namespace

Namespaces::Namespaces(int size) : hub_(EnterNew()) {
  Do(hub_, "ip link set lo up");
  Do(hub_, "ip link add bridge0 type bridge");
  Do(hub_, "ip address add " + std::string(kHubAddress) + "/24 dev bridge0");
  Do(hub_, "ip link set bridge0 up");
  for (int id = 1; id <= size; ++id) Join(id);
}

void Namespaces::Join(int id) {
  const Fd& server = servers_[id] = EnterNew();
  if (setns(hub_.get(), CLONE_NEWNET) != 0) throw std::runtime_error("no way back to the hub");
  const std::string name = "server" + std::to_string(id);
  Do(hub_, "ip link add " + name + " type veth peer name eth0 netns " + PathOf(server));
  Do(hub_, "ip link set " + name + " master bridge0 up");
  Do(server, "ip link set lo up");
  Do(server, "ip address add " + AddressOf(id) + "/24 dev eth0");
  Do(server, "ip link set eth0 up");
  Do(server, "nft add table inet zkq");
  Do(server, "nft add chain inet zkq input { type filter hook input priority 0 ; }");
}

std::vector<Place> Namespaces::places() {
  std::vector<Place> places;
  for (const auto& [id, network] : servers_) {
    places.push_back({.peer_address = AddressOf(id) + ":7100",
                      .listen_address = AddressOf(id) + ":7100",
                      .client_address = AddressOf(id) + ":7200",
                      .network = network.get()});
  }
  return places;
}

void Namespaces::Silence(int from, int to) { Drop(from, to, ""); }

void Namespaces::SwallowLarge(int from, int to) { Drop(from, to, "meta length > 1000"); }

void Namespaces::Drop(int from, int to, const std::string& what) {
  Do(servers_.at(to),
     "nft add rule inet zkq input ip saddr " + AddressOf(from) + " " + what + " drop");
}

void Namespaces::Heal() {
  for (const auto& [id, network] : servers_) Do(network, "nft flush table inet zkq");
}

}  // namespace e2e
