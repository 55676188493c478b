// What the links of a transport carry, and how much of it may wait.
#include <algorithm>
#include <string>
#include <utility>

#include "lib/testing/conformance/contract_ensemble.h"
#include "zkq/wire.h"

namespace zkq::testing {
namespace {

using Factory = TransportWorldFactory;

// --- messages -------------------------------------------------------------------

// One of each kind, full and empty ones. Zab before control: both kinds of ping
// come last, and overtake nothing.
std::vector<MessageBody> ZabBodies() {
  const Zxid z{4, 17};
  const Txn txn = EncodeTxn(z, {4, 16}, TxnKind::kCommand, {kTwo, 3, 9}, 5, std::string("a\0b", 3));
  const Txn next = EncodeTxn({4, 18}, z, TxnKind::kNoop, {}, 6, "");
  const Payload command{std::string("\0\xff", 2)};
  return {FollowerInfo{.accepted = {.epoch = 4, .leader = kOne, .boot = 8},
                       .current = 3,
                       .last = z,
                       .look_seq = 5,
                       .config = {1, 2},
                       .kind = LearnerKind::kObserver},
          FollowerInfo{},
          LeaderInfo{.epoch = 5, .decided = true},
          AckEpoch{.current = 0, .last = z, .base = {2, 2}, .table = {{1, 9}, {4, 17}}},
          AckEpoch{},
          Diff{z},
          Trunc{.after = {3, 1}, .last = z},
          Snap{z},
          NewLeader{.last = z, .commit = {4, 2}},
          UpToDate{.commit = {4, 2}, .last_proposed = z},
          Proposal{{txn, next}, {4, 17}},
          Proposal{{next}},
          Ack{{5, 0}},
          Commit{z},
          Request{{MakeCall(1, command), MakeCall(~uint64_t{0}, {})}},
          Refusal{.tags = {1, 2}, .reason = RejectReason::kUnknown},
          ReadIndex{{3, 4}},
          ReadIndexReply{.tags = {3, 4}, .at = z},
          SessionEnd{SessionEndReason::kLeaving}};
}

void EveryKind(const Factory& factory, Trial* trial) {
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo});
  if (!ensemble.UntilLinked(kOne, kTwo)) return;
  std::vector<Message> sent;
  for (const MessageBody& body : ZabBodies()) sent.push_back({.session = {9, 4}, .body = body});
  const size_t zab = sent.size();
  sent.push_back({.session = {1, 2}, .body = Ping{.seq = 7, .commit = {4, 17}}});
  sent.push_back(
      {.session = {1, 2},
       .body = Pong{.seq = 7, .durable = {4, 17}, .applied = {4, 1}, .installing = true}});
  for (size_t i = 0; i < sent.size(); ++i) {
    if (i == zab && !ensemble.UntilReceived(kTwo, kOne, zab)) return;
    const LinkId link = ensemble.Link(kOne, kTwo);
    ensemble[kOne].transport().Send(std::span(&link, 1), sent[i]);
  }
  if (!ensemble.UntilReceived(kTwo, kOne, sent.size())) return;
  const std::vector<Message> got = ensemble[kTwo].messages(kOne);
  const auto [there, wanted] = std::mismatch(got.begin(), got.end(), sent.begin(), sent.end());
  if (there == got.end() || wanted == sent.end()) return;
  trial->Expect(false, "\"" + ToString(*there) + "\" where \"" + ToString(*wanted) + "\" was sent");
}

void ThousandsInOrder(const Factory& factory, Trial* trial) {
  constexpr uint64_t kCount = 3000;
  const auto size_of = [](uint64_t i) -> size_t {
    return i % 500 == 0 ? 700'000 : i % 97 == 0 ? 262'144 : i % 7 * 100;
  };
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo});
  if (!ensemble.UntilLinked(kOne, kTwo)) return;
  for (uint64_t i = 1; i <= kCount; ++i) {
    ensemble[kOne].Send(kTwo, Numbered(i, size_of(i)));
    ensemble[kTwo].Send(kOne, Numbered(i, size_of(i)));
  }
  for (const auto& [here, there] : kBothWays) {
    if (!ensemble.UntilReceived(here, there, kCount)) return;
    uint64_t expected = 0;
    for (const Message& message : ensemble[here].messages(there)) {
      if (!trial->ExpectEqual(NumberOf(message), ++expected, "the number of the next message"))
        return;
      trial->Expect(message.body == Numbered(expected, size_of(expected)), "a changed message");
    }
  }
}

void SeveralPeers(const Factory& factory, Trial* trial) {
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo, kThree});
  if (!ensemble.UntilLinked(kOne, kTwo) || !ensemble.UntilLinked(kOne, kThree)) return;
  const LinkId links[] = {ensemble.Link(kOne, kTwo), ensemble.Link(kOne, kThree)};
  ensemble[kOne].transport().Send(links, {.body = Numbered(1)});
  for (const ServerId sid : {kTwo, kThree}) ensemble.UntilReceived(sid, kOne, 1);
}

void PingsInOrder(const Factory& factory, Trial* trial) {
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo});
  if (!ensemble.UntilLinked(kOne, kTwo)) return;
  constexpr uint64_t kCount = 300;
  for (uint64_t i = 1; i <= kCount; ++i) {
    ensemble[kOne].Send(kTwo, Numbered(i, 10'000));
    ensemble[kOne].Send(kTwo, Ping{.seq = i});
  }
  if (!ensemble.UntilReceived(kTwo, kOne, 2 * kCount)) return;
  uint64_t pings = 0, others = 0;
  for (const Message& message : ensemble[kTwo].messages(kOne)) {
    const Ping* ping = std::get_if<Ping>(&message.body);
    if (ping != nullptr) {
      trial->ExpectEqual(ping->seq, ++pings, "the number of the next ping");
    } else {
      trial->ExpectEqual(NumberOf(message), ++others, "the number of the next message");
    }
  }
}

void AnswersInside(const Factory& factory, Trial* trial) {
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo});
  ContractPeer& echo = ensemble[kTwo];
  echo.React([&echo](const LinkId& link, const Message& message) {
    echo.transport().Send(std::span(&link, 1), message);
  });
  if (!ensemble.UntilLinked(kOne, kTwo)) return;
  for (uint64_t i = 1; i <= 100; ++i) ensemble[kOne].Send(kTwo, Numbered(i));
  if (!ensemble.UntilReceived(kOne, kTwo, 100)) return;
  trial->Expect(ensemble[kOne].messages(kTwo) == ensemble[kTwo].messages(kOne),
                "answers that differ from what was sent");
}

void DeadLink(const Factory& factory, Trial* trial) {
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo});
  if (!ensemble.UntilLinked(kOne, kTwo)) return;
  const LinkId old = ensemble.Link(kOne, kTwo), old_there = ensemble.Link(kTwo, kOne);
  const auto send_to_old = [&](uint64_t number) {
    ensemble[kOne].transport().Send(std::span(&old, 1), {.body = Numbered(number)});
  };
  for (uint64_t i = 1; i <= 100; ++i) send_to_old(i);
  ensemble[kOne].transport().DropLink(old);
  for (uint64_t i = 101; i <= 200; ++i) send_to_old(i);
  const auto replaced = [&] { return ensemble.Linked(kOne, kTwo, old); };
  if (!ensemble.Until(replaced, "no newer link comes up")) return;
  send_to_old(201);
  ensemble[kOne].Send(kTwo, Numbered(1000));
  const auto arrived = [&] { return ensemble[kTwo].received(kOne) > 0; };
  if (!ensemble.Until(arrived, "nothing arrives on the next link")) return;
  trial->ExpectEqual(NumberOf(ensemble[kTwo].messages(kOne).front()), 1000u,
                     "the number of the first message on the next link");
  // What the old link still carried is a beginning of what was sent before.
  uint64_t expected = 0;
  for (const Message& message : ensemble[kTwo].messages(old_there)) {
    trial->ExpectEqual(NumberOf(message), ++expected, "the number of the next message");
  }
  trial->Expect(expected <= 100, "a message that was sent after the link was dropped");
}

void CountsBytes(const Factory& factory, Trial* trial) {
  constexpr size_t kBytes = 100'000;
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo});
  if (!ensemble.UntilLinked(kOne, kTwo)) return;
  ensemble[kOne].Send(kTwo, Numbered(1, kBytes));
  if (!ensemble.UntilReceived(kTwo, kOne, 1)) return;
  const LinkCounters sender = ensemble[kOne].transport().counters();
  const LinkCounters receiver = ensemble[kTwo].transport().counters();
  if (sender == LinkCounters{} && receiver == LinkCounters{}) return;
  trial->Expect(sender.bytes_written >= kBytes && sender.frames_written > 0,
                "less counted at the sender than was sent");
  trial->Expect(receiver.bytes_read >= kBytes && receiver.frames_read > 0,
                "less counted at the receiver than has come");
}

// --- notifications --------------------------------------------------------------

void BeginsWithNewest(const Factory& factory, Trial* trial) {
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo});
  const Notification full{.vote = {.epoch = 1, .zxid = {1, 2}, .leader = kTwo},
                          .round = 3,
                          .state = PeerState::kLeading,
                          .config = Zxid{1, 1},
                          .look_seq = 4,
                          .quorum_connected = true,
                          .amnesic = true};
  ensemble.Stop(kTwo);
  ensemble[kOne].transport().Notify(kTwo, {.round = 1});
  ensemble[kOne].transport().Notify(kTwo, full);
  ensemble.Start(IdentityOf(kTwo, 2));
  for (int life = 0; life < 3; ++life) {
    if (!ensemble.UntilLinked(kOne, kTwo)) return;
    const LinkId link = ensemble.Link(kTwo, kOne);
    const auto told = [&] { return !ensemble[kTwo].notifications(link).empty(); };
    if (!ensemble.Until(told, "a link without the announcement")) return;
    const Notification first = ensemble[kTwo].notifications(link).front();
    trial->Expect(first == full, "\"" + ToString(first) + "\", not \"" + ToString(full) + "\"");
    ensemble[kOne].transport().DropLink(ensemble.Link(kOne, kTwo));
    const auto gone = [&] { return ensemble[kTwo].link(kOne) != link; };
    if (!ensemble.Until(gone, "the dropped link stays")) return;
  }
}

void LastArrives(const Factory& factory, Trial* trial) {
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo});
  if (!ensemble.UntilLinked(kOne, kTwo)) return;
  constexpr uint64_t kCount = 1000;
  const LinkId link = ensemble.Link(kTwo, kOne);
  for (uint64_t i = 1; i <= kCount; ++i) ensemble[kOne].transport().Notify(kTwo, {.round = i});
  const auto last_came = [&] {
    const std::vector<Notification> got = ensemble[kTwo].notifications(link);
    return !got.empty() && got.back().round == kCount;
  };
  if (!ensemble.Until(last_came, "the last one does not arrive")) return;
  const std::vector<Notification> got = ensemble[kTwo].notifications(link);
  trial->Expect(std::is_sorted(got.begin(), got.end(),
                               [](const auto& a, const auto& b) { return a.round < b.round; }),
                "an older one after a newer");
}

// --- bounds ---------------------------------------------------------------------

constexpr size_t kPiece = 64 << 10;
constexpr size_t kBound = 1 << 20;

void ExpectNoDowns(ContractEnsemble& ensemble, Trial* trial) {
  trial->ExpectEqual(ensemble[kOne].downs(kTwo), 0, "the number of links that went down");
}

void HoldsLess(const Factory& factory, Trial* trial) {
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo}, {.inbound_bytes_max = kBound});
  if (!ensemble.UntilLinked(kOne, kTwo)) return;
  ensemble[kTwo].HoldAll();
  for (uint64_t i = 1; i <= 8; ++i) ensemble[kOne].Send(kTwo, Numbered(i, kPiece));
  if (!ensemble.UntilReceived(kTwo, kOne, 8)) return;
  ensemble[kTwo].Release();
  // What was released counts no more: far more than the bound passes in all.
  for (uint64_t i = 9; i <= 200; ++i) ensemble[kOne].Send(kTwo, Numbered(i, kPiece));
  ensemble.UntilReceived(kTwo, kOne, 200);
  ExpectNoDowns(ensemble, trial);
}

void ReadingWaits(const Factory& factory, Trial* trial) {
  constexpr uint64_t kCount = 100;
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo},
                            {.outbound_bytes_max = 64 << 20, .inbound_bytes_max = kBound});
  if (!ensemble.UntilLinked(kOne, kTwo)) return;
  ensemble[kTwo].HoldAll();
  for (uint64_t i = 1; i <= kCount; ++i) ensemble[kOne].Send(kTwo, Numbered(i, kPiece));
  const auto full = [&] { return ensemble[kTwo].held_bytes() > kBound - kPiece; };
  if (!ensemble.Until(full, "less than the bound arrives")) return;
  ensemble.world().Settle();
  const size_t held = ensemble[kTwo].held_bytes();
  trial->Expect(held <= kBound + 2 * kPiece,
                std::to_string(held) + " bytes arrive, for a bound of " + std::to_string(kBound));
  ensemble[kTwo].Release();
  ensemble.UntilReceived(kTwo, kOne, kCount);
  ExpectNoDowns(ensemble, trial);
}

void TakenCountsNot(const Factory& factory, Trial* trial) {
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo}, {.outbound_bytes_max = kBound});
  if (!ensemble.UntilLinked(kOne, kTwo)) return;
  for (uint64_t i = 1; i <= 100; ++i) {
    ensemble[kOne].Send(kTwo, Numbered(i, kPiece));
    if (!ensemble.UntilReceived(kTwo, kOne, i)) return;
  }
  ExpectNoDowns(ensemble, trial);
}

void TooSlow(const Factory& factory, Trial* trial) {
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo},
                            {.outbound_bytes_max = kBound, .inbound_bytes_max = kBound});
  if (!ensemble.UntilLinked(kOne, kTwo)) return;
  ensemble[kTwo].HoldAll();
  const LinkId link = ensemble.Link(kOne, kTwo);
  // Beyond both bounds only what lies in between, such as socket buffers, fits.
  for (uint64_t sent = 0; sent < 1000 && ensemble[kOne].downs(kTwo) == 0;) {
    const Message message{.body = Numbered(++sent, kPiece)};
    ensemble[kOne].transport().Send(std::span(&link, 1), message);
  }
  for (const auto& [here, there] : kBothWays) {
    const auto down = [&, here = here, there = there] { return ensemble[here].downs(there) == 1; };
    if (!ensemble.Until(down, "the link stays at " + ToString(here))) return;
  }
  ensemble[kTwo].Release();
  if (!ensemble.UntilLinked(kOne, kTwo)) return;
  ensemble[kOne].Send(kTwo, Numbered(1));
  ensemble.UntilReceived(kTwo, kOne, 1);
}

void HoldOutlives(const Factory& factory, Trial* trial) {
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo});
  if (!ensemble.UntilLinked(kOne, kTwo)) return;
  ensemble[kTwo].HoldAll();
  ensemble[kOne].Send(kTwo, Numbered(1));
  if (!ensemble.UntilReceived(kTwo, kOne, 1)) return;
  ensemble[kTwo].Shutdown();
  ensemble[kTwo].Release();
}

}  // namespace

Claims<TransportCheck> MessageClaims() {
  return {
      {"every kind of message arrives as it was sent", EveryKind},
      {"thousands of messages of all sizes arrive in order, both ways at once", ThousandsInOrder},
      {"one message goes to several peers", SeveralPeers},
      {"pings keep their own order beside everything else", PingsInOrder},
      {"a receiver may answer from inside its calls", AnswersInside},
      {"what is sent to a dead link is dropped, and never reaches the next one", DeadLink},
      {"what is carried is counted, or nothing is", CountsBytes},
      {"a new link begins with the newest announcement, and with no older one", BeginsWithNewest},
      {"of many announcements the last one always arrives, and none after a newer", LastArrives},
  };
}

Claims<TransportCheck> BoundClaims() {
  return {
      {"a receiver that holds less than the bound goes on receiving", HoldsLess},
      {"reading waits while more than the bound is held, and the link stays", ReadingWaits},
      {"what a peer has taken counts no more towards its bound", TakenCountsNot},
      {"a peer too slow for the bound loses its link, and gets a new one", TooSlow},
      {"a hold may outlive its transport", HoldOutlives},
  };
}

}  // namespace zkq::testing
