#include "arguments.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "zkq/options.h"

namespace ctl {
namespace {

using Strings = std::vector<std::string>;
constexpr absl::Duration kTimeoutMax = absl::Hours(24);

template <typename... Parts>
absl::Status Bad(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

// "3", "1,2,3".
absl::Status ReadIds(const std::string& text, std::vector<zkq::ServerId>* ids) {
  for (const std::string& word : Strings(absl::StrSplit(text, ','))) {
    uint64_t id = 0;
    if (!absl::SimpleAtoi(word, &id) || id == 0 || id >= uint64_t{1} << 63) {
      return Bad("\"", word, "\" is not the id of a server");
    }
    ids->push_back(zkq::ServerId{id});
  }
  return absl::OkStatus();
}

// "4=host:7004", or several with commas between.
absl::Status ReadMembers(const std::string& text, std::vector<zkq::Member>* members) {
  absl::StatusOr<std::vector<zkq::Member>> read = zkq::ParseMembers(text);
  if (!read.ok()) return read.status();
  for (zkq::Member& member : *read) {
    const bool twice = std::any_of(members->begin(), members->end(),
                                   [&](const zkq::Member& m) { return m.id == member.id; });
    if (twice) return Bad("server ", zkq::ToString(member.id), " is named twice");
    members->push_back(std::move(member));
  }
  return absl::OkStatus();
}

absl::Status ReadVersion(const std::string& text, std::optional<zkq::Zxid>* version) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits(':', 1));
  zkq::Zxid zxid;
  if (!absl::SimpleAtoi(parts.first, &zxid.epoch) ||
      !absl::SimpleAtoi(parts.second, &zxid.counter)) {
    return Bad("--from=", text, " is no version, as 5:18 is");
  }
  *version = zxid;
  return absl::OkStatus();
}

absl::Status ReadTimeout(const std::string& text, absl::Duration* timeout) {
  const bool read = absl::ParseDuration(text, timeout) && *timeout > absl::ZeroDuration();
  if (!read) return Bad("--timeout=", text, " is no time, as 30s or 2m is");
  // A change that is asked for goes on that long, also if nobody waits for it any more.
  if (*timeout > kTimeoutMax) return Bad("--timeout=", text, " is above 24h");
  return absl::OkStatus();
}

absl::Status ReadOutput(const std::string& text, Output* output) {
  if (text != "table" && text != "json") return Bad("-o ", text, " is neither table nor json");
  *output = text == "json" ? Output::kJson : Output::kTable;
  return absl::OkStatus();
}

// --- options ---------------------------------------------------------------------------

absl::Status SetOption(const std::string& name, const std::string& value, Arguments* to) {
  if (name == "servers") {
    to->servers = absl::StrSplit(value, ',', absl::SkipEmpty());
    return absl::OkStatus();
  }
  if (name == "timeout") return ReadTimeout(value, &to->timeout);
  if (name == "o" || name == "output") return ReadOutput(value, &to->output);
  if (name == "add") return ReadMembers(value, &to->change.add);
  if (name == "set") return ReadMembers(value, &to->change.set);
  if (name == "remove") return ReadIds(value, &to->change.remove);
  if (name == "from") return ReadVersion(value, &to->change.from);
  return Bad("unknown option --", name);
}

// Takes the option at the front of what is left, and its value.
absl::Status TakeOption(const Strings& words, size_t* at, Arguments* to) {
  const std::string& word = words[(*at)++];
  if (word == "--help" || word == "-h") {
    to->help = true;
    return absl::OkStatus();
  }
  if (word == "--dry-run" || word == "--dry_run") {
    to->dry_run = true;
    return absl::OkStatus();
  }
  const size_t dashes = word.rfind("--", 0) == 0 ? 2 : 1;
  const size_t equals = word.find('=');
  const std::string name = word.substr(dashes, equals - dashes);
  if (equals != std::string::npos) return SetOption(name, word.substr(equals + 1), to);
  if (*at == words.size()) return Bad(word, " needs a value");
  return SetOption(name, words[(*at)++], to);
}

// --- verbs -----------------------------------------------------------------------------

using ReadWord = std::function<absl::Status(const std::string&, Arguments*)>;
struct Verb {
  size_t words_min = 0;
  size_t words_max = 0;
  bool changes = false;
  ReadWord read = nullptr;
  std::string usage = {};  // of its words
  std::string what = {};
};
constexpr size_t kAny = 1000;

ReadWord ReadInto(std::vector<zkq::ServerId> Change::*ids) {
  return
      [ids](const std::string& word, Arguments* to) { return ReadIds(word, &(to->change.*ids)); };
}
ReadWord ReadInto(std::vector<zkq::Member> Change::*members) {
  return [members](const std::string& word, Arguments* to) {
    return ReadMembers(word, &(to->change.*members));
  };
}

absl::Status ReadTarget(const std::string& word, Arguments* to) { return ReadIds(word, &to->ids); }

// "3": its disk; "3 4=host:7004": that one in its place.
absl::Status ReadReplaced(const std::string& word, Arguments* to) {
  Change& change = to->change;
  if (change.take_disk.empty()) return ReadIds(word, &change.take_disk);
  std::vector<zkq::Member> by;
  if (absl::Status s = ReadMembers(word, &by); !s.ok()) return s;
  if (change.take_disk.size() != 1 || by.size() != 1) {
    return Bad("replace takes one server, and one in its place");
  }
  change.replace = {change.take_disk.front(), by.front()};
  change.take_disk.clear();
  return absl::OkStatus();
}

const std::map<std::string, Verb>& Verbs() {
  static const auto* const verbs = new std::map<std::string, Verb>{
      {"status", {.what = "how every server stands"}},
      {"members", {.what = "the configuration"}},
      {"add",
       {1, kAny, true, ReadInto(&Change::add), "ID=HOST:PORT[:observer]...", "list new servers"}},
      {"remove", {1, kAny, true, ReadInto(&Change::remove), "ID...", "list them no more"}},
      {"replace",
       {1, 2, true, ReadReplaced, "ID [ID=HOST:PORT]", "take its new disk, or another server"}},
      {"move", {1, kAny, true, ReadInto(&Change::move), "ID=HOST:PORT...", "new addresses"}},
      {"promote", {1, kAny, true, ReadInto(&Change::promote), "ID...", "observers become voters"}},
      {"demote", {1, kAny, true, ReadInto(&Change::demote), "ID...", "voters become observers"}},
      {"set",
       {1, kAny, true, ReadInto(&Change::set), "ID=HOST:PORT[:OPTION]...",
        "weight=N, group=N, priority=N, observer; what is not given is the default"}},
      {"reconfig",
       {0, 0, true, nullptr, "[--remove=ID,...] [--add=...] [--set=...] [--from=E:C]",
        "all of it in one step"}},
      {"check-stop",
       {1, kAny, false, ReadTarget, "ID...", "may they be stopped now, all of them?"}},
      {"wait-ready", {1, 1, false, ReadTarget, "ID", "until it is to get traffic"}},
  };
  return *verbs;
}

absl::Status ReadVerb(const Strings& words, Arguments* to) {
  if (words.empty()) return Bad("no verb is given: `zkqctl --help` lists them");
  to->verb = words.front();
  const auto verb = Verbs().find(to->verb);
  if (verb == Verbs().end()) {
    return Bad("\"", to->verb, "\" is no verb: `zkqctl --help` lists them");
  }
  const size_t given = words.size() - 1;
  if (given < verb->second.words_min || given > verb->second.words_max) {
    return Bad("usage: zkqctl --servers=HOST:PORT,... ", to->verb, " ", verb->second.usage, ": ",
               verb->second.what);
  }
  for (size_t i = 1; i < words.size(); ++i) {
    if (absl::Status s = verb->second.read(words[i], to); !s.ok()) return s;
  }
  return absl::OkStatus();
}

bool Empty(const Change& change) {
  return change.remove.empty() && change.add.empty() && change.set.empty();
}

absl::Status Check(const Arguments& arguments, bool has_change_options) {
  if (arguments.servers.empty()) {
    return Bad("--servers=HOST:PORT,... is missing: the peer port of any server");
  }
  if (arguments.verb == "reconfig") {
    if (Empty(arguments.change)) return Bad("reconfig needs --add, --remove or --set");
  } else if (has_change_options) {
    return Bad("--add, --remove, --set and --from belong to reconfig");
  }
  if (arguments.dry_run && !Changes(arguments.verb)) {
    return Bad("--dry-run belongs to a verb that changes something, and ", arguments.verb,
               " does not");
  }
  for (const zkq::Member& moved : arguments.change.move) {
    if (moved == zkq::Member{.id = moved.id, .address = moved.address}) continue;
    return Bad("move changes an address and nothing else: `zkqctl set` has the options");
  }
  return absl::OkStatus();
}

}  // namespace

bool Changes(const std::string& verb) {
  const auto found = Verbs().find(verb);
  return found != Verbs().end() && found->second.changes;
}

absl::StatusOr<Arguments> ParseArguments(const Strings& words) {
  Arguments arguments;
  Strings rest;
  for (size_t at = 0; at < words.size();) {
    if (words[at].size() < 2 || words[at][0] != '-') {
      rest.push_back(words[at++]);
    } else if (absl::Status s = TakeOption(words, &at, &arguments); !s.ok()) {
      return s;
    }
  }
  if (arguments.help) return arguments;
  const bool has_change_options = !Empty(arguments.change) || arguments.change.from.has_value();
  if (absl::Status s = ReadVerb(rest, &arguments); !s.ok()) return s;
  if (absl::Status s = Check(arguments, has_change_options); !s.ok()) return s;
  return arguments;
}

std::string Usage() {
  std::string text =
      "zkqctl --servers=HOST:PORT[,...] [--timeout=1m] [-o table|json] [--dry-run] VERB\n\n"
      "--servers are peer ports, of any servers of the ensemble. Changes are taken from\n"
      "a server's own machine alone: run it there.\n\n";
  for (const auto& [name, verb] : Verbs()) {
    absl::StrAppend(&text, "  ", name, verb.usage.empty() ? "" : " ", verb.usage, "\n      ",
                    verb.what, "\n");
  }
  return text +
         "\nExit codes: 0 done; 1 the answer is no (check-stop, wait-ready); 2 usage; 3 failed,\n"
         "nothing is changed; 4 unknown, it may have been changed: repeat it, that is safe.\n";
}

}  // namespace ctl
