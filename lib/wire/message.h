// What a transport has to know of zkq/wire.h's messages to put them into packets of
// its own.
#pragma once

#include <cstdint>

namespace zkq::wire {

// Whether this field of a zkq.v1.Packet is the body of a Message.
bool IsMessageBody(uint32_t field);

}  // namespace zkq::wire
