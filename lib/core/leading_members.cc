// Leading's changes of the configuration (PROTOCOL §10).
//
//   asked for     waits until nothing is under way and its new voters have caught up (change.h)
//   proposed      as an entry like any other. From there on every decision takes a quorum of the
//                 old configuration and one of the new
//   committed     nothing after it is committed in the same breath. A leader that the new
//                 configuration has left out, or moved, commits nothing more: it names a
//                 successor, tells everybody, and goes (§10.3, §10.5; INV-22)
//   settled       a leader that knows it committed says so in an entry. Once that is committed, a
//                 quorum of the new configuration knows by itself, and the change is answered
#include <algorithm>
#include <tuple>
#include <utility>

#include "lib/base/crc32c.h"
#include "lib/base/texts.h"
#include "lib/core/leading.h"
#include "lib/wire/disk.h"

namespace zkq::core {
namespace {

Call OwnCall(uint64_t tag, TxnKind kind, std::string command) {
  Call call{.tag = tag, .command = Payload(std::move(command)), .kind = kind};
  call.command_crc = Crc32c(call.command.view());
  return call;
}

std::vector<uint64_t> Ids(const std::vector<ServerId>& servers) {
  std::vector<uint64_t> ids;
  for (ServerId sid : servers) ids.push_back(ToInt(sid));
  return ids;
}

}  // namespace

// --- asked for -----------------------------------------------------------------------

void Leading::On(const ReconfigureAsked& asked) {
  self_.changes.Add({asked.tag, asked.next, self_.now + asked.time_left});
  AskOwnChanges();
}

void Leading::AskOwnChanges() {
  if (!serving()) return;
  self_.changes.Expire(self_.now);
  for (OwnChanges::Ask& ask : self_.changes.Take(session_)) {
    const Time left = ask.deadline - self_.now;
    changes_.Add({.origin = {self_.options.self, self_.state.boot, ask.tag},
                  .asked = std::move(ask.next),
                  .deadline = ask.deadline - left / 20});
  }
  ConsiderChanges();
}

void Leading::Handle(LearnerProgress* learner, const Reconfigure& asked) {
  const LinkId& link = learner->link();
  if (!learner->served()) return Refuse(link, {asked.tag}, RejectReason::kNoLeader);
  changes_.Add({.asker = link,
                .session = learner->session(),
                .origin = {link.sid, link.boot, asked.tag},
                .asked = asked.next,
                .deadline = self_.now + asked.time_left});
  ConsiderChanges();
}

// A disk that was retired in place names the one before: if that is the listed one, its server
// takes its seat again without being asked (§11.3), once nothing else is under way.
void Leading::ListRetired() {
  if (!MayPropose()) return;
  for (const auto& [link, peer] : self_.links.all()) {
    const Member* member = FindMember(self_.memberships.committed(), peer.sid);
    if (peer.former_disk == DiskId{} || !self_.InEnsemble(peer) || member == nullptr ||
        member->type != MemberType::kParticipant || member->disk != peer.former_disk) {
      continue;
    }
    const LearnerProgress* learner = learners_.Find(link);
    if (learner == nullptr || learner->observes() || !learner->caught_up()) continue;
    Membership next = self_.memberships.committed();
    FindMember(&next, peer.sid)->disk = peer.disk;
    changes_.Add({.asked = std::move(next), .deadline = self_.now + self_.options.tick});
    return;
  }
}

Scene Leading::TakeScene() const {
  Scene scene{.self = self_.me(), .committed = self_.memberships.committed()};
  for (const MemberId& member : self_.Linked()) scene.linked[member.id] = member.disk;
  const Zxid last = self_.history.last();
  for (const auto& [link, learner] : learners_.all()) {
    const uint64_t behind = self_.history.epochs().Count(learner.applied(), last);
    scene.learners[learner.member()] = {.follows = learner.synced() && !learner.observes(),
                                        .caught_up = learner.caught_up(),
                                        .behind = behind,
                                        .bytes_behind = behind * self_.history.mean_bytes()};
  }
  return scene;
}

// Nothing is under way that the next change would have to wait for.
bool Leading::MayPropose() const {
  return attempt_.established() && !left_ && !admission_.paused_for() &&
         !self_.memberships.configs().pending && self_.memberships.settled();
}

// A session that ends takes its changes with it, so that is left for the end.
void Leading::ConsiderChanges() {
  if (left_ || changes_.empty()) return;
  std::set<MemberId> to_follow;
  auto& all = changes_.all();
  for (auto change = all.begin(); change != all.end();) {
    if (self_.now >= change->deadline) {
      Refuse(*change, RejectReason::kNotCaughtUp,
             change->waits_for.empty() ? "another change is under way" : change->waits_for,
             change->servers);
      change = all.erase(change);
    } else if (MayPropose() && DealWith(&*change, &to_follow)) {
      change = all.erase(change);
    } else {
      ++change;
    }
  }
  for (const MemberId& member : to_follow) MakeFollow(member);
  MakeVotersFollow();
}

// True: it waits no more.
bool Leading::DealWith(Changes::Waiting* change, std::set<MemberId>* to_follow) {
  Verdict verdict = Judge(change->asked, TakeScene());
  switch (verdict.kind) {
    case Verdict::Kind::kRefuse:
      Refuse(*change, verdict.reason, std::move(verdict.text), verdict.servers);
      return true;
    case Verdict::Kind::kNothing:
      return Confirm(change);
    case Verdict::Kind::kWait:
      if (change->waits_for.empty()) {
        self_.Tell(Line::kChangeWaits, "a change of the configuration: " + verdict.text);
      }
      change->waits_for = std::move(verdict.text);
      change->servers = std::move(verdict.servers);
      to_follow->merge(verdict.to_follow);
      return false;
    case Verdict::Kind::kPropose:
      ProposeChange(*change, std::move(verdict.next));
      return true;
  }
  return true;
}

// Another leader may have changed it since. True: it is told.
bool Leading::Confirm(Changes::Waiting* change) {
  if (change->origin.sid == kNoServer) return true;
  if (!change->confirmed_by) change->confirmed_by = watch_.last_ping() + 1;
  if (watch_.confirmed().ping < *change->confirmed_by) return false;
  const uint64_t tag = change->origin.call;
  const Zxid at = self_.watermarks.commit;
  if (!change->asker) {
    if (self_.changes.Answered(tag, at)) self_.CompleteChanges();
  } else if (LearnerProgress* learner = learners_.Find(*change->asker)) {
    learner->Send(ReadIndexReply{{tag}, at});
  }
  return true;
}

void Leading::Refuse(const Changes::Waiting& change, RejectReason reason, std::string text,
                     const std::vector<ServerId>& servers) {
  self_.Tell(Line::kChangeRefused, std::string(ToString(reason)) + ": " + text);
  const uint64_t tag = change.origin.call;
  if (change.origin.sid == kNoServer) return;  // of this leader's own making
  if (!change.asker) {
    self_.TakeRefusal(tag, reason, std::move(text), Ids(servers));
    return;
  }
  LearnerProgress* learner = learners_.Find(*change.asker);
  if (learner == nullptr) return;
  learner->Send(Refusal{{tag}, reason, std::move(text), Ids(servers)});
}

// An observer acknowledges nothing. One that learns as such because its promise is ahead can
// follow only in a later epoch (§13.6), unless no history leads to one of that number (§6.2).
void Leading::MakeFollow(const MemberId& member) {
  for (const auto& [link, learner] : learners_.all()) {
    if (learner.member() != member || !learner.observes()) continue;
    if (self_.PromiseIsAbsurd(learner.accepted().epoch)) {
      return self_.CountAsDown(link,
                               "has promised epoch " + std::to_string(learner.accepted().epoch));
    }
    if (learner.accepted().epoch > established_) {
      ahead_epoch_ = std::max(ahead_epoch_, learner.accepted().epoch);
      return ConsiderRenewal();
    }
    return EndSession(LinkId(link), SessionEndReason::kAttachAsFollower);
  }
}

// --- proposed ------------------------------------------------------------------------

void Leading::ProposeChange(const Changes::Waiting& change, Membership next) {
  ZKQ_CHECK(MayPropose());
  next.version = {};  // the entry's zxid
  const std::string text = ToString(next);
  self_.Tell(Line::kReconfigures, "to " + text.substr(text.find('{')));
  Origin origin = change.origin;
  origin.call = 0;
  Submission submission{.asker = change.asker, .origin = origin};
  submission.calls.push_back(
      OwnCall(change.origin.call, TxnKind::kReconfig, EncodeMembership(next)));
  admission_.Admit(submission.calls.front());
  Extend(submission);
}

// Who is to vote acknowledges from the entry on that says so.
void Leading::MakeVotersFollow() {
  std::vector<LinkId> voters;
  for (const auto& [link, learner] : learners_.all()) {
    if (learner.observes() && self_.quorum.IsVoter(learner.member())) voters.push_back(link);
  }
  for (const LinkId& link : voters) EndSession(link, SessionEndReason::kAttachAsFollower);
}

void Leading::ProposeSettled() {
  if (self_.memberships.SettlingIsLogged()) return;
  Submission submission;
  submission.calls.push_back(
      OwnCall(0, TxnKind::kNoop, EncodeZxid(self_.memberships.committed().version)));
  admission_.Admit(submission.calls.front());
  Proceed(std::move(submission));
}

// --- committed -----------------------------------------------------------------------

// The configuration `before` has been replaced, or an epoch is established under the present one.
void Leading::Activate(const Membership& before) {
  if (LeadsOn(before)) return ProposeSettled();
  HandOver(Successor(self_.memberships.committed()));
}

bool Leading::LeadsOn(const Membership& before) const {
  const Membership& now = self_.memberships.committed();
  const Member* was = FindMember(before, self_.options.self);
  const Member* is = FindMember(now, self_.options.self);
  return QuorumSystem(now).IsVoter(self_.me()) && is->weight > 0 &&
         (was == nullptr || was->address == is->address);
}

// Who has the most of those who have the whole configuration's history; of equals who has more
// weight.
ServerId Leading::Successor(const Membership& now) const {
  const QuorumSystem voters(now);
  std::tuple<Zxid, uint32_t, ServerId> best{{}, 0, kNoServer};
  for (const auto& [member, match] : learners_.Matches()) {
    const Member* entry = FindMember(now, member.id);
    const bool may_lead = voters.IsVoter(member) && entry->weight > 0 && match >= now.version;
    if (may_lead && member != self_.me()) {
      best = std::max(best, std::tuple(match, entry->weight, member.id));
    }
  }
  return std::get<ServerId>(best);
}

void Leading::HandOver(ServerId successor) {
  const Zxid version = self_.memberships.committed().version;
  const CommitAndActivate word{version, successor};
  std::vector<LinkId> all;
  for (auto& [link, learner] : learners_.all()) all.push_back(link);
  for (const LinkId& link : all) {
    LearnerProgress* learner = learners_.Find(link);
    if (learner->observes()) learner->Pump();
    if (!learner->WasSent(version)) {
      EndSession(link, SessionEndReason::kNotLeading);
      continue;
    }
    learner->Send(word);
    Forget(link);
  }
  designated_ = successor;
  const std::string why = "the configuration has left out or moved this server";
  self_.Tell(Line::kHandsOver,
             why + (successor == kNoServer ? "" : ": server " + ToString(successor) + " leads"));
  Resign(why);
}

}  // namespace zkq::core
