#include <algorithm>
#include <utility>
#include <vector>

#include "lib/testing/conformance/contract_ensemble.h"
#include "zkq/testing/conformance.h"

namespace zkq::testing {
namespace {

using Factory = TransportWorldFactory;

// --- links ----------------------------------------------------------------------

void OneLinkEach(const Factory& factory, Trial* trial) {
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo, kThree});
  const Ends pairs[] = {{kOne, kTwo}, {kOne, kThree}, {kTwo, kThree}};
  for (const auto& [a, b] : pairs) {
    if (!ensemble.UntilLinked(a, b)) return;
  }
  ensemble.world().Settle();
  for (const auto& [a, b] : pairs) {
    for (const auto& [here, there] : {Ends{a, b}, Ends{b, a}}) {
      ContractPeer& peer = ensemble[here];
      trial->ExpectEqual(peer.ups(there), 1, "the number of links");
      trial->ExpectEqual(peer.downs(there), 0, "the number of links that went down");
      trial->ExpectEqual(peer.ups(here), 0, "the number of links to itself");
      trial->Expect(peer.seen(there) == IdentityOf(there), "another identity at the other end");
    }
  }
}

void AddressInUse(const Factory& factory, Trial* trial) {
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo});
  ContractPeer second(&ensemble.world(), IdentityOf(kOne, 2));
  const absl::Status started = second.Start();
  trial->Expect(started.code() == absl::StatusCode::kUnavailable,
                "Start says " + started.ToString());
}

void DroppedLink(const Factory& factory, Trial* trial) {
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo});
  for (const auto& [here, there] : kBothWays) {
    if (!ensemble.UntilLinked(kOne, kTwo)) return;
    const LinkId old = ensemble.Link(here, there), old_there = ensemble.Link(there, here);
    ensemble[here].transport().DropLink(old);
    const auto replaced = [&, here = here, there = there] {
      return ensemble.Linked(kOne, kTwo) && ensemble.Link(here, there) > old &&
             ensemble.Link(there, here) > old_there;
    };
    if (!ensemble.Until(replaced, "no newer link comes up at both ends")) return;
  }
}

void DroppedTwice(const Factory& factory, Trial* trial) {
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo});
  if (!ensemble.UntilLinked(kOne, kTwo)) return;
  const LinkId old = ensemble.Link(kOne, kTwo);
  ensemble[kOne].transport().DropLink(old);
  const auto replaced = [&] { return ensemble.Linked(kOne, kTwo, old); };
  if (!ensemble.Until(replaced, "no newer link comes up")) return;
  const int ups = ensemble[kOne].ups(kTwo);
  ensemble[kOne].transport().DropLink(old);
  ensemble[kOne].Send(kTwo, Numbered(1));
  ensemble.UntilReceived(kTwo, kOne, 1);
  trial->ExpectEqual(ensemble[kOne].ups(kTwo), ups, "the number of links so far");
}

void NewLife(const Factory& factory, Trial* trial) {
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo, kThree});
  for (const ServerId restarted : {kOne, kThree}) {
    if (!ensemble.UntilLinked(restarted, kTwo)) return;
    ensemble.Start(IdentityOf(restarted, 2));
    const auto linked = [&] {
      return ensemble.Link(kTwo, restarted).boot == 2 && ensemble.Linked(restarted, kTwo);
    };
    if (!ensemble.Until(linked, "no link to the new life comes up")) return;
    trial->Expect(ensemble[kTwo].seen(restarted) == IdentityOf(restarted, 2),
                  "another identity at the other end");
    trial->ExpectEqual(ensemble[kTwo].downs(restarted), ensemble[kTwo].ups(restarted) - 1,
                       "the number of links that went down");
  }
}

// What is told of `sid`; nothing of another server, if it is not told.
LinkState StateOf(const std::vector<LinkState>& states, ServerId sid) {
  const auto state = std::ranges::find(states, sid, &LinkState::id);
  return state == states.end() ? LinkState{} : *state;
}

void TellsLinks(const Factory& factory, Trial* trial) {
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo, kThree});
  if (!ensemble.UntilLinked(kOne, kTwo) || !ensemble.UntilLinked(kTwo, kThree)) return;
  const auto told = [&] { return ensemble[kTwo].transport().links(); };
  const std::vector<LinkState> first = told();
  if (first.empty()) return;
  trial->Expect(first.size() == 2 && first[0].id == kOne && first[1].id == kThree,
                "others are told than servers 1 and 3, in this order");
  for (const ServerId other : {kOne, kThree}) {
    const auto up = [&] {
      const LinkState state = StateOf(told(), other);
      return state.id == other && state.up && state.error.ok();
    };
    const auto down = [&] {
      const LinkState state = StateOf(told(), other);
      return state.id == other && !state.up && !state.error.message().empty();
    };
    if (!ensemble.Until(up, "a link that is up is not told as up")) return;
    const absl::Duration since = StateOf(told(), other).since;
    ensemble.Stop(other);
    if (!ensemble.Until(down, "a link that is down is not told as down, with a reason")) return;
    trial->Expect(StateOf(told(), other).since >= since, "a link went down before it came up");
    ensemble.Start(IdentityOf(other, 2));
    if (!ensemble.Until(up, "a link that is up again is not told as up")) return;
  }
  ensemble[kTwo].SetMembers({kTwo, kThree});
  const LinkState left = StateOf(told(), kOne);
  trial->Expect(left.id == kOne && left.up && !left.listed,
                "a link to a server that has left the list is not told as such");
  ensemble.Stop(kOne);
  ensemble.Until([&] { return told().size() == 1; },
                 "a server that is neither listed nor linked is told");
}

// --- who may have a link --------------------------------------------------------

void SomebodyElse(const Factory& factory, Trial* trial) {
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo});
  for (const auto& [here, there] : kBothWays) {
    if (!ensemble.UntilLinked(kOne, kTwo)) return;
    const LinkId old = ensemble.Link(here, there);
    Identity identity = IdentityOf(here);
    identity.config = {9, 9};
    ensemble[here].transport().SetIdentity(identity);
    const auto seen = [&, here = here, there = there] {
      return ensemble.Linked(kOne, kTwo) && ensemble[there].seen(here) == identity;
    };
    if (!ensemble.Until(seen, "the other end does not see the new identity")) return;
    trial->Expect(ensemble.Link(here, there) == old, "the link is another one");
  }
}

void AnotherEnsemble(const Factory& factory, Trial* trial) {
  constexpr EnsembleId kForeign{.high = 6, .low = 6};
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo, kThree});
  for (const ServerId foreign : {kThree, kOne}) {
    ensemble.Start(IdentityOf(foreign, 2, kForeign));
    ensemble.world().Settle();
    trial->ExpectEqual(ensemble[foreign].ups(kTwo), 0, "the number of links of the stranger");
    trial->Expect(ensemble[kTwo].seen(foreign) != IdentityOf(foreign, 2, kForeign),
                  "a link to the stranger");
    ensemble[foreign].transport().SetIdentity(IdentityOf(foreign, 2));
    if (!ensemble.UntilLinked(foreign, kTwo)) return;
    trial->Expect(ensemble[kTwo].seen(foreign) == IdentityOf(foreign, 2),
                  "another identity at the other end");
  }
}

void AnotherElection(const Factory& factory, Trial* trial) {
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo, kThree});
  for (const ServerId other : {kThree, kOne}) {
    Identity identity = IdentityOf(other, 2);
    identity.election = "another";
    ensemble.Start(identity);
    ensemble.world().Settle();
    trial->ExpectEqual(ensemble[other].ups(kTwo), 0, "the number of links of the other");
    trial->Expect(ensemble[kTwo].seen(other) != identity, "a link to the other");
  }
}

void NoEnsemble(const Factory& factory, Trial* trial) {
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo, kThree});
  ensemble.Start(IdentityOf(kThree, 2, {}));
  ensemble.Start(IdentityOf(kOne, 2, {}));
  const auto seen = [&] {
    return ensemble[kTwo].seen(kThree) == IdentityOf(kThree, 2, {}) &&
           ensemble[kThree].seen(kOne) == IdentityOf(kOne, 2, {});
  };
  ensemble.Until(seen, "no links to peers without an ensemble");
}

// One message each way between the two.
bool Talk(ContractEnsemble* ensemble, ServerId a, ServerId b) {
  const size_t heard = (*ensemble)[a].received(b), said = (*ensemble)[b].received(a);
  (*ensemble)[a].Send(b, Numbered(1));
  (*ensemble)[b].Send(a, Numbered(2));
  return ensemble->UntilReceived(a, b, heard + 1) && ensemble->UntilReceived(b, a, said + 1);
}

// Such a server has dialled, so that it may have the smaller id as well as the larger.
void Unlisted(const Factory& factory, Trial* trial) {
  for (const ServerId stranger : {kThree, kOne}) {
    for (const EnsembleId ensemble_id : {kEnsemble, EnsembleId{}}) {
      ContractEnsemble ensemble(factory, trial, {kOne, kTwo, kThree});
      const ServerId friend_of_two = stranger == kOne ? kThree : kOne;
      ensemble.Stop(stranger);
      ensemble[kTwo].SetMembers({kTwo, friend_of_two});
      ensemble.Start(IdentityOf(stranger, 2, ensemble_id));
      ensemble[stranger].SetMembers({kTwo, friend_of_two});
      if (!ensemble.UntilLinked(stranger, kTwo)) return;
      trial->Expect(ensemble[kTwo].seen(stranger) == IdentityOf(stranger, 2, ensemble_id),
                    "another identity at the other end");
      if (!Talk(&ensemble, stranger, kTwo)) return;
    }
  }
}

void LeavesTheList(const Factory& factory, Trial* trial) {
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo, kThree});
  for (const ServerId leaver : {kThree, kOne}) {
    if (!ensemble.UntilLinked(leaver, kTwo)) return;
    const LinkId here = ensemble.Link(kTwo, leaver), there = ensemble.Link(leaver, kTwo);
    ensemble[kTwo].SetMembers({kTwo, leaver == kOne ? kThree : kOne});
    ensemble.world().Settle();
    if (!Talk(&ensemble, leaver, kTwo)) return;
    ensemble[kTwo].SetMembers({kOne, kTwo, kThree});
    ensemble.world().Settle();
    if (!Talk(&ensemble, leaver, kTwo)) return;
    trial->Expect(ensemble.Link(kTwo, leaver) == here && ensemble.Link(leaver, kTwo) == there,
                  "the link is another one");
  }
}

const Claims<TransportCheck>& AllTransportClaims() {
  static const Claims<TransportCheck> claims = [] {
    Claims<TransportCheck> all;
    for (const auto& part : {LinkClaims(), MessageClaims(), BoundClaims(), MembershipClaims(),
                             SnapshotClaims(), QuestionClaims(), EndClaims()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return claims;
}

}  // namespace

Claims<TransportCheck> LinkClaims() {
  return {
      {"every two members get one link, and know who is at the other end", OneLinkEach},
      {"an address in use is refused", AddressInUse},
      {"a dropped link is down at both ends, and a newer one follows", DroppedLink},
      {"dropping a link that is gone does not touch its replacement", DroppedTwice},
      {"a process that starts again is linked by its new life", NewLife},
      {"which links are up and why others are not is told truly, or not at all", TellsLinks},
  };
}

Claims<TransportCheck> MembershipClaims() {
  return {
      {"what a peer has become is told on the link that is up", SomebodyElse},
      {"a peer of another ensemble is refused until it belongs to ours", AnotherEnsemble},
      {"a peer with another election strategy is refused", AnotherElection},
      {"a peer without an ensemble is linked: it may be founding", NoEnsemble},
      {"a server that is not listed is linked, with an ensemble or without", Unlisted},
      {"a server that leaves the list keeps its link", LeavesTheList},
  };
}

inline namespace v1 {

absl::Status RunTransportConformance(const TransportWorldFactory& factory, std::string_view claim) {
  return TryClaims(AllTransportClaims(), claim,
                   [&](TransportCheck check, Trial* trial) { check(factory, trial); });
}

std::vector<std::string> TransportClaims() { return NamesOf(AllTransportClaims()); }

}  // namespace v1
}  // namespace zkq::testing
