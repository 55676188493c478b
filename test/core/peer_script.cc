#include "test/core/peer_script.h"

#include <algorithm>
#include <stdexcept>

#include "lib/core/founding.h"
#include "lib/wire/disk.h"
#include "test/core/message_text.h"

namespace zkq::core {
namespace {

constexpr EnsembleId kEnsemble = {7, 7};

DiskId DiskOf(ServerId sid) { return {0, ToInt(sid)}; }
uint64_t BootOf(ServerId sid) { return 10 * ToInt(sid); }

std::string Spaced(std::string words) {
  std::replace(words.begin(), words.end(), ',', ' ');
  return words;
}

std::vector<ServerId> ToServerIds(const std::string& list) {
  std::vector<ServerId> sids;
  for (Words words(Spaced(list)); !words.empty();) sids.push_back(ToServerId(words.Next()));
  return sids;
}

Membership FoundedUpTo(int n) {
  Membership membership = VotersUpTo(n);
  for (Member& member : membership.members) member.disk = DiskOf(member.id);
  return membership;
}

Id128 Seen(const Membership& voters) {
  std::vector<SeenVoter> seen;
  for (const Member& voter : voters.members) {
    seen.push_back({.sid = voter.id, .disk = voter.disk, .boot = BootOf(voter.id)});
  }
  return SeenHash(seen);
}

}  // namespace

// --- what the script begins with ------------------------------------------------

PeerScript::PeerScript(const std::string& kind, const std::vector<std::string>& args) {
  Words words(args);
  const std::string stage = words.Setting("stage", "broadcast");
  const std::string with = words.Setting("with");
  self_ = ToServerId(words.Next());
  servers_ = static_cast<int>(ToNumber(words.After("of")));
  Recover(&words);
  if (!words.empty()) throw std::invalid_argument("not understood: " + words.Rest());
  peer_ = std::make_unique<Peer>(options_, recovered_, nullptr);
  if (kind == "leader") Lead(stage, with);
  if (kind == "follower") Follow(stage);
}

void PeerScript::Recover(Words* words) {
  const auto number = [&](const char* key, uint64_t otherwise) {
    return ToNumber(words->Setting(key, std::to_string(otherwise)));
  };
  options_.self = self_;
  options_.members = VotersUpTo(servers_).members;
  options_.may_found = !words->Take("joins");
  if (const std::string own = words->Setting("own"); !own.empty()) {
    options_.members.push_back(ToAsked(own).front());
  }
  options_.window_txns_max = number("window", options_.window_txns_max);
  options_.credit_bytes = number("credit", options_.credit_bytes);
  options_.request_credit_bytes = number("request-credit", options_.request_credit_bytes);
  options_.diff_txns_max = number("diff", options_.diff_txns_max);
  options_.rollover_counter = static_cast<uint32_t>(number("rollover", options_.rollover_counter));
  options_.max_command_bytes = number("command", options_.max_command_bytes);
  options_.outstanding_bytes_max = number("outstanding", options_.outstanding_bytes_max);
  options_.init_limit = static_cast<int>(number("init", 20));
  options_.sync_limit = static_cast<int>(number("sync", 10));

  HardState& state = recovered_.state;
  state = {.sid = self_, .disk = DiskOf(self_), .boot = BootOf(self_)};
  state.disk.low = number("disk", state.disk.low);
  txns_ = Transactions(Origin{.sid = self_, .boot = state.boot});
  if (words->Take("unfounded")) return;
  state.ensemble = kEnsemble;
  state.config = FoundedUpTo(servers_);
  for (ServerId sid : ToServerIds(words->Setting("observers"))) {
    state.config.members.push_back({.id = sid, .type = MemberType::kObserver});
  }
  if (const std::string config = words->Setting("config"); !config.empty()) {
    state.config = ToMembership(config);
  }
  const Member* listed = FindMember(state.config, self_);
  state.listed = listed != nullptr && (listed->disk == state.disk || listed->disk == DiskId{});
  Words log(Spaced(words->Setting("log", "1:1")));
  const Zxid begin = ToZxid(words->Setting("begin", "0:0"));
  recovered_.base.zxid = ToZxid(words->Setting("snapshot", ToString(begin)));
  std::map<Epoch, Zxid> epochs;
  for (const Txn& txn : log.Take("none") ? std::vector<Txn>{} : txns_.AllNamed(&log)) {
    recovered_.window.push_back(txn);
    if (txn.kind == TxnKind::kReconfig) {
      recovered_.reconfigurations.push_back(*DecodeMembership(txn.command.view()));
      recovered_.reconfigurations.back().version = txn.zxid;
    }
    epochs[txn.zxid.epoch] = txn.zxid;
  }
  EpochTable table;
  for (const auto& [epoch, highest] : epochs) table.push_back(highest);
  recovered_.epochs = Epochs(begin, table);
  recovered_.commit = recovered_.base.zxid;
  if (const std::string commit = words->Setting("commit"); !commit.empty()) {
    recovered_.commit = ToZxid(commit);
  }
  recovered_.applied = recovered_.base.zxid;
  state.current = static_cast<Epoch>(number("current", recovered_.epochs.last().epoch));
  const std::string accepted =
      words->Setting("accepted", std::to_string(state.current) + "@" + std::to_string(servers_));
  const size_t at = accepted.find('@');
  state.accepted.epoch = static_cast<Epoch>(ToNumber(accepted.substr(0, at)));
  state.accepted.leader = ToServerId(accepted.substr(at + 1));
  state.accepted.boot = BootOf(state.accepted.leader);
}

// "last 1:3 table 1:1 1:3": as an AckEpoch tells what this server has.
std::string PeerScript::History() const {
  std::vector<std::string> table;
  for (Zxid highest : recovered_.epochs.Table()) table.push_back(ToString(highest));
  return " last " + ToString(recovered_.epochs.last()) + " base " +
         ToString(recovered_.epochs.begin()) + " table " + Joined(table);
}

void PeerScript::Lead(const std::string& stage, const std::string& with) {
  std::vector<std::string> followers;
  const std::vector<ServerId> chosen = ToServerIds(with);
  for (const Member& member : options_.members) {
    const bool follows =
        chosen.empty() || std::find(chosen.begin(), chosen.end(), member.id) != chosen.end();
    if (member.id != self_ && follows) followers.push_back(ToString(member.id));
  }

  const Promise& accepted = recovered_.state.accepted;
  const std::string current = std::to_string(recovered_.state.current);
  const auto from_each = [&](const std::string& message) {
    for (const std::string& sid : followers) Quietly("recv " + sid + " " + message);
  };
  Quietly("start");
  for (const Member& member : options_.members) {
    if (member.id != self_) Quietly("link-up " + ToString(member.id));
  }
  Quietly("elect " + ToString(self_) + " by " + Joined(followers));
  if (stage == "elected") return;
  from_each("follower-info accepted " + std::to_string(accepted.epoch) + " of " +
            ToString(accepted.leader) + " current " + current + " last " +
            ToString(recovered_.epochs.last()));
  if (stage == "promising") return;
  Quietly("synced all");
  if (stage == "electing") return;
  from_each("ack-epoch current " + current + History());
  if (stage == "storing") return;
  Quietly("synced all");
  if (stage == "synchronizing") return;
  if (stage != "broadcast") throw std::invalid_argument("no such stage: " + stage);
  from_each("ack " + std::to_string(accepted.epoch + 1) + ":0");
}

void PeerScript::Follow(const std::string& stage) {
  const std::string leader = std::to_string(servers_);
  const std::string last = ToString(recovered_.epochs.last());
  Quietly("start");
  for (const Member& member : options_.members) {
    if (member.id != self_) Quietly("link-up " + ToString(member.id));
  }
  const std::vector<std::pair<std::string, std::string>> stages = {
      {"elected", "elect " + leader + " by " + leader + " 2"},
      {"attached", "notified " + leader + " leader " + leader + " epoch 0 zxid " + last +
                       " round 1 leading connected"},
      {"promising",
       "recv " + leader + " leader-info " + std::to_string(recovered_.state.accepted.epoch + 1)},
      {"promised", "synced all"},
      {"syncing", "recv " + leader + " diff last " + last},
      {"accepting",
       "recv " + leader + " new-leader last " + last + " commit " + ToString(recovered_.commit)},
      {"accepted", "synced all"},
      {"broadcast", "recv " + leader + " up-to-date commit " + last}};
  for (const auto& [name, step] : stages) {
    Quietly(step);
    if (stage == name) return;
  }
  throw std::invalid_argument("no such stage: " + stage);
}

// --- steps ------------------------------------------------------------------------

std::vector<std::string> PeerScript::Step(Words step) {
  const std::string name = step.Next();
  if (name == "view") return {View()};
  if (name == "wake") return {Wake()};
  if (name == "room") return {Room()};
  if (name == "elect") return Elect(&step);
  if (name == "run") return RunFor(&step);
  if (name == "clock") return wall_ += ToTime(step.Next()).count(), std::vector<std::string>{};
  if (name == "show") return hidden_.erase(step.Next()), std::vector<std::string>{};
  if (name == "hide") return hidden_.insert(step.Next()), std::vector<std::string>{};
  const Event event = ToEvent(name, &step);
  if (!step.empty()) throw std::invalid_argument("not understood: " + step.Rest());
  return Give(event);
}

Event PeerScript::ToEvent(const std::string& name, Words* words) {
  if (name == "start") return Now();
  if (name == "tick") return now_ += ToTime(words->Next()), Now();
  if (name == "link-up") return LinkedUp(words);
  if (name == "introduced") {
    const Identity peer = ReadPeer(words);
    return Introduced{links_.at(peer.sid), peer};
  }
  if (name == "link-down") return LinkDown{links_.at(ToServerId(words->Next()))};
  if (name == "notified") return Noticed(words);
  if (name == "recv") return Got(words);
  if (name == "propose") return Asked(words);
  if (name == "reconfigure") return AskedForChange(words);
  if (name == "read") return ReadAsked{TakeTags(words)};
  if (name == "synced") return Synchronized(words);
  if (name == "applied") return Applied{ToZxid(words->Next())};
  if (name == "snapshot") return SnapshotTaken{ToZxid(words->Next())};
  if (name == "part") {
    const LinkId link = links_.at(ToServerId(words->Next()));
    return PartReceived{link, ToNumber(words->Next())};
  }
  if (name == "purged") return LogPurged{ToZxid(words->Next())};
  if (name == "log-read") {
    const ServerId sid = ToServerId(words->Next());
    return LogRead{links_.at(sid), sessions_[sid], txns_.AllNamed(words)};
  }
  if (name == "fetched") {
    using State = SnapshotFetched::State;
    const LinkId link = links_.at(ToServerId(words->Next()));
    const Zxid snapshot = ToZxid(words->Next());
    const std::string state = words->Next();
    const Zxid told = ToZxid(words->Setting("meta", ToString(snapshot)));
    const bool foreign = state == "foreign";
    return SnapshotFetched{link,
                           snapshot,
                           state == "progress"              ? State::kProgress
                           : state == "complete" || foreign ? State::kComplete
                                                            : State::kFailed,
                           {.zxid = told, .ensemble = foreign ? EnsembleId{8, 8} : kEnsemble}};
  }
  throw std::invalid_argument("no such step: " + name);
}

Identity PeerScript::ReadPeer(Words* words) {
  const ServerId sid = ToServerId(words->Next());
  const uint64_t disk = ToNumber(words->Setting("disk", ToString(sid)));
  const uint64_t boot = ToNumber(words->Setting("boot", std::to_string(BootOf(sid))));
  Identity peer{.sid = sid, .boot = boot, .ensemble = kEnsemble, .disk = {0, disk}};
  if (words->Take("foreign")) peer.ensemble = {6, 6};
  peer.former_disk.low = ToNumber(words->Setting("former", "0"));
  const std::string config = words->Setting("config", "0:0");
  if (const std::string tick = words->Setting("tick"); !tick.empty()) {
    peer.tick = ToTime(tick);
    peer.init_limit = 20;
    peer.sync_limit = 10;
  }
  if (!words->Take("unfounded")) {
    peer.config = ToZxid(config);
    return peer;
  }
  peer.ensemble = {};
  const bool other = words->Setting("members") == "other";
  peer.founding = FoundingHash(VotersUpTo(other ? servers_ + 1 : servers_).members);
  const std::string sees = words->Setting("sees");
  if (sees == "all") peer.seen = Seen(FoundedUpTo(servers_));
  if (sees != "all" && !sees.empty()) peer.seen = Seen(ToMembership(sees));
  return peer;
}

Event PeerScript::LinkedUp(Words* words) {
  const Identity peer = ReadPeer(words);
  const LinkId link{peer.sid, peer.boot, ++link_seq_};
  links_[peer.sid] = link;
  return LinkUp{link, peer};
}

Event PeerScript::Noticed(Words* words) {
  const ServerId sid = ToServerId(words->Next());
  const std::string members = words->Setting("members"), lists = words->Setting("lists");
  const std::string pending = words->Setting("pending");
  Notification notification = ToNotification(words);
  if (!lists.empty()) notification.membership = VotersUpTo(static_cast<int>(ToNumber(lists)));
  if (!members.empty()) notification.membership = ToMembership(members);
  if (!pending.empty()) notification.pending = ToMembership(pending);
  return Notified{links_.at(sid), notification};
}

Event PeerScript::Got(Words* words) {
  const ServerId sid = ToServerId(words->Next());
  std::optional<Session> said;
  if (words->NextStartsWith('@')) {
    const std::string word = words->Next();
    const size_t slash = word.find('/');
    said = Session{ToNumber(word.substr(1, slash - 1)),
                   static_cast<Epoch>(ToNumber(word.substr(slash + 1)))};
  }
  const MessageBody body = ToMessageBody(words, &txns_);
  if (!said && std::holds_alternative<FollowerInfo>(body)) {
    sessions_[sid] = {.number = ++session_count_[sid], .epoch = 0};
  }
  const Message message{said.value_or(sessions_[sid]), body};
  if (const auto* info = std::get_if<LeaderInfo>(&body)) sessions_[sid].epoch = info->epoch;
  return Received{links_.at(sid), message};
}

Event PeerScript::Asked(Words* words) {
  Proposed proposed;
  while (!words->empty()) proposed.calls.push_back(ToCall(words->Next()));
  return proposed;
}

Event PeerScript::AskedForChange(Words* words) {
  const Reconfigure asked = ToReconfigure(words);
  return ReconfigureAsked{asked.tag, asked.next, asked.time_left};
}

Event PeerScript::Synchronized(Words* words) {
  const bool all = words->Take("all");
  const WriteId through = all ? last_write_ : ToNumber(words->Next().substr(1));
  return Synced{through, words->Take("took") ? ToTime(words->Next()) : Time{}};
}

std::vector<std::string> PeerScript::Elect(Words* words) {
  const ServerId leader = ToServerId(words->Next());
  if (!words->Take("by")) throw std::invalid_argument("elected by whom?");
  std::vector<std::string> lines;
  const auto add = [&](std::vector<std::string> more) {
    lines.insert(lines.end(), more.begin(), more.end());
  };
  Notification n{.vote = {recovered_.state.current, recovered_.epochs.last(), leader},
                 .round = announced_ ? announced_->round : 0,
                 .look_seq = 1,
                 .quorum_connected = true};
  for (Words voters(words->Rest()); !voters.empty();) {
    const ServerId sid = ToServerId(voters.Next());
    n.look_seq = ++looks_[sid];
    add(Give(Notified{links_.at(sid), n}));
  }
  if (peer_->view().role.state == PeerState::kLooking) {
    now_ += options_.finalize_wait;
    add(Give(Now()));
  }
  return lines;
}

std::vector<std::string> PeerScript::RunFor(Words* words) {
  const std::vector<ServerId> ponging = ToServerIds(words->Setting("pong"));
  const Zxid has = ToZxid(words->Setting("has", "0:0"));
  const Time end = now_ + ToTime(words->Next());
  std::vector<std::string> lines;
  const auto give = [&](const Event& event) {
    for (std::string& line : Give(event)) {
      if (line.find(" ping ") == std::string::npos) lines.push_back(std::move(line));
    }
  };
  while (true) {
    const std::optional<Time> wake = peer_->NextWake();
    now_ = wake && *wake < end ? std::max(*wake, now_) : end;
    give(Now());
    for (const auto& [sid, seq] : std::exchange(pings_, {})) {
      if (std::find(ponging.begin(), ponging.end(), sid) == ponging.end()) continue;
      const Pong pong{.seq = seq, .durable = has, .applied = has};
      give(Received{links_.at(sid), Message{sessions_[sid], pong}});
    }
    if (now_ == end) return lines;
  }
}

// --- effects ----------------------------------------------------------------------

std::vector<std::string> PeerScript::Give(const Event& event) {
  Effects effects;
  pings_.clear();
  peer_->Step(event, &effects);
  std::vector<std::string> lines;
  for (const Effect& effect : effects) {
    Track(effect);
    std::string line = ToString(effect);
    if (hidden_.contains(Words(line).Next())) continue;
    // Where a check stands in the code is no business of a script.
    if (line.starts_with("halt ")) line = line.substr(0, line.rfind(" at "));
    lines.push_back(std::move(line));
  }
  return lines;
}

void PeerScript::Track(const Effect& effect) {
  if (const auto* append = std::get_if<Append>(&effect)) {
    last_write_ = append->write;
    for (const Txn& txn : append->txns) txns_.Know(txn);
  } else if (const auto* cut = std::get_if<Truncate>(&effect)) {
    last_write_ = cut->write;
  } else if (const auto* store = std::get_if<StoreState>(&effect)) {
    last_write_ = store->write;
  } else if (const auto* install = std::get_if<InstallSnapshot>(&effect)) {
    last_write_ = install->write;
  } else if (const auto* notify = std::get_if<Notify>(&effect)) {
    announced_ = notify->notification;
  } else if (const auto* send = std::get_if<Send>(&effect)) {
    for (const LinkId& link : send->to) {
      Session& session = sessions_[link.sid];
      const MessageBody& body = send->message.body;
      if (std::holds_alternative<FollowerInfo>(body)) session = send->message.session;
      if (const auto* info = std::get_if<LeaderInfo>(&body)) session.epoch = info->epoch;
      if (const auto* ping = std::get_if<Ping>(&body)) pings_.emplace_back(link.sid, ping->seq);
    }
  }
}

std::string PeerScript::View() const {
  const Peer::View view = peer_->view();
  const Role& role = view.role;
  std::string line = std::string(ToString(role.state)) + " " + std::string(ToString(role.phase)) +
                     " epoch " + std::to_string(role.epoch);
  if (role.leader != kNoServer) line += " leader " + ToString(role.leader);
  if (role.standing != Standing::kMember) line += " " + std::string(ToString(role.standing));
  if (role.amnesic) line += " amnesic";
  for (const Peer::Difference& other : peer_->differences()) {
    line += " other-members-at " + ToString(other.sid);
  }
  return line + " last " + ToString(view.last) + " durable " + ToString(view.durable) + " commit " +
         ToString(view.commit) + " pinned " + ToString(view.pinned_after);
}

std::string PeerScript::Wake() const {
  const auto wake = peer_->NextWake();
  if (!wake) return "not before another event";
  return "in " + std::to_string((*wake - now_).count() / 1000) + "ms";
}

std::string PeerScript::Room() const {
  const size_t room = peer_->room();
  if (room == 0) return "none";
  return room == SIZE_MAX ? "any" : std::to_string(room) + " bytes";
}

}  // namespace zkq::core
