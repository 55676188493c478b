#include "lib/core/self.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "lib/core/founding.h"

namespace zkq::core {
namespace {

// Terms come one by one, so a larger jump is no history's.
constexpr uint64_t kEpochJumpMax = 1 << 24;
// By so much less a leader believes its voters than its learners believe a leader: the
// epoch above a promise that it believes must not be absurd to those who have promised
// less than this leader.
constexpr uint64_t kPromiseSlack = kEpochJumpMax / 2;
// No ensemble begins above this.
constexpr Epoch kFirstEpochMax = 0xF000'0000;

// By so much clocks may differ, or move, before it is said: microseconds.
constexpr int64_t kClockSlack = 60'000'000;

std::string Seconds(int64_t micros) { return std::to_string(micros / 1'000'000) + " s"; }

// Enough of an id to see that it is another one, and 0 for none.
uint32_t Short(const Id128& id) {
  if (id == Id128{}) return 0;
  const uint64_t mixed = id.high * 0x9E37'79B9'7F4A'7C15 ^ id.low;
  return static_cast<uint32_t>(mixed ^ mixed >> 32) | 1;
}

// Of what is stored. Before founding: as configured, to know whom to wait for.
Membership KnownCommitted(const HardState& state, const PeerOptions& options) {
  return state.ensemble == EnsembleId{} ? Membership{.members = options.members} : state.config;
}

}  // namespace

Self::Self(PeerOptions given, Recovered recovered)
    : options(std::move(given)),
      state(std::move(recovered.state)),
      memberships(KnownCommitted(state, options), std::move(recovered.reconfigurations),
                  &invariants_),
      history(std::move(recovered.epochs), std::move(recovered.window),
              {.bytes_max = options.window_bytes_max, .txns_max = options.window_txns_max},
              &invariants_),
      outcomes(Origin{.sid = options.self, .boot = state.boot}),
      changes(Origin{.sid = options.self, .boot = state.boot}),
      watermarks({.commit = recovered.commit,
                  .delivered = recovered.applied,
                  .applied = recovered.applied,
                  .snapshot = recovered.base.zxid}),
      writes({.promise = state.accepted, .epoch = state.current}) {
  freshness.Apply(watermarks.applied);
  history.NoteLeaderTime(std::max(recovered.last_leader_time, recovered.base.leader_time));
  if (recovered.base.membership.version > state.config.version) {
    memberships.Adopt(recovered.base.membership);
  }
  memberships.Commit(watermarks.commit);
  TakeConfigs();
}

void Self::TakeConfigs() {
  quorum = Quorum(memberships.configs());
  votes_ = quorum.IsVoter(me());
}

void Self::Adopt(const Membership& committed) {
  memberships.Adopt(committed);
  FollowMemberships();
}

// What is committed is also stored: an adopted configuration stands in no log.
void Self::FollowMemberships() {
  if (followed_ == memberships.changes()) return;
  followed_ = memberships.changes();
  TakeConfigs();
  if (memberships.committed().version <= state.config.version) return;
  const bool was_listed = IsListedIn(state.config);
  SetConfig(memberships.committed());
  Tell(Line::kReconfigured, "the configuration is " + ToString(state.config));
  if (was_listed && !IsListedIn(state.config)) {
    Tell(Line::kLeftOut, "configuration " + ToString(state.config.version) +
                             " has left out this server: it learns on, and does not vote");
  }
  StoreState();
  Emit(Introduce{identity()});
}

bool Self::IsListedIn(const Membership& membership) const {
  const Member* member = FindMember(membership, options.self);
  if (member == nullptr) return false;
  return member->type == MemberType::kObserver || member->disk == state.disk;
}

void Self::SetConfig(Membership committed) {
  state.config = std::move(committed);
  if (IsListedIn(state.config)) state.listed = true;
}

Standing Self::standing() const {
  if (state.ensemble == EnsembleId{}) return Standing::kUnfounded;
  if (memberships.Lists(options.self, state.disk)) return Standing::kMember;
  if (state.listed) return Standing::kRemoved;
  return options.self > kServerIdMax ? Standing::kUnlisted : Standing::kJoining;
}

void Self::Emit(Effect effect) {
  ZKQ_CHECK(effects != nullptr);
  effects->push_back(std::move(effect));
}

void Self::SendTo(const LinkId& link, const Session& session, MessageBody body) {
  Emit(Send{{link}, Message{session, std::move(body)}});
}

WriteId Self::NextWrite() {
  if (Drained()) disk.Begin(now);
  return ++writes.last;
}

bool Self::Syncing() const {
  return !Drained() &&
         disk.StandsStill(now) < LimitOfDisk(Ticks(options.init_limit), disk.slowest());
}

WriteId Self::StoreState() {
  const WriteId write = NextWrite();
  if (std::exchange(writes.promise, state.accepted) != state.accepted) writes.promise_write = write;
  if (std::exchange(writes.epoch, state.current) != state.current) writes.epoch_write = write;
  Emit(core::StoreState{write, state});
  return write;
}

// What an entry proves to be committed is stored before it: who has it, knows that
// (PROTOCOL §10.2), also after a crash.
WriteId Self::Append(std::vector<Txn> txns) {
  memberships.Append(txns);
  FollowMemberships();
  const WriteId write = NextWrite();
  history.Append(write, txns);
  outcomes.Appended(txns);
  changes.Appended(txns);
  Emit(core::Append{write, std::move(txns)});
  return write;
}

WriteId Self::Truncate(Zxid after) {
  const WriteId write = NextWrite();
  history.Truncate(write, after);
  outcomes.Truncated(after);
  changes.Truncated(after);
  memberships.Truncate(after);
  Emit(core::Truncate{write, after});
  FollowMemberships();
  return write;
}

WriteId Self::Install(const SnapshotMeta& installed) {
  const WriteId write = NextWrite();
  history.Install(write, installed.zxid);
  history.NoteLeaderTime(installed.leader_time);
  outcomes.Installed(installed.zxid);
  for (uint64_t tag : changes.Installed(installed.membership.version)) {
    RefuseChange(tag, RejectReason::kUnknown);
  }
  memberships.Install(installed.membership);
  writes.install = write;
  Emit(InstallSnapshot{write, installed.zxid});
  FollowMemberships();
  return write;
}

// An installed snapshot is committed, whatever has become of the session it came in.
void Self::NoteApplied(Zxid through) {
  watermarks.applied = std::max(watermarks.applied, through);
  freshness.Apply(watermarks.applied);
}

void Self::NoteSynced(const Synced& synced) {
  disk.Synced(synced.took, now);
  writes.synced = std::max(writes.synced, synced.through);
  history.Synced(synced.through);
  if (!writes.install || !Durable(*writes.install)) return;
  writes.install.reset();
  Commit(history.begin());
}

void Self::NoteTime(const Tick& tick) {
  const Time passed = std::max(tick.now - now, Time{});
  const int64_t expected = wall + passed.count();
  wall = std::clamp<int64_t>(tick.wall, 0, kLeaderTimeMax);
  now += passed;
  if (expected == 0) return;  // the first
  leader_clock.ahead -= wall - expected;
  if (wall - expected <= kClockSlack) return;
  Tell(Line::kClockSet, "the wall clock was set forward by " + Seconds(wall - expected) +
                            ": so is leader_time while this server leads");
}

Time Self::ClockOff(ServerId leader) const {
  const bool off = leader == leader_clock.leader && std::abs(leader_clock.ahead) > kClockSlack;
  return Time(off ? leader_clock.ahead : 0);
}

void Self::NoteLeaderTime(ServerId leader, int64_t time) {
  leader_clock = {leader, time - wall};
  if (std::abs(time - wall) <= kClockSlack || !terms.other_clocks.insert(leader).second) return;
  Tell(Line::kClockOff,
       "leader_time of server " + ToString(leader) + " is " + Seconds(std::abs(time - wall)) +
           (time > wall ? " ahead of" : " behind") + " this server's clock",
       leader);
}

void Self::Commit(Zxid known) {
  watermarks.commit = std::max(watermarks.commit, std::min(known, history.last()));
  memberships.Commit(watermarks.commit);
  FollowMemberships();
  Deliver();
}

void Self::Deliver() {
  const Zxid through = std::min(watermarks.commit, history.durable());
  if (through <= watermarks.delivered) return;
  Emit(core::Deliver{through, history.Newest(watermarks.delivered, through)});
  watermarks.delivered = through;
  outcomes.Delivered(through);
  CompleteChanges();
}

void Self::CompleteChanges() {
  const Zxid unsettled = memberships.settled() ? Zxid{} : memberships.committed().version;
  for (uint64_t tag :
       changes.TakeDone(watermarks.delivered, memberships.settled_version(), unsettled)) {
    // The entry that settles it may be committed, and not delivered yet.
    Emit(Reconfigured{tag, watermarks.commit, memberships.committed()});
  }
}

void Self::RejectCalls(std::vector<uint64_t> tags, RejectReason reason) {
  if (!tags.empty()) Emit(Reject{std::move(tags), reason});
}

void Self::RefuseWithoutLeader(const Proposed& proposed) {
  RejectCalls(TagsOf(proposed.calls), RejectReason::kNoLeader);
}

void Self::RefuseWithoutLeader(const ReadAsked& asked) {
  RejectCalls(asked.tags, RejectReason::kNoLeader);
}

void Self::RefuseWithoutLeader(const ReconfigureAsked& asked) {
  RefuseChange(asked.tag, RejectReason::kNoLeader);
}

void Self::RefuseChange(uint64_t tag, RejectReason reason, std::string text,
                        std::vector<uint64_t> servers) {
  Emit(RejectChange{tag, reason, std::move(text), std::move(servers)});
}

void Self::ProposeAgain(std::vector<uint64_t> tags, bool sent) {
  if (!tags.empty()) Emit(core::ProposeAgain{std::move(tags), sent});
}

bool Self::TakeRefusal(uint64_t tag, RejectReason reason, std::string text,
                       std::vector<uint64_t> servers) {
  switch (changes.Refused(tag, reason, memberships.newest_version())) {
    case OwnChanges::Fate::kNotOurs:
      return false;
    case OwnChanges::Fate::kRefused:
      RefuseChange(tag, reason, std::move(text), std::move(servers));
      break;
    case OwnChanges::Fate::kDone:
      CompleteChanges();
      break;
    case OwnChanges::Fate::kUnknown:
      RefuseChange(tag, RejectReason::kUnknown);
      break;
  }
  return true;
}

void Self::DecideCalls(uint64_t session) {
  changes.Decide(session);
  Outcomes::Verdict verdict = outcomes.Decide();
  RejectCalls(std::move(verdict.refused), RejectReason::kAbandoned);
  RejectCalls(std::move(verdict.unknown), RejectReason::kUnknown);
  ProposeAgain(std::move(verdict.again), /*sent=*/true);
}

bool Self::EpochIsAbsurd(uint64_t epoch) const {
  const bool begins = history.last() == Zxid{} && state.current == 0;
  if (begins && epoch <= kFirstEpochMax) return false;
  return epoch > state.accepted.epoch + kEpochJumpMax;
}

bool Self::PromiseIsAbsurd(Epoch epoch) const { return EpochIsAbsurd(epoch + kPromiseSlack); }

void Self::CountAsDown(const LinkId& link, const std::string& what) {
  if (!links.CountAsDown(link)) return;
  Tell(Line::kEpochAbsurd,
       "server " + ToString(link.sid) + " " + what + ", far above the " +
           std::to_string(state.accepted.epoch) +
           " that is promised here: it counts as down until its disk is replaced",
       link.sid);
}

bool Self::InEnsemble(const Identity& peer) const {
  return peer.ensemble == state.ensemble && peer.ensemble != EnsembleId{};
}

std::set<MemberId> Self::Linked() const {
  std::set<MemberId> linked;
  for (const auto& [link, peer] : links.all()) {
    if (InEnsemble(peer)) linked.insert({peer.sid, peer.disk});
  }
  return linked;
}

LearnerKind Self::LearnsAs() const {
  if (votes_) return LearnerKind::kFollower;
  const Configs& configs = memberships.configs();
  const Member* entry = FindMember(configs.committed, options.self);
  if (configs.pending) {
    const Member* next = FindMember(*configs.pending, options.self);
    if (next != nullptr) entry = next;
  }
  // Who is not listed knows from its own entry what it is to be.
  const Membership own{.members = options.members};
  if (entry == nullptr) entry = FindMember(own, options.self);
  const bool observer = entry == nullptr || entry->type == MemberType::kObserver;
  return observer ? LearnerKind::kObserver : LearnerKind::kFollower;
}

void Self::Mark(Marks* marks) const {
  const Configs& configs = memberships.configs();
  marks->begin = history.begin();
  marks->last = history.last();
  marks->durable = history.durable();
  marks->commit = watermarks.commit;
  marks->delivered = watermarks.delivered;
  marks->applied = watermarks.applied;
  marks->snapshot = watermarks.snapshot;
  marks->config = configs.committed.version;
  if (configs.pending) marks->pending = configs.pending->version;
  marks->last_write = writes.last;
  marks->synced = writes.synced;
  marks->ensemble = Short(state.ensemble);
  marks->accepted = state.accepted.epoch;
  marks->promised_to = Short({ToInt(state.accepted.leader), state.accepted.boot});
  marks->promise_durable = PromiseIsDurable();
  marks->current = state.current;
  marks->epoch_durable = EpochIsDurable();
}

Identity Self::identity() const {
  const bool founded = state.ensemble != EnsembleId{};
  return {.sid = options.self,
          .boot = state.boot,
          .ensemble = state.ensemble,
          .disk = state.disk,
          .former_disk = state.former_disk,
          .config = founded ? std::optional(state.config.version) : std::nullopt,
          .founding = founded || !options.may_found ? Id128{} : FoundingHash(options.members),
          .seen = seen,
          .election = election,
          .features = options.features,
          .tick = options.tick,
          .init_limit = static_cast<uint32_t>(options.init_limit),
          .sync_limit = static_cast<uint32_t>(options.sync_limit)};
}

}  // namespace zkq::core
