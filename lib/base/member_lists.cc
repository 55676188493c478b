#include "lib/base/member_lists.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "lib/base/host_port.h"
#include "lib/base/server_id.h"

namespace zkq {
namespace {

constexpr size_t kShownMax = 3;
constexpr size_t kMemberTextMax = 320;  // longer than any that can be dialled

using Texts = std::map<ServerId, std::string>;

// For a line of a log: it may come from another server.
std::string Plain(std::string text) {
  if (text.size() > kMemberTextMax) text.resize(kMemberTextMax);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c <= ' ' || c > '~'; }, '?');
  return text;
}

Texts TextsOf(const std::vector<Member>& members) {
  Texts texts;
  for (const Member& member : members) texts.emplace(member.id, Plain(ToString(member)));
  return texts;
}

std::string WrongId(const std::vector<Member>& members) {
  std::set<ServerId> ids;
  for (const Member& member : members) {
    if (!CanBeListed(member.id)) return "id " + ToString(member.id) + " is not from 1 to 2^62-1";
    if (!ids.insert(member.id).second) return "server " + ToString(member.id) + " is listed twice";
  }
  return {};
}

std::string WrongVoters(const std::vector<Member>& voters) {
  if (voters.empty()) return "there is no participant";
  if (voters.size() > kVotersMax) {
    return std::to_string(voters.size()) + " participants are more than " +
           std::to_string(kVotersMax);
  }
  if (std::all_of(voters.begin(), voters.end(), [](const Member& m) { return m.weight == 0; })) {
    return "no participant has a weight above 0";
  }
  const auto has_group = [](const Member& member) { return member.group != 0; };
  const auto grouped = std::find_if(voters.begin(), voters.end(), has_group);
  const auto alone = std::find_if_not(voters.begin(), voters.end(), has_group);
  if (grouped == voters.end() || alone == voters.end()) return {};
  return "server " + ToString(alone->id) + " has no group, and server " + ToString(grouped->id) +
         " has group " + std::to_string(grouped->group);
}

std::string WrongAddress(const std::vector<Member>& members) {
  std::map<std::string, ServerId> places;
  for (const Member& member : members) {
    if (member.address.empty()) return "server " + ToString(member.id) + " has no address";
    const auto [other, is_new] = places.emplace(PlainSpelling(member.address), member.id);
    if (is_new) continue;
    return Plain(member.address) + " is the address of two servers, " + ToString(other->second) +
           " and " + ToString(member.id);
  }
  return {};
}

}  // namespace

std::string WhatDiffers(const std::vector<Member>& a, std::string_view a_name,
                        const std::vector<Member>& b, std::string_view b_name) {
  const Texts as = TextsOf(a), bs = TextsOf(b);
  std::map<ServerId, std::string> differences;
  for (const auto& [sid, text] : as) {
    const auto other = bs.find(sid);
    std::string& difference = differences[sid] = text + " " + std::string(a_name);
    if (other == bs.end()) {
      difference += " alone";
    } else if (other->second != text) {
      difference += ", " + other->second + " " + std::string(b_name);
    } else {
      differences.erase(sid);
    }
  }
  for (const auto& [sid, text] : bs) {
    if (!as.contains(sid)) differences[sid] = text + " " + std::string(b_name) + " alone";
  }
  std::string all;
  size_t shown = 0;
  for (const auto& [sid, difference] : differences) {
    if (shown == kShownMax) break;
    all += (shown++ == 0 ? "" : "; ") + difference;
  }
  if (differences.size() > shown)
    all += "; " + std::to_string(differences.size() - shown) + " more";
  return all;
}

std::string WhatIsWrongBesideAddresses(const std::vector<Member>& members) {
  std::vector<Member> voters;
  std::copy_if(members.begin(), members.end(), std::back_inserter(voters),
               [](const Member& m) { return m.type == MemberType::kParticipant; });
  const std::string wrong = WrongId(members);
  return wrong.empty() ? WrongVoters(voters) : wrong;
}

std::string WhatIsWrong(const std::vector<Member>& members) {
  const std::string wrong = WhatIsWrongBesideAddresses(members);
  return wrong.empty() ? WrongAddress(members) : wrong;
}

}  // namespace zkq
