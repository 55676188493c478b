// A QuorumTransport between replicas of one process on real threads: no faults,
// no encoding, and every promise of zkq/quorum_transport.h.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "lib/runtime/strand.h"
#include "zkq/quorum_transport.h"

namespace zkq::runtime {

class LoopbackNetwork : public std::enable_shared_from_this<LoopbackNetwork> {
 public:
  static std::shared_ptr<LoopbackNetwork> New();
  ~LoopbackNetwork();
  std::unique_ptr<QuorumTransport> NewTransport();

 private:
  class Transport;
  // One process that runs. Its receiver is called on its strand only.
  struct Station {
    Identity self;
    QuorumTransport::Receiver* receiver = nullptr;
    std::unique_ptr<Strand> strand;
    std::map<ServerId, uint64_t> links;              // by the peer at the other end
    std::map<ServerId, Notification> announcements;  // for each peer, newest
  };
  using Stations = std::map<ServerId, Station>;

  LoopbackNetwork();
  // All with the lock held.
  Station* Other(ServerId self, const LinkId& link);
  void Connect(Station* a, Station* b);
  void Disconnect(Station* a, ServerId b);
  void ConnectAll();
  void ConnectSoon();
  template <typename Call>
  static void Tell(Station* station, Call call);

  std::mutex mutex_;
  Stations stations_;
  uint64_t seq_ = 0;
  std::shared_ptr<Executor> executor_;
};

}  // namespace zkq::runtime
