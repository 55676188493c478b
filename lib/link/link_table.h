// LinkTable: whom this peer knows, and with whom it has a live link. Admits and
// replaces links by the rules of handshake.h, dials, knocks and tries again: the
// whole QuorumTransport but for the streams themselves. Those that this peer opens it
// asks a Dialler for; those that come in are handed to Accept.
//
// Threads: everything may be called from any thread. One lock guards the table;
// links and queues may be locked inside it, but nothing is called out while it
// is held. The receiver is called inside the call that brings what it is told
// (Link::OnRead, OnReadFailed, OnEnded), or in a task of Env's executor, never inside a
// call of QuorumTransport's part. No thread, clock or chance of its own: all of it is Env's,
// so it runs in virtual time, too, where everything is a task of one thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "lib/base/absl/line_log.h"
#include "lib/link/deliveries.h"
#include "lib/link/dialler.h"
#include "lib/link/handshake.h"
#include "lib/link/live_link.h"
#include "lib/link/peer_addresses.h"
#include "lib/link/questions.h"
#include "lib/link/reach.h"
#include "lib/link/redial.h"
#include "lib/link/refusals.h"
#include "zkq/env.h"
#include "zkq/quorum_transport.h"

namespace zkq::link {

struct TableOptions {
  LinkBounds bounds = {};
  // Servers that are not listed, linked at a time.
  size_t unlisted_max = 64;
  std::shared_ptr<LogSink> log_sink = nullptr;
};

// Streams that have come in and said nothing yet, above which none is taken.
inline constexpr size_t kStrangersMax = 64;
// Servers that are neither listed nor linked, of which something is remembered all the same.
inline constexpr size_t kBygonesMax = 1024;

class ZKQ_EXPORT LinkTable : public std::enable_shared_from_this<LinkTable> {
 public:
  explicit LinkTable(const TableOptions& options);

  // --- QuorumTransport's part, see there ---------------------------------------
  // From now on streams may come in. Of `env`: executor, clock and random, and, for the log sink,
  // the blocking executor.
  void Start(const Env& env, const Identity& self, QuorumTransport::Receiver* receiver);
  // From now on links are dialled too. Call it after the port is bound.
  void StartDialling(std::shared_ptr<Dialler> dialler);
  void SetIdentity(const Identity& self);
  void SetMembers(absl::Span<const Member> members);
  void Send(std::span<const LinkId> to, const Message& message);
  void Notify(ServerId to, const Notification& notification);
  void DropLink(const LinkId& link);
  void FetchSnapshot(const LinkId& link, const SnapshotRequest& request,
                     QuorumTransport::SnapshotSink sink);
  void Ask(ServerId to, Question question, absl::Duration timeout, QuorumTransport::Answer done);
  LinkCounters counters() const { return counters_.Read(); }
  std::vector<LinkState> links();
  // Of how many servers something is remembered.
  size_t known();
  // Takes all links down, and returns when the receiver has been told. It waits for those
  // threads alone that are inside the receiver: where one thread does all, for none.
  void Shutdown();

  // --- for the streams -------------------------------------------------------
  // A stream has come in. An error is what it is to be told, and its end.
  absl::StatusOr<LinkPtr> Accept();
  // The same for one that asks for a snapshot.
  absl::StatusOr<LinkPtr> AcceptTransfer();
  // OK: the caller is going to be dialled. `from` is nothing if it cannot be read.
  absl::Status OnKnock(const std::optional<Identity>& from, ServerId to);
  // A question has come in; its asker has `time_left` for it. `reply` is called once, on any
  // thread, also after Shutdown: with what the receiver says, or with a refusal.
  void OnAsked(AskRequest request, absl::Duration time_left, AskDone reply);
  Executor& executor() { return *env_.executor; }

  // --- for transfers -----------------------------------------------------------
  // Null if it is not live.
  LiveLinkPtr Find(const LinkId& link);
  Identity self();
  // Where a server listens, as the list says, or said when it was there; empty if none has.
  std::string AddressOf(ServerId sid);
  // It has said for what it has come, or has ended.
  void Forget(const LinkPtr& stranger);
  // A transfer found nobody there.
  void OnFetchFailed(ServerId sid, const std::string& address);
  void AskSnapshot(const LiveLinkPtr& link, const SnapshotRequest& request,
                   Deliveries::SnapshotReply reply);
  // Of the sinks, too.
  Gate& gate() { return *gate_; }

  LinkPlace place() { return {*env_.clock, *env_.executor, counters_}; }

  // --- for the links, see Link's Handle… functions -------------------------------
  void OnFrame(const LiveLinkPtr& link, Payload frame);
  void OnBroken(const LiveLinkPtr& link, absl::Status why);
  void OnSilent(const LiveLinkPtr& link, absl::Status why);
  void OnEnded(const LiveLinkPtr& link, absl::Status status);

 private:
  class Answering;
  // Of a seat that is linked with a disk that is not listed, while the one that is listed is not.
  struct Beside {
    absl::Duration since = absl::ZeroDuration();
    absl::Status why = {};  // of the listed one, by the newest attempt; OK: there was none
  };
  struct Peer {
    explicit Peer(std::shared_ptr<Gate> gate)
        : queue(std::make_shared<SerialQueue>(std::move(gate))) {}

    const std::shared_ptr<SerialQueue> queue;
    Seat seat = {};
    bool wanted = false;           // a link with it is
    PeerAddresses addresses = {};  // kept when it leaves the list
    std::string latest = {};       // what was announced to it last, encoded
    LiveLinkPtr live = {};
    DiskId live_disk = {};
    Reach reach = {};
    std::optional<Beside> beside = {};
    bool untold = false;              // in the log: the last change from link to none, or back
    bool tells_later = false;         // a timer runs for that, where a link flaps and is up at last
    Line end_line = Line::kUnlinked;  // of the last link
    uint64_t looked = 0;              // Notification::look_seq, of the newest that was announced
    int silences = 0;                 // in a row, of links over which no large frame had come
    // While an attempt is due: one at a time, or a timer.
    LiveLinkPtr dialling = {};
    DiskId dialling_beside = {};  // the disk that was linked then
    std::string attempted = {};   // the address of the last attempt
    bool knocking = false;
    bool may_dial = false;  // its next attempt, where this end should knock
    // By whom it has been asked to be dialled since the last dial failed.
    std::optional<DiskId> asked_by = {};
    int dial_backs_failed = 0;  // in a row
    Redial redial = {};
    uint64_t timer = 0;  // numbers the timers; only the newest counts
  };

  // A link that was taken out of the table. Once the lock is released, FinishClose
  // closes it and has the receiver told.
  struct Closing {
    LinkPtr link = {};
    std::shared_ptr<SerialQueue> queue = {};  // null: it was never up
    absl::Status why = {};                    // for the peer
  };

  // These with the lock held.
  Peer& PeerOf(ServerId sid);
  void List(absl::Span<const Member> members);
  // What follows for `wanted` where the list or this server is another.
  void Want();
  void ForgetBygones();
  // After what says which disk is linked, or listed.
  void NoteBeside(Peer* peer) const;
  Role OurRole() const;
  Way WayTo(ServerId sid, const Peer& peer) const;
  // There is none, or one with a disk in whose place another is listed.
  static bool LacksLink(const Peer& peer);
  // Nobody was reached by an attempt.
  static void NoteAddressFailed(Peer* peer, bool beside);
  // A link with `disk` is up: is that who asked to be dialled?
  static void NoteDialBack(Peer* peer, bool dialled, const DiskId& disk);
  bool IsDue(ServerId sid, const Peer& peer) const;  // an attempt
  bool IsUnlisted(const Peer& peer) const;           // of one that is linked
  KnownPeer Lookup(ServerId sid) const;
  // `line` tells it in the log.
  Closing TakeLive(ServerId sid, Peer* peer, const absl::Status& why, Line line = Line::kUnlinked);
  void MakeLive(Peer* peer, const LiveLinkPtr& link, const Identity& identity);
  void ScheduleAttempt(ServerId sid, Peer* peer);
  // `why`: what the peer has said, if it was reached.
  void OnDialFailed(ServerId sid, Peer* peer, const absl::Status& why);
  // An attempt has ended with `status`, and there is no link, or one beside which it was made:
  // people are told `why`.
  void NoteFailure(ServerId sid, Peer* peer, const absl::Status& status, absl::Status why);
  // The same, known better.
  static void Explain(Peer* peer, absl::Status why);
  // Why there is no link: nothing has been tried; a knock has ended as `knock` says; the peer
  // does not answer.
  absl::Status NotTried(ServerId sid, const Peer& peer) const;
  static absl::Status NoAddress(ServerId sid);
  absl::Status NotDialledBack(ServerId sid, const Peer& peer, const absl::Status& knock) const;
  absl::Status NoAnswer(const Peer& peer) const;
  // What the log says of a peer.
  std::string Named(ServerId sid, const Peer& peer) const;
  std::string TextOfLink(ServerId sid, const Peer& peer) const;
  std::string TextOfEnd(ServerId sid, const Peer& peer) const;
  // Has a task say in the log what is new of it.
  void TellSoon(ServerId sid);

  void FinishClose(Closing closing);
  absl::Status EndedHere(const absl::Status& why);  // as the peer is told
  void Lose(const LiveLinkPtr& link, const absl::Status& why, Line line);
  void Introduce(const LiveLinkPtr& link, const Identity& self);
  absl::Status TakeIntroduction(const LinkId& link, const Identity& peer);

  // First frames.
  void OnFirst(const LiveLinkPtr& link, Payload frame);
  Judgement Admit(const LiveLinkPtr& link, const Hello& hello, std::vector<Closing>* replaced);
  Judgement Establish(const LiveLinkPtr& link, const HelloAck& ack, std::vector<Closing>* replaced);
  absl::StatusOr<LinkPtr> AddStranger(LinkPtr link);
  void WarnIfFar(LiveLink& link);
  void OnStrangerLate(const LinkPtr& link);
  void OnAttemptLate(const LiveLinkPtr& link);
  void OnNotDialled(const LiveLinkPtr& link, const absl::Status& why);
  void Fetch(const LinkId& link, const SnapshotRequest& request,
             QuorumTransport::SnapshotSink sink);
  // Logs it, and returns what the peer is told.
  absl::Status Refuse(const Identity& peer, const Judgement& why);
  // `peer` has refused us, and this is what it has told.
  void LogRefusedBy(ServerId peer, const absl::Status& told);

  static Asker AskerOf(const Identity& identity);
  static Judgement JudgeQuestion(const Identity& self, const AskRequest& request);
  void AskAt(const std::string& address, ServerId to, Question question, absl::Duration timeout,
             uint64_t id);

  // Tasks of the executor; it holds the table weakly.
  void After(absl::Duration delay, absl::AnyInvocable<void(LinkTable*)> task);
  void MakeAttempt(ServerId sid, uint64_t timer);
  void OnKnockDone(ServerId sid, const absl::Status& status);
  void Tell(ServerId sid);
  void TellLink(ServerId sid);
  void TellLater(ServerId sid);
  void TellUnreachable(ServerId sid);
  void TellOtherDisk(ServerId sid);

  const TableOptions options_;
  Env env_ = {};  // fixed from Start on
  const std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
  const std::shared_ptr<Questions> questions_ = std::make_shared<Questions>(gate_);
  QuorumTransport::Receiver* receiver_ = nullptr;  // fixed from Start on
  RunningCounters counters_;
  Deliveries deliveries_;
  LineLog log_;

  std::mutex mutex_;
  Identity self_ = {};
  bool running_ = false;                        // between Start and Shutdown
  std::shared_ptr<Dialler> dialler_ = nullptr;  // between StartDialling and Shutdown
  uint64_t last_seq_ = 0;                       // of the streams dialled
  std::map<ServerId, Peer> peers_;
  std::vector<LinkPtr> strangers_;  // accepted, not admitted; at most kStrangersMax
};

}  // namespace zkq::link
