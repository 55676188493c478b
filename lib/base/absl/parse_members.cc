// The text of a list of members, read. ToString(Member) writes the text of one.
#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/host_port.h"
#include "lib/base/read_number.h"
#include "lib/base/server_id.h"
#include "zkq/options.h"
#include "zkq/status.h"

namespace zkq {
namespace {

absl::Status Unreadable(std::string_view part, const std::string& why) {
  return MakeError(absl::StatusCode::kInvalidArgument, "\"" + std::string(part) + "\": " + why);
}

// Where "host:port" ends in "host:port:option:option".
size_t AddressEnd(std::string_view text) {
  const bool bracketed = text.starts_with('[');
  if (!bracketed && text.find("::") != std::string_view::npos) {
    return text.size();  // an IPv6 address without brackets: to be refused as a whole
  }
  const size_t colon = text.find(':', bracketed ? text.find(']') : 0);
  return colon == std::string_view::npos ? text.size()
                                         : std::min(text.size(), text.find(':', colon + 1));
}

bool ReadMemberOption(std::string_view option, Member* member) {
  const size_t equals = std::min(option.find('='), option.size());
  const std::string_view name = option.substr(0, equals);
  if (option == "observer") {
    member->type = MemberType::kObserver;
    return true;
  }
  if (equals == option.size()) return false;
  if (name == "weight") return ReadNumber(option.substr(equals + 1), &member->weight);
  if (name == "group") return ReadNumber(option.substr(equals + 1), &member->group);
  if (name == "priority") return ReadNumber(option.substr(equals + 1), &member->priority);
  return false;
}

// `options` begins with the colon of the first one. The result is the option that
// cannot be read, or that stands there a second time.
std::optional<std::string_view> ReadMemberOptions(std::string_view options, Member* member) {
  std::set<std::string_view> names;
  while (!options.empty()) {
    options.remove_prefix(1);
    const std::string_view option = options.substr(0, options.find(':'));
    options.remove_prefix(option.size());
    const bool first = names.insert(option.substr(0, option.find('='))).second;
    if (!first || !ReadMemberOption(option, member)) return option;
  }
  return std::nullopt;
}

absl::StatusOr<Member> ReadMember(std::string_view part) {
  Member member;
  uint64_t id = 0;
  const std::string_view digits = part.substr(0, part.find('='));
  if (digits.size() == part.size() || !ReadNumber(digits, &id) || !CanBeListed(ServerId{id})) {
    return Unreadable(part, "it is not id=host:port with an id from 1 to 2^62-1");
  }
  const std::string_view text = part.substr(digits.size() + 1);
  const std::string_view address = text.substr(0, AddressEnd(text));
  if (const std::string_view why = WhyNotDialled(address); !why.empty()) {
    return Unreadable(part, std::string(why));
  }
  member.id = ServerId{id};
  member.address = address;
  if (const auto bad = ReadMemberOptions(text.substr(address.size()), &member)) {
    return Unreadable(part,
                      "\"" + std::string(*bad) +
                          "\" is none of observer, weight=N, group=N and priority=N, each once");
  }
  return member;
}

}  // namespace

inline namespace v1 {

absl::StatusOr<std::vector<Member>> ParseMembers(std::string_view spec) {
  std::vector<Member> members;
  for (size_t begin = 0; begin <= spec.size();) {
    const std::string_view part = spec.substr(begin, spec.find(',', begin) - begin);
    absl::StatusOr<Member> member = ReadMember(part);
    if (!member.ok()) return member.status();
    const bool twice = std::any_of(members.begin(), members.end(),
                                   [&](const Member& m) { return m.id == member->id; });
    if (twice) return Unreadable(part, "server " + ToString(member->id) + " is listed twice");
    members.push_back(*std::move(member));
    begin += part.size() + 1;
  }
  return members;
}

}  // namespace v1
}  // namespace zkq
