// Lists of members judged, in words: where two differ, and why one is no configuration.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "zkq/types.h"

namespace zkq {

// "1=a:7001 here, 1=A:7001 there; 4=d:7004 there alone", with what the lists are called: the
// first three differences, in the order of ids, and how many there are beyond. Empty if the two
// list the same. Disks are not compared. Bytes of an address that are no plain text are shown as
// "?": a list may come from another server.
std::string WhatDiffers(const std::vector<Member>& a, std::string_view a_name,
                        const std::vector<Member>& b, std::string_view b_name);

// The voters of one configuration: each is counted, waited for and told of by name.
inline constexpr size_t kVotersMax = 64;

// Why `members` are no configuration (PROTOCOL §10.1 rule 2), with the member that is to blame;
// empty if they are one. Addresses must be there and differ, in any spelling; whether one can be
// dialled is for the transport to say.
std::string WhatIsWrong(const std::vector<Member>& members);
// The same of ids, types, weights and groups alone: a transport may know servers by their ids.
std::string WhatIsWrongBesideAddresses(const std::vector<Member>& members);

}  // namespace zkq
