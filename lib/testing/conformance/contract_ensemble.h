// What the claims of the transports' conformance suite share: processes that know
// each other, and the messages they send.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/testing/conformance/claims.h"
#include "lib/testing/conformance/contract_peer.h"

namespace zkq::testing {

inline constexpr ServerId kOne{1}, kTwo{2}, kThree{3};
inline constexpr EnsembleId kEnsemble{.high = 7, .low = 7};

Identity IdentityOf(ServerId sid, uint64_t boot = 1, EnsembleId ensemble = kEnsemble);

// The two ends of a link, and both ways to look at one.
struct Ends {
  ServerId here{};
  ServerId there{};
};
inline constexpr Ends kBothWays[] = {{kOne, kTwo}, {kTwo, kOne}};

// A message that tells its number and has about so many bytes.
MessageBody Numbered(uint64_t number, size_t bytes = 0);
uint64_t NumberOf(const Message& message);  // 0: has none

// Started processes. Each one's story is checked when it ends.
class ContractEnsemble {
 public:
  ContractEnsemble(const TransportWorldFactory& factory, Trial* trial,
                   const std::vector<ServerId>& sids, const TransportWorldOptions& options = {});
  ~ContractEnsemble();
  ContractEnsemble(const ContractEnsemble&) = delete;
  ContractEnsemble& operator=(const ContractEnsemble&) = delete;

  TransportWorld& world() { return *world_; }
  // Of a process that was not stopped.
  ContractPeer& operator[](ServerId sid) { return *peers_.at(sid); }

  // A process in place of the one before of that sid, which ends.
  void Start(const Identity& self);
  void Stop(ServerId sid);

  // Waits for condition(), and expects it: `seen` says what is so without it.
  bool Until(absl::FunctionRef<bool()> condition, std::string_view seen);
  // One link is up at both ends, and it is not `old` (of `a`). Asked at once: between two
  // questions the old link may go down.
  bool Linked(ServerId a, ServerId b, const LinkId& old = {});
  bool UntilLinked(ServerId a, ServerId b);
  // `to` has had so many messages of its present link to `from`.
  bool UntilReceived(ServerId to, ServerId from, size_t count);
  // The link of `a` to `b` that is up; without one it names none.
  LinkId Link(ServerId a, ServerId b) { return peers_.at(a)->link(b).value_or(LinkId{}); }

 private:
  void End(ContractPeer& peer);

  const std::unique_ptr<TransportWorld> world_;
  Trial& trial_;
  const std::vector<ServerId> sids_;
  std::map<ServerId, std::unique_ptr<ContractPeer>> peers_;
};

using TransportCheck = void (*)(const TransportWorldFactory& factory, Trial* trial);
// In the order of the header.
Claims<TransportCheck> LinkClaims();
Claims<TransportCheck> MessageClaims();  // and notifications
Claims<TransportCheck> BoundClaims();
Claims<TransportCheck> MembershipClaims();
Claims<TransportCheck> SnapshotClaims();
Claims<TransportCheck> QuestionClaims();
Claims<TransportCheck> EndClaims();

}  // namespace zkq::testing
