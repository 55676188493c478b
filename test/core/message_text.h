// Messages as scripts write them: what ToString(Message) prints, with the parts it
// leaves out where a test needs them.
#pragma once

#include "test/core/text.h"

namespace zkq::core {

//   follower-info accepted 4 of 2 [boot 20] current 3 last 3:7 [look 2] [config 1:1]
//   leader-info 5 [decided] · ack-epoch current 3|none last 3:7 [base 1:1] table 1:5 3:7
//   diff last 3:7 · trunc after 3:7 last 4:1 · snap 3:7
//   new-leader last 3:7 commit 3:6 · up-to-date commit 3:7
//   proposal 4:1..4:3 · ack 4:3 · commit 4:3
//   request 7 8*100 · refusal 7 8 overload [text …] · read-index 7 · read-index-reply 7 at 4:3
//   commit-and-activate 4:3 leader 2 · reconfigure 7 from 0:0 to 1+2+4:new [within 5s]
//   ping 9 [commit 4:3] · pong 9 [durable 4:3] [installing] · session-end not-leading
MessageBody ToMessageBody(Words* words, Transactions* txns);

// The rest of one. Who is asked for: ToAsked.
Reconfigure ToReconfigure(Words* words);
// "7", or "7*100": a call of 100 bytes.
Call ToCall(const std::string& word);
std::vector<uint64_t> TakeTags(Words* words);

}  // namespace zkq::core
