// Where two lists of members differ, in words.
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

}  // namespace zkq
