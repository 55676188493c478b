#include "test/sim/edits.h"

namespace zkq::sim {
namespace {

bool Votes(const Member& member) { return member.type == MemberType::kParticipant; }

// Of one who stays.
void AddEdits(const Member& before, const Member& asked, std::set<Coverage::Edit>* edits) {
  if (Votes(asked) && !Votes(before)) edits->insert(Coverage::kPromote);
  if (!Votes(asked) && Votes(before)) edits->insert(Coverage::kDemote);
  if (asked.address != before.address) edits->insert(Coverage::kMove);
  if (asked.weight != before.weight) edits->insert(Coverage::kWeigh);
  if (asked.group != before.group) edits->insert(Coverage::kGroup);
  if (asked.priority != before.priority) edits->insert(Coverage::kPrefer);
  const bool keeps = asked.disk == DiskId{} || asked.disk == before.disk;
  if (!Votes(asked) || !Votes(before) || keeps) return;
  edits->insert(asked.disk == kPresentDisk ? Coverage::kPresent : Coverage::kName);
}

}  // namespace

std::set<Coverage::Edit> EditsOf(const Membership& before, const Membership& asked) {
  std::set<Coverage::Edit> edits;
  for (const Member& member : asked.members) {
    const Member* const was = FindMember(before, member.id);
    if (was != nullptr) {
      AddEdits(*was, member, &edits);
    } else {
      edits.insert(Votes(member) ? Coverage::kAddVoter : Coverage::kAddObserver);
    }
  }
  for (const Member& member : before.members) {
    if (FindMember(asked, member.id) != nullptr) continue;
    edits.insert(Votes(member) ? Coverage::kRemoveVoter : Coverage::kRemoveObserver);
  }
  if (edits.empty()) edits.insert(Coverage::kNothing);
  if (edits.size() > 1) edits.insert(Coverage::kSeveral);
  return edits;
}

}  // namespace zkq::sim
