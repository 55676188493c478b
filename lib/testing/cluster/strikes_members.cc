// Faults of the ensemble itself: its configuration, and the disks that it counts. None of them is
// more than it has to bear: members that are a quorum keep their disks.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/testing/cluster/strikes.h"

namespace zkq::testing::strikes {
namespace {

constexpr size_t kAddedMax = 6;
constexpr size_t kDisksMax = 4;

// Those that count are a quorum also without this one.
bool Spares(NemesisArm& arm, ServerId sid) {
  std::vector<ServerId> others;
  for (const ServerId one : arm.servers()) {
    if (one != sid && arm.cluster().counts(one)) others.push_back(SeatOf(one));
  }
  return IsQuorum(arm.cluster().membership(), others);
}

bool HasTwin(NemesisArm& arm, ServerId sid) {
  const std::vector<ServerId>& all = arm.servers();
  return std::binary_search(all.begin(), all.end(), TwinOf(sid));
}

// A change as somebody may want it. Each step is one edit.
class Wish {
 public:
  Wish(NemesisArm& arm, uint64_t seed)
      : arm_(arm), random_(seed), apart_(seed * 23 + 9), next_(arm.cluster().membership()) {}

  Membership Drawn() {
    if (next_.members.empty()) return next_;
    for (uint64_t edits = 1 + random_.Below(3); edits > 0; --edits) Edit();
    EditApart();
    GiveGroups();
    GiveAddresses();
    if (random_.Below(12) == 0) {
      Spoil();
      sure_ = false;
    }
    return next_;
  }
  // All that it waits for will be there some time.
  bool sure() const { return sure_; }

 private:
  void Edit() {
    switch (random_.Below(9)) {
      case 0:
      case 1:
        return TakeDisks();
      case 2:
      case 3:
        return List();
      case 4:
        return Remove(Any().id);
      case 5:
        return Remove(SeatOf(arm_.cluster().leader().value_or(Any().id)));
      case 6:
        return Turn(&Any());
      case 7:
        return Move(&Any());
      default:
        return Weigh();
    }
  }
  // Drawn apart, so that the other edits are as without these.
  void EditApart() {
    if (next_.members.empty()) return;
    if (apart_.Below(8) == 0) PickApart().priority = static_cast<uint32_t>(apart_.Below(4));
    if (apart_.Below(8) == 0) NameDisk(&PickApart());
  }
  Member& PickApart() { return next_.members[apart_.Below(next_.members.size())]; }
  // The one that is there, or one that the seat had.
  void NameDisk(Member* member) {
    if (member->type != MemberType::kParticipant) return;
    const bool former = apart_.Below(4) == 0;
    const Membership& seen = arm_.seen()[apart_.Below(arm_.seen().size())];
    const Member* const was = FindMember(seen, member->id);
    member->disk =
        former && was != nullptr ? was->disk : arm_.cluster().disk(AnyPlaceOf(member->id));
    sure_ = false;  // it may be taken out meanwhile
  }
  ServerId AnyPlaceOf(ServerId sid) {
    return HasTwin(arm_, sid) && apart_.Below(2) == 0 ? TwinOf(sid) : sid;
  }
  Member& Any() { return next_.members[random_.Below(next_.members.size())]; }

  // Seats whose disk is not in its server get the one that is.
  void TakeDisks() {
    for (Member& member : next_.members) {
      const bool voter = member.type == MemberType::kParticipant;
      const bool twin_alone = HasTwin(arm_, member.id) && !arm_.cluster().server(member.id).up();
      if (voter && (twin_alone || !arm_.cluster().counts(member.id))) member.disk = kPresentDisk;
    }
  }
  void List() {
    const ServerId sid = SeatOf(arm_.servers()[random_.Below(arm_.servers().size())]);
    if (FindMember(next_, sid) != nullptr) return;
    const bool observes = random_.Below(3) == 0;
    next_ = With(std::move(next_),
                 {.id = sid, .type = observes ? MemberType::kObserver : MemberType::kParticipant});
  }
  void Remove(ServerId sid) {
    if (next_.members.size() > 1) next_ = Without(std::move(next_), sid);
  }
  static void Turn(Member* member) {
    const bool votes = member->type == MemberType::kParticipant;
    member->type = votes ? MemberType::kObserver : MemberType::kParticipant;
    member->disk = {};
  }
  // The simulated network does not look at addresses; a leader that has another one hands over.
  void Move(Member* member) {
    member->address = "h" + ToString(member->id) + ":" + std::to_string(1 + random_.Below(1000));
  }
  void GiveAddresses() {
    const bool given = std::any_of(next_.members.begin(), next_.members.end(),
                                   [](const Member& member) { return !member.address.empty(); });
    for (Member& member : next_.members) {
      if (given && member.address.empty()) Move(&member);
    }
  }
  void Weigh() {
    if (random_.Below(3) == 0) return Group();
    Any().weight = static_cast<uint32_t>(random_.Below(4));
  }
  // All of them, or none.
  void Group() {
    const bool grouped = std::any_of(next_.members.begin(), next_.members.end(),
                                     [](const Member& member) { return member.group != 0; });
    for (Member& member : next_.members) {
      member.group = grouped ? 0 : 1 + static_cast<uint32_t>(random_.Below(3));
    }
  }
  void GiveGroups() {
    const bool grouped = std::any_of(next_.members.begin(), next_.members.end(),
                                     [](const Member& member) { return member.group != 0; });
    for (Member& member : next_.members) {
      if (grouped && member.group == 0) member.group = 1 + static_cast<uint32_t>(random_.Below(3));
    }
  }
  void Spoil() {
    switch (random_.Below(4)) {
      case 0:
        ++next_.version.counter;
        return;
      case 1:
        next_ = With(std::move(next_), {.id = ServerId{99}});  // nobody has ever seen it
        return;
      case 2:
        for (Member& member : next_.members) member.weight = 0;
        return;
      default:
        next_.members.clear();
    }
  }

  NemesisArm& arm_;
  SimRandom random_;
  SimRandom apart_;
  Membership next_;
  bool sure_ = true;
};

// Each that leads by its own word is asked for what was so before: a leader that others have left
// must not say that there is nothing to change.
void AskForBefore(NemesisArm& arm, const Membership& before) {
  for (const ServerId sid : arm.servers()) {
    SimServer& server = arm.cluster().server(sid);
    if (!server.up() || server.Status().state != PeerState::kLeading) continue;
    server.Reconfigure(before, absl::Seconds(5), nullptr);
  }
}

// As an operator does who takes the first disk of that seat for lost.
void ReplaceDisk(NemesisArm& arm, ServerId sid) {
  const std::optional<ServerId> leader = arm.cluster().leader();
  Membership next = arm.cluster().membership();
  for (Member& member : next.members) {
    if (member.id == sid && member.type == MemberType::kParticipant) member.disk = kPresentDisk;
  }
  if (leader) arm.cluster().server(*leader).Reconfigure(next, absl::Seconds(10), nullptr);
}

}  // namespace

// One in three leaders falls over it: before all, some or none of the others have the entry, or
// know that it is committed. One in eight is waited for as long as it takes.
bool Reconfigure(NemesisArm& arm, const Blow& blow) {
  const uint64_t dice = blow.dice();
  const auto seconds = static_cast<int64_t>(1 + dice % 20);
  const std::optional<ServerId> leader = arm.cluster().leader();
  if (leader && dice / 32 % 3 == 0) {
    arm.Arm(*leader, Fault::kCrashAtSend);
    arm.cluster().server(*leader).CrashAtSend(1 + dice / 128 % 24, CrashMode::kPower);
    arm.RestartAfter(blow.lasts() + absl::Seconds(1), *leader);
  }
  arm.seen().push_back(arm.cluster().membership());
  if (dice / 65'536 % 3 == 0) {
    arm.After(absl::Milliseconds(1) * (dice / (1 << 20) % 4000),
              [&arm, before = arm.seen().back()] { AskForBefore(arm, before); });
  }
  Wish wish(arm, dice);
  Membership next = wish.Drawn();
  const bool twins = IsTwin(arm.servers().back());
  const bool patient = wish.sure() && arm.lost().empty() && !twins && dice / 4096 % 8 == 0;
  arm.cluster().server(blow.hit).Reconfigure(
      std::move(next), patient ? absl::InfiniteDuration() : absl::Seconds(seconds), nullptr);
  return true;
}

bool AddServer(NemesisArm& arm, const Blow& blow) {
  std::vector<ServerId> all = arm.servers();
  std::erase_if(all, IsTwin);
  if (all.size() >= arm.founders() + kAddedMax) return false;
  const Member member{
      .id = ServerId(ToInt(all.back()) + 1),
      .type = blow.dice() % 3 == 0 ? MemberType::kObserver : MemberType::kParticipant};
  arm.cluster().Add(member);
  arm.Restart(member.id);
  // What it has become once it has met the others.
  arm.After(absl::Seconds(1),
            [&arm, fault = blow.fault(), sid = member.id] { arm.Note(fault, arm.RoleOf(sid)); });
  return false;
}

bool LoseDisk(NemesisArm& arm, const Blow& blow) {
  SimServer& server = arm.cluster().server(blow.hit);
  if (server.disks() >= kDisksMax || !Spares(arm, blow.hit)) return false;
  arm.Crash(blow.hit, CrashMode::kPower);
  const bool lost = server.LoseDisk();
  arm.RestartAfter(blow.lasts(), blow.hit);
  return lost;
}

bool InsertDisk(NemesisArm& arm, const Blow& blow) {
  SimServer& server = arm.cluster().server(blow.hit);
  const size_t disk = blow.dice() % server.disks();
  if (disk == server.present_disk() || !Spares(arm, blow.hit)) return false;
  arm.Crash(blow.hit, CrashMode::kTorn);
  const bool inserted = server.InsertDisk(disk);
  arm.RestartAfter(blow.lasts(), blow.hit);
  return inserted;
}

bool StopLeftOut(NemesisArm& arm, const Blow& blow) {
  const Membership now = arm.cluster().membership();
  for (const ServerId sid : arm.servers()) {
    if (FindMember(now, SeatOf(sid)) != nullptr || !arm.cluster().server(sid).up()) continue;
    arm.Note(blow.fault(), arm.RoleOf(sid));
    arm.CrashFor(sid, CrashMode::kPower, 4 * blow.lasts());
  }
  return false;
}

// Half of the time the first is down for a while and is replaced, and comes back beside the second.
// Nobody founds with a server that two machines claim to be.
bool AddTwin(NemesisArm& arm, const Blow& blow) {
  const ServerId sid = SeatOf(blow.hit), twin = TwinOf(sid);
  if (HasTwin(arm, sid) || !arm.founded()) return false;
  arm.cluster().AddTwin(sid);
  arm.Restart(twin);
  const uint64_t dice = blow.dice();
  if (dice % 2 == 0) arm.network().PointName(sid, twin);
  if (dice / 2 % 2 == 0 && Spares(arm, sid)) {
    arm.CrashFor(sid, CrashMode::kPower, 4 * blow.lasts());
    arm.After(blow.lasts(), [&arm, sid] { ReplaceDisk(arm, sid); });
  }
  arm.After(2 * blow.lasts(),
            [&arm, sid, to = dice / 4 % 2 == 0 ? twin : sid] { arm.network().PointName(sid, to); });
  return true;
}

}  // namespace zkq::testing::strikes
