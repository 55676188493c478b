// How a node begins: the disk, the state machine, the peer, the transport; each
// may refuse, and then nothing of the node remains.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/base/absl/string_view.h"
#include "lib/base/texts.h"
#include "lib/runtime/node.h"

namespace zkq::runtime {
namespace {

Time Micros(absl::Duration duration) { return Time{absl::ToInt64Microseconds(duration)}; }

std::string ToText(std::vector<Member> members) {
  std::sort(members.begin(), members.end());
  std::string text;
  for (const Member& member : members) text += (text.empty() ? "" : ",") + ToString(member);
  return text;
}

storage::DataDirOptions DirOptions(const ReplicaOptions& options, const Tuning& tuning) {
  return {.sid = options.id,
          .random = options.env.random,
          .wall_micros = absl::ToUnixMicros(options.env.clock->Wall()),
          .log = {.segment_bytes = options.log_segment_bytes,
                  .batch_bytes_max = tuning.log_batch_bytes_max,
                  .window_bytes_max = options.window_bytes}};
}

// What is wrong with the directory by its path is wrong with the option.
absl::Status OfDataDir(const absl::Status& why) {
  const bool unusable = absl::IsNotFound(why) || absl::IsAlreadyExists(why);
  const absl::StatusCode code = unusable ? absl::StatusCode::kInvalidArgument : why.code();
  return MakeError(code, FromAbsl(absl::StrCat("data_dir: ", why.message())));
}

// Whichever option the address was taken from.
absl::Status OfListening(const absl::Status& why, const ReplicaOptions& options) {
  const auto self = std::find_if(options.members.begin(), options.members.end(),
                                 [&](const Member& m) { return m.id == options.id; });
  const bool listed = self != options.members.end() && !self->address.empty();
  const std::string option = !options.listen_address.empty() ? "listen_address"
                             : listed ? "members: server " + ToString(options.id)
                                      : "transport";
  return MakeError(why.code(), option + ": " + std::string(FromAbsl(why.message())));
}

}  // namespace

absl::StatusOr<std::shared_ptr<Node>> Node::Start(ReplicaOptions options, const Tuning& tuning) {
  const absl::Duration began = options.env.clock->Monotonic();
  std::sort(options.members.begin(), options.members.end());
  absl::StatusOr<storage::DataDir> dir = storage::DataDir::Open(
      options.env.file_system, options.data_dir, DirOptions(options, tuning));
  if (!dir.ok()) return OfDataDir(dir.status());
  options.id = dir->recovered.state.sid;  // who has given none is who the directory says
  auto node = std::make_shared<Node>(std::move(options), tuning, *std::move(dir));
  for (Strand* strand : node->strands_.All()) strand->SetOwner(node);
  if (absl::Status begun = node->Begin(tuning, began); !begun.ok()) {
    node->Abandon();
    return begun;
  }
  return node;
}

absl::Status Node::Begin(const Tuning& tuning, absl::Duration began) {
  NoteOtherMembers();
  Recovered recovered = std::exchange(dir_.recovered, {});
  absl::StatusOr<Zxid> applied = applier_.Recover(recovered);
  if (!applied.ok()) return applied.status();
  recovered.applied = *applied;
  SayRecovered(recovered, began);
  // What a machine with a disk of its own has applied was committed, whatever the log
  // knows of it.
  recovered.commit = std::max(recovered.commit, *applied);
  const Identity identity = protocol_.Begin(std::make_unique<core::Peer>(
      PeerOptionsOf(tuning), std::move(recovered), std::move(options_.election)));
  const absl::Status listens = options_.transport->Start(options_.env, identity, &protocol_);
  if (!listens.ok()) return OfListening(listens, options_);
  const std::string address = options_.transport->listen_address();
  board_.SetListenAddress(address);
  if (!address.empty()) voice_.Say(Line::kListening, "on ", address);
  if (options_.admin_from_anywhere) {
    voice_.Say(Line::kAdminFromAnywhere,
               "whoever reaches this server's peer port may change the ensemble, from any machine");
  }
  protocol_.OnCalls();  // the first drain carries out what the first step wants
  return absl::OkStatus();
}

void Node::SayRecovered(const Recovered& recovered, absl::Duration began) const {
  const Epochs& log = recovered.epochs;
  const Zxid snapshot = recovered.base.zxid;
  const absl::Duration took = options_.env.clock->Monotonic() - began;
  voice_.Say(Line::kRecovered, recovered.fresh ? "a new directory: " : "",
             snapshot == Zxid{} ? "no snapshot" : "a snapshot at " + ToString(snapshot),
             ", a log from ", ToString(log.begin()), " to ", ToString(log.last()), ", ",
             TransactionsText(log.Count(log.begin(), log.last())), ", known committed through ",
             ToString(recovered.commit), ", in ", TimeText(absl::ToChronoMicroseconds(took)));
}

// What was agreed counts; what was configured is where else to look for the others.
void Node::NoteOtherMembers() const {
  const HardState& state = dir_.recovered.state;
  const std::string agreed = ToText(state.config.members), given = ToText(options_.members);
  if (state.ensemble == EnsembleId{} || agreed == given) return;
  const bool contradicts =
      std::any_of(options_.members.begin(), options_.members.end(), [&](const Member& member) {
        const Member* const found = FindMember(state.config, member.id);
        return found != nullptr && ToString(*found) != ToString(member);
      });
  voice_.Say(contradicts ? Line::kMembersContradict : Line::kMembersOutdated, "members lists ",
             given, ", and the ensemble has agreed on ", agreed,
             ": that counts, and other addresses are tried when the agreed ones do not answer");
}

core::PeerOptions Node::PeerOptionsOf(const Tuning& tuning) const {
  return {.self = options_.id,
          .may_found = options_.may_found,
          .members = options_.members,
          .tick = Micros(options_.tick),
          .init_limit = options_.init_limit,
          .sync_limit = options_.sync_limit,
          .finalize_wait = Micros(options_.finalize_wait),
          .max_command_bytes = options_.max_command_bytes,
          .outstanding_bytes_max = tuning.outstanding_bytes_max,
          .window_bytes_max = options_.window_bytes,
          .credit_bytes = tuning.credit_bytes,
          .request_credit_bytes = tuning.request_credit_bytes,
          .diff_txns_max = tuning.diff_txns_max,
          .rollover_counter = tuning.rollover_counter,
          .features = tuning.features};
}

}  // namespace zkq::runtime
