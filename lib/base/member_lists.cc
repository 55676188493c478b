#include "lib/base/member_lists.h"

#include <algorithm>
#include <map>
#include <utility>

namespace zkq {
namespace {

constexpr size_t kShownMax = 3;
constexpr size_t kMemberTextMax = 320;  // longer than any that can be dialled

using Texts = std::map<ServerId, std::string>;

Texts TextsOf(const std::vector<Member>& members) {
  Texts texts;
  for (const Member& member : members) {
    std::string text = ToString(member).substr(0, kMemberTextMax);
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c <= ' ' || c > '~'; }, '?');
    texts.emplace(member.id, std::move(text));
  }
  return texts;
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

}  // namespace zkq
