// PeerScript: one Peer, driven by steps of text, answering with its effects.
//
// peer 3 of 3 [settings]       server 3 of an ensemble of three, before its start
// leader 3 of 3 [settings]     … leading, followed by all others; stage=elected |
//     promising | electing | storing | synchronizing | broadcast (unless said:
//     broadcast); with=1 followed by these only
// follower 1 of 3 [settings]   … following server 3; stage=elected | attached |
//     promising | promised | syncing | accepting | accepted | broadcast
// The others have the same history as this server, unless a step says otherwise.
//
// Settings: joins (may_found is false); what the disk held: unfounded, log=1:1..1:3,2:1<1:3 (else
// 1:1), begin=, snapshot=, commit=, accepted=5@2 (epoch and leader), current=, disk= (else the
// listed one), observers=4 (listed, too), config=1:2=1+2+3:9 (committed; else the founded list of
// all). Options: window= (transactions), credit=, request-credit=, diff=, rollover=, command=,
// outstanding=, init=, sync=, own=4o (this server's entry, if it is none of those).
//
// Steps:
//   start                                the first tick
//   tick 5ms                             so much later
//   clock 90s                            the wall clock is set forward by so much
//   run 500ms [pong=1,2 [has=2:1]]       every tick that is wanted until then, those
//                                        servers answering every ping, with all until there
//                                        durable and applied
//   link-up 2 [disk=9] [former=8] [config=5:1] [boot=9] [tick=3s]
//       [foreign | unfounded [members=other] [sees=all | sees=1+2:9]]
//                                        on its own disk, founded by all on theirs and
//                                        configured alike, unless said otherwise
//   introduced 2 …                       as link-up, on the link that is up
//   link-down 2
//   elect 3 by 1 2                       these voters support server 3
//   notified 2 <notification> [members=5:1=1+2+3 | lists=4 (those that many are configured with)]
//       [pending=5:7=1+2:9]
//   part 2 1000                          so many bytes of a message that is not whole
//   recv 2 [@number/epoch] <message>     of the session under way, unless said
//   propose 1 2*100                      calls with these tags, one of 100 bytes
//   reconfigure 7 from 0:0 to 1+2+4:new [within 5s]     a change with this tag
//   read 3 · synced w3 · synced all [took 3s] · log-read 2 1:1..1:3
//   fetched 3 1:9 progress|complete|failed · applied 2:1 · snapshot 2:1 · purged 2:1
//   view · wake · room · show notify · hide role
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "lib/core/peer.h"
#include "test/core/text.h"

namespace zkq::core {

class PeerScript {
 public:
  PeerScript(const std::string& kind, const std::vector<std::string>& args);

  // The lines that the step caused.
  std::vector<std::string> Step(Words step);

 private:
  void Recover(Words* words);
  void Lead(const std::string& stage, const std::string& with);
  void Follow(const std::string& stage);
  void Quietly(const std::string& step) { Step(Words(step)); }
  std::string History() const;

  Event ToEvent(const std::string& name, Words* words);
  Identity ReadPeer(Words* words);
  Event LinkedUp(Words* words);
  Event Noticed(Words* words);
  Event Got(Words* words);
  Event Asked(Words* words);
  Event AskedForChange(Words* words);
  Event Synchronized(Words* words);
  std::vector<std::string> Elect(Words* words);
  std::vector<std::string> RunFor(Words* words);
  std::vector<std::string> Give(const Event& event);
  void Track(const Effect& effect);
  std::string View() const;
  std::string Wake() const;
  std::string Room() const;

  ServerId self_{};
  int servers_ = 0;
  PeerOptions options_;
  Recovered recovered_;
  Transactions txns_;
  std::unique_ptr<Peer> peer_;
  Tick Now() const { return {.now = now_, .wall = wall_ + now_.count()}; }

  Time now_{};
  int64_t wall_ = 0;  // at the start
  std::set<std::string> hidden_ = {"notify"};
  WriteId last_write_ = 0;
  uint64_t link_seq_ = 0;
  std::map<ServerId, LinkId> links_;
  std::map<ServerId, Session> sessions_;
  std::map<ServerId, uint64_t> session_count_;
  std::map<ServerId, uint64_t> looks_;
  std::vector<std::pair<ServerId, uint64_t>> pings_;  // of the last event
  std::optional<Notification> announced_;
};

}  // namespace zkq::core
