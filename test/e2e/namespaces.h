// Namespaces: a network namespace for each server and one for this process, joined by a
// bridge. So it is the kernel's TCP that suffers from what is cut: packets are lost, data is
// sent again with back-off, SYNs find nobody. All of it is gone with this process.
//
// Needs root, and the commands ip and nft.
#pragma once

#include <map>
#include <string>

#include "test/e2e/network.h"
#include "test/e2e/sockets.h"

namespace e2e {

class Namespaces final : public Network {
 public:
  // Moves the calling thread into a namespace of its own, and so the threads that it starts
  // later. Throws std::runtime_error where the machine does not allow it.
  explicit Namespaces(int size);

  std::vector<Place> places() override;
  void Silence(int from, int to) override;
  void Heal() override;
  // No packet of more than 1,000 bytes that `from` sends reaches `to`, and nobody is told.
  void SwallowLarge(int from, int to);

 private:
  void Join(int id);
  // What comes from `from` and is as nft's `what` says.
  void Drop(int from, int to, const std::string& what);

  Fd hub_;
  std::map<int, Fd> servers_;
};

}  // namespace e2e
