// Snapshots that peers fetch over a transport, and a transport's end.
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "lib/testing/conformance/contract_ensemble.h"

namespace zkq::testing {
namespace {

using Factory = TransportWorldFactory;

// A transfer: what its sink was given, and the hold of the last piece. The sink
// may live longer than this.
class Fetch {
 public:
  Fetch() : state_(std::make_shared<State>()) {}
  ~Fetch() { Release(); }

  void Begin(ContractEnsemble& ensemble, ServerId asker, const LinkId& link, uint64_t offset = 0) {
    ensemble[asker].transport().FetchSnapshot(link, {.snapshot = {1, 1}, .offset = offset},
                                              [state = state_, world = &ensemble.world()](
                                                  absl::StatusOr<SnapshotChunk> chunk, Hold hold) {
                                                // Without the hold the next piece may
                                                // come, and the end of this sink with it.
                                                TransportWorld* const waiting = world;
                                                const bool more =
                                                    state->Take(std::move(chunk), &hold);
                                                hold.reset();
                                                waiting->Wake();
                                                return more;
                                              });
  }
  // Keeps the holds until Release.
  void Keep() {
    const std::lock_guard lock(state_->mutex);
    state_->keep = true;
  }
  void Release() {
    Hold released;
    const std::lock_guard lock(state_->mutex);
    state_->keep = false;
    released.swap(state_->hold);
  }

  // Wants no more than the next piece.
  void StopAtNext() {
    const std::lock_guard lock(state_->mutex);
    state_->stop = true;
  }

  bool complete() const { return Get(&State::complete); }
  std::optional<absl::StatusCode> error() const { return Get(&State::error); }
  bool ended() const { return complete() || error().has_value(); }
  std::string bytes() const { return Get(&State::bytes); }
  int pieces() const { return Get(&State::pieces); }
  int calls_after_end() const { return Get(&State::calls_after_end); }

 private:
  struct State {
    // Whether more is wanted.
    bool Take(absl::StatusOr<SnapshotChunk> chunk, Hold* given) {
      const std::lock_guard lock(mutex);
      if (complete || error.has_value() || stopped) ++calls_after_end;
      if (!chunk.ok()) {
        error = chunk.status().code();
        return false;
      }
      bytes += chunk->bytes;
      ++pieces;
      complete = chunk->last;
      stopped = stop;
      if (keep) hold = std::move(*given);
      return !stopped;
    }

    std::mutex mutex;
    std::string bytes = {};
    int pieces = 0;
    bool keep = false;
    bool stop = false;
    bool stopped = false;
    Hold hold = nullptr;
    bool complete = false;
    std::optional<absl::StatusCode> error = {};
    int calls_after_end = 0;
  };
  template <typename Value>
  Value Get(Value State::*member) const {
    const std::lock_guard lock(state_->mutex);
    return (*state_).*member;
  }

  const std::shared_ptr<State> state_;
};

std::string Snapshot() {
  std::string bytes;
  for (int i = 0; bytes.size() < 1'000'000; ++i) bytes += std::to_string(i) + " ";
  return bytes;
}

bool UntilEnded(ContractEnsemble& ensemble, const Fetch& fetch) {
  return ensemble.Until([&] { return fetch.ended(); }, "the transfer does not end");
}
bool UntilFirstPiece(ContractEnsemble& ensemble, const Fetch& fetch) {
  return ensemble.Until([&] { return fetch.pieces() == 1; }, "the first piece does not come");
}

void FetchedWhole(const Factory& factory, Trial* trial) {
  const std::string snapshot = Snapshot();
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo});
  ensemble[kTwo].Serve(snapshot, 200'000);
  if (!ensemble.UntilLinked(kOne, kTwo)) return;
  for (const uint64_t offset : {uint64_t{0}, uint64_t{333'333}, uint64_t{snapshot.size()}}) {
    Fetch fetch;
    fetch.Begin(ensemble, kOne, ensemble.Link(kOne, kTwo), offset);
    if (!UntilEnded(ensemble, fetch)) return;
    trial->Expect(fetch.complete(), "the transfer ends with an error");
    trial->ExpectEqual(fetch.bytes(), snapshot.substr(offset), "what is fetched");
    trial->ExpectEqual(fetch.calls_after_end(), 0, "the number of calls after the end");
  }
}

void WrongSnapshot(const Factory& factory, Trial* trial) {
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo});
  Fetch fetch;
  if (!ensemble.UntilLinked(kOne, kTwo)) return;
  fetch.Begin(ensemble, kTwo, ensemble.Link(kTwo, kOne));
  if (!UntilEnded(ensemble, fetch)) return;
  trial->Expect(fetch.error() == absl::StatusCode::kNotFound,
                "another end than the kNotFound that was replied");
  trial->ExpectEqual(ensemble[kOne].downs(kTwo), 0, "the number of links that went down");
}

void NextPiece(const Factory& factory, Trial* trial) {
  const std::string snapshot = Snapshot();
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo});
  Fetch fetch;
  fetch.Keep();
  ensemble[kTwo].Serve(snapshot, 50'000);
  if (!ensemble.UntilLinked(kOne, kTwo)) return;
  fetch.Begin(ensemble, kOne, ensemble.Link(kOne, kTwo));
  if (!UntilFirstPiece(ensemble, fetch)) return;
  ensemble.world().Settle();
  trial->ExpectEqual(fetch.pieces(), 1, "the number of pieces given");
  trial->Expect(ensemble[kTwo].snapshot_questions() <= 2,  // one piece may be read ahead
                "more than one piece is read ahead");
  fetch.Release();
  if (!UntilEnded(ensemble, fetch)) return;
  trial->ExpectEqual(fetch.bytes(), snapshot, "what is fetched");
}

void WantsNoMore(const Factory& factory, Trial* trial) {
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo});
  Fetch fetch;
  fetch.StopAtNext();
  ensemble[kTwo].Serve(Snapshot(), 50'000);
  if (!ensemble.UntilLinked(kOne, kTwo)) return;
  fetch.Begin(ensemble, kOne, ensemble.Link(kOne, kTwo));
  if (!UntilFirstPiece(ensemble, fetch)) return;
  ensemble.world().Settle();
  trial->ExpectEqual(fetch.calls_after_end(), 0, "the number of calls after the end");
  trial->Expect(ensemble[kTwo].snapshot_questions() <= 2,  // one piece may be read ahead
                "the peer is asked for more");
  trial->ExpectEqual(ensemble[kOne].downs(kTwo), 0, "the number of links that went down");
}

void EndsWithLink(const Factory& factory, Trial* trial) {
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo});
  Fetch fetch;
  fetch.Keep();
  ensemble[kTwo].Serve(Snapshot(), 50'000);
  if (!ensemble.UntilLinked(kOne, kTwo)) return;
  const LinkId link = ensemble.Link(kOne, kTwo);
  fetch.Begin(ensemble, kOne, link);
  if (!UntilFirstPiece(ensemble, fetch)) return;
  ensemble[kOne].transport().DropLink(link);
  if (!UntilEnded(ensemble, fetch)) return;
  trial->Expect(fetch.error().has_value(), "the transfer ends without an error");
  fetch.Release();
  ensemble.world().Settle();
  trial->ExpectEqual(fetch.calls_after_end(), 0, "the number of calls after the end");
}

void OnDeadLink(const Factory& factory, Trial* trial) {
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo});
  ensemble[kTwo].Serve(Snapshot(), 50'000);
  Fetch fetch;
  if (!ensemble.UntilLinked(kOne, kTwo)) return;
  LinkId dead = ensemble.Link(kOne, kTwo);
  ++dead.seq;
  fetch.Begin(ensemble, kOne, dead);
  if (!UntilEnded(ensemble, fetch)) return;
  trial->Expect(fetch.error().has_value(), "the transfer ends without an error");
}

// --- the end --------------------------------------------------------------------

void AfterShutdown(const Factory& factory, Trial* trial) {
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo, kThree});
  if (!ensemble.UntilLinked(kOne, kTwo) || !ensemble.UntilLinked(kTwo, kThree)) return;
  for (uint64_t i = 1; i <= 1000; ++i) {
    ensemble[kOne].Send(kTwo, Numbered(i, 100));
    ensemble[kTwo].Send(kThree, Numbered(i, 100));
  }
  ensemble[kTwo].Shutdown();  // a later call to its receiver is a violation
  for (const ServerId sid : {kOne, kThree}) {
    const auto knows = [&] { return !ensemble[sid].link(kTwo).has_value(); };
    if (!ensemble.Until(knows, "the link stays at " + ToString(sid))) return;
  }
  ensemble[kTwo].Shutdown();
  ensemble.world().Settle();
}

void NeverStarted(const Factory& factory, Trial*) {
  const std::unique_ptr<TransportWorld> world = factory({});
  world->NewTransport(kOne)->Shutdown();
}

void CutOff(const Factory& factory, Trial* trial) {
  ContractEnsemble ensemble(factory, trial, {kOne, kTwo});
  Fetch fetch;
  ensemble[kTwo].Serve(Snapshot(), 50'000);
  if (!ensemble.UntilLinked(kOne, kTwo)) return;
  ensemble[kTwo].HoldAll();
  fetch.Begin(ensemble, kOne, ensemble.Link(kOne, kTwo));
  for (uint64_t i = 1; i <= 500; ++i) ensemble[kOne].Send(kTwo, Numbered(i, 64 << 10));
  ensemble[kOne].transport().Notify(kTwo, {.round = 1});
  ensemble.Stop(kOne);
  const bool ended = fetch.ended();
  const int pieces = fetch.pieces();
  ensemble[kTwo].Release();
  ensemble.world().Settle();
  trial->Expect(fetch.ended() == ended && fetch.pieces() == pieces,
                "a sink is called after Shutdown");
}

}  // namespace

Claims<TransportCheck> SnapshotClaims() {
  return {
      {"a snapshot is fetched whole, or from an offset on", FetchedWhole},
      {"the error of a snapshot reaches the peer that asked", WrongSnapshot},
      {"the next piece is read when the one before is let go", NextPiece},
      {"a sink that wants no more is called no more", WantsNoMore},
      {"a snapshot's transfer ends with its link, once", EndsWithLink},
      {"a snapshot asked for on a dead link is refused", OnDeadLink},
  };
}

Claims<TransportCheck> EndClaims() {
  return {
      {"after Shutdown no call comes, and the peers know", AfterShutdown},
      {"a transport that was never started can be shut down", NeverStarted},
      {"a transport cut off in the middle of everything shuts down cleanly", CutOff},
  };
}

}  // namespace zkq::testing
