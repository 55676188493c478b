#include "test/layers/layers.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string_view>

namespace zkq::testing {
namespace {

using Names = std::set<std::string>;

// --- the table --------------------------------------------------------------------

// A layer is a folder or some files of one; the longest matching prefix wins.
struct Place {
  std::string_view prefix;
  std::string_view layer;
};
constexpr Place kPlaces[] = {
    {"include/zkq/types.h", "pure"},
    {"include/zkq/message.h", "pure"},
    {"include/zkq/election.h", "pure"},
    {"include/zkq/log.h", "pure"},
    {"include/zkq/wire.h", "pure"},
    {"include/zkq/env.h", "seams"},
    {"include/zkq/status.h", "seams"},
    {"include/zkq/state_machine.h", "seams"},
    {"include/zkq/grpc_status.h", "grpc_face"},
    {"include/zkq/grpc_transport.h", "grpc_face"},
    {"include/zkq/testing/", "kit_face"},
    {"include/zkq/", "face"},
    {"lib/base/absl/", "base_absl"},
    {"lib/base/", "base"},
    {"lib/wire/", "wire"},
    {"lib/core/", "core"},
    {"lib/storage/", "storage"},
    {"lib/env/", "env"},
    {"lib/link/", "link"},
    {"lib/grpc/", "transport"},
    {"lib/runtime/", "runtime"},
    {"lib/zkq/", "zkq"},
    {"lib/testing/world/", "testing_world"},
    {"lib/testing/checks/", "testing_checks"},
    {"lib/testing/cluster/", "testing_cluster"},
    {"lib/testing/conformance/", "testing_conformance"},
    {"examples/", "examples"},
};

// What a layer may see, at any distance. std: the standard library without what
// kImpure lists; "impure": that too. Other names of the outside: posix, absl,
// isal, protobuf, grpc, any.
const std::map<std::string_view, Names>& Arrows() {
  static const std::map<std::string_view, Names> arrows = {
      {"pure", {"pure", "std"}},
      {"seams", {"pure", "seams", "std", "absl"}},
      {"face", {"pure", "seams", "face", "std", "absl"}},
      {"grpc_face", {"pure", "seams", "face", "grpc_face", "std", "absl"}},
      {"kit_face", {"pure", "seams", "face", "kit_face", "std", "impure", "absl"}},
      {"base", {"pure", "base", "std", "isal"}},
      {"base_absl", {"pure", "seams", "face", "base", "base_absl", "std", "impure", "absl"}},
      {"wire", {"pure", "base", "wire", "std"}},
      {"core", {"pure", "base", "wire", "core", "std"}},
      {"storage",
       {"pure", "seams", "base", "base_absl", "wire", "storage", "std", "impure", "absl"}},
      {"env",
       {"pure", "seams", "face", "base", "base_absl", "env", "std", "impure", "posix", "absl"}},
      {"link",
       {"pure", "seams", "face", "base", "base_absl", "wire", "link", "std", "impure", "absl"}},
      {"transport",
       {"pure", "seams", "face", "grpc_face", "base", "base_absl", "wire", "link", "transport",
        "std", "impure", "posix", "absl", "protobuf", "grpc"}},
      {"runtime",
       {"pure", "seams", "face", "base", "base_absl", "wire", "core", "storage", "runtime", "std",
        "impure", "absl"}},
      {"zkq",
       {"pure", "seams", "face", "grpc_face", "base", "base_absl", "wire", "core", "storage", "env",
        "link", "transport", "runtime", "zkq", "std", "impure", "posix", "absl"}},
      {"testing_world",
       {"pure", "seams", "face", "kit_face", "base", "base_absl", "wire", "link", "testing_world",
        "std", "impure", "absl"}},
      {"testing_checks",
       {"pure", "seams", "face", "kit_face", "base", "wire", "storage", "testing_checks", "std",
        "impure", "absl"}},
      {"testing_cluster",
       {"pure", "seams", "face", "kit_face", "base", "base_absl", "wire", "core", "storage",
        "runtime", "testing_checks", "testing_cluster", "std", "impure", "absl"}},
      {"testing_conformance",
       {"pure", "seams", "face", "kit_face", "base", "base_absl", "testing_conformance", "std",
        "impure", "absl"}},
      {"examples", {"pure", "seams", "face", "grpc_face", "kit_face", "examples", "any"}},
  };
  return arrows;
}

// Headers of the standard library that bring a thread, a lock, a file, a clock,
// chance, or an order that is not the program's.
const Names kImpure = {"atomic",       "barrier",    "condition_variable",
                       "csignal",      "ctime",      "execution",
                       "filesystem",   "fstream",    "future",
                       "iostream",     "latch",      "mutex",
                       "random",       "semaphore",  "shared_mutex",
                       "signal.h",     "stop_token", "syncstream",
                       "thread",       "time.h",     "unordered_map",
                       "unordered_set"};

std::string_view LayerOf(std::string_view path) {
  std::string_view layer, longest;
  for (const Place& place : kPlaces) {
    if (path.starts_with(place.prefix) && place.prefix.size() >= longest.size()) {
      longest = place.prefix;
      layer = place.layer;
    }
  }
  return layer;
}

// What kind of outside <header> is.
std::string OutsideOf(std::string_view include) {
  const std::string_view header = include.substr(1, include.size() - 2);  // without < and >
  if (header.starts_with("absl/")) return "absl";
  if (header.starts_with("grpc") || header.ends_with(".grpc.pb.h")) return "grpc";
  if (header.starts_with("google/protobuf/") || header.ends_with(".pb.h")) return "protobuf";
  if (header.starts_with("isa-l")) return "isal";
  if (kImpure.count(std::string(header)) > 0) return "impure";
  // Of the standard library only C's own headers end in .h; POSIX's all do.
  static const Names kC = {"assert.h", "errno.h",  "limits.h", "math.h",
                           "stddef.h", "stdint.h", "stdlib.h", "string.h"};
  const bool is_std =
      header.find('.') == std::string_view::npos && header.find('/') == std::string_view::npos;
  return is_std || kC.count(std::string(header)) > 0 ? "std" : "posix";
}

// --- includes -----------------------------------------------------------------------

bool IsCode(std::string_view path) { return path.ends_with(".h") || path.ends_with(".cc"); }

Names IncludesOf(const std::string& source) {
  static const std::regex kInclude(R"(^[ \t]*#[ \t]*include[ \t]*["<]([^">]+)[">])");
  Names includes;
  std::istringstream lines(source);
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_search(line, match, kInclude)) includes.insert(match[1]);
  }
  return includes;
}

// What each file of a tree includes: a path of the tree, or <header> of the outside.
using Includes = std::map<std::string, Names>;

Includes IncludesOf(const SourceTree& tree) {
  Includes includes;
  for (const auto& [path, source] : tree) {
    Names& resolved = includes[path];
    for (const std::string& header : IncludesOf(source)) {
      const std::string beside = path.substr(0, path.rfind('/') + 1) + header;
      std::string target = "<" + header + ">";
      for (const std::string& ours : {header, "include/" + header, beside}) {
        if (tree.count(ours) > 0) target = ours;
      }
      resolved.insert(target);
    }
  }
  return includes;
}

// Follows the includes of one file to their end.
class Follower {
 public:
  Follower(const Includes& includes, const std::string& root, std::vector<std::string>* violations)
      : includes_(includes), root_(root), layer_(LayerOf(root)), violations_(*violations) {}

  void Run() {
    if (layer_.empty()) {
      violations_.push_back(root_ + ": is in no layer");
    } else {
      Follow(root_, root_);
    }
  }

 private:
  void Follow(const std::string& path, const std::string& way) {
    for (const std::string& next : includes_.at(path)) {
      if (!seen_.insert(next).second) continue;
      const bool ours = next.front() != '<';
      const std::string target = ours ? std::string(LayerOf(next)) : OutsideOf(next);
      if (!Allows(target, ours)) {
        violations_.push_back(way + " -> " + next + ": " + std::string(layer_) + " may not see " +
                              (target.empty() ? "what is in no layer" : target));
      } else if (ours) {
        Follow(next, way + " -> " + next);
      }
    }
  }

  bool Allows(const std::string& target, bool ours) const {
    const Names& allowed = Arrows().at(layer_);
    return allowed.count(target) > 0 || (!ours && allowed.count("any") > 0);
  }

  const Includes& includes_;
  const std::string& root_;
  const std::string_view layer_;
  std::vector<std::string>& violations_;
  Names seen_;
};

// --- what makes runs differ -------------------------------------------------------------

// The length of the comment or literal at the front of `rest`, 0 if it is code.
size_t NoCodeLength(std::string_view rest, char before) {
  const auto through = [&](std::string_view end, size_t from) {
    const size_t at = rest.find(end, from);
    return at == std::string_view::npos ? rest.size() : at + end.size();
  };
  if (rest.starts_with("//")) return std::min(rest.find('\n'), rest.size());
  if (rest.starts_with("/*")) return through("*/", 2);
  if (rest.starts_with("R\"")) {
    const std::string_view delimiter = rest.substr(2, rest.find('(') - 2);
    return through(")" + std::string(delimiter) + "\"", 2);
  }
  const char quote = rest.front();
  // Digits may be parted by quotes (1'000), which open no literal.
  const bool opens = quote == '"' || (quote == '\'' && std::isalnum(before) == 0);
  if (!opens) return 0;
  size_t at = 1;
  while (at < rest.size() && rest[at] != quote && rest[at] != '\n') at += rest[at] == '\\' ? 2 : 1;
  return std::min(at + 1, rest.size());
}

// The code without comments and literals, line by line.
std::string Strip(std::string_view source) {
  std::string code;
  while (!source.empty()) {
    const size_t skipped = NoCodeLength(source, code.empty() ? ' ' : code.back());
    if (skipped == 0) {
      code += source.front();
      source.remove_prefix(1);
      continue;
    }
    const std::string_view gone = source.substr(0, skipped);
    code += ' ';
    code.append(static_cast<size_t>(std::count(gone.begin(), gone.end(), '\n')), '\n');
    source.remove_prefix(skipped);
  }
  return code;
}

struct Ban {
  std::regex pattern;
  std::string_view why;
  Names except = {};  // layers that are the real world
};

const std::vector<Ban>& Bans() {
  static const std::vector<Ban> bans = {
      {std::regex(R"(\bstd::(random_device|\w+_distribution|shuffle|mt19937\w*)\b)"),
       "draws what no seed decides",
       {"env"}},
      {std::regex(R"(\b(steady|system|high_resolution)_clock::now\b|\babsl::Now\(|)"
                  R"(\b(clock_gettime|gettimeofday|gpr_now)\(|\bstd::time\()"),
       "reads a real clock",
       {"env", "transport", "grpc_face"}},  // deadlines of gRPC are dates
      {std::regex(R"(\bstd::j?thread\b(?!::id))"),
       "has a thread of its own",
       {"env", "transport", "testing_conformance"}},
      {std::regex(R"(\bsleep_(for|until)\b|\babsl::SleepFor\b|\b(u|nano)?sleep\()"),
       "sleeps",
       {"env"}},
      {std::regex(R"(\bstd::(multi)?(map|set)<\s*(const\s+)?[\w:]+\s*(const\s*)?\*)"),
       "orders by memory address",
       {}},
      {std::regex(R"(\b(abort|exit|_exit|terminate)\(|\bthrow\b)"), "takes the host down", {}},
      {std::regex(R"(\bstd::(cout|cerr|clog)\b|\bf?printf\(|\bputs\()"), "prints", {}},
  };
  return bans;
}

size_t LineOf(const std::string& code, size_t position) {
  return 1 + static_cast<size_t>(std::count(code.begin(), code.begin() + position, '\n'));
}

void FindMatches(const std::string& path, const std::string& code, const std::regex& pattern,
                 std::string_view why, std::vector<std::string>* violations) {
  for (std::sregex_iterator match(code.begin(), code.end(), pattern), none; match != none;
       ++match) {
    violations->push_back(path + ":" + std::to_string(LineOf(code, match->position())) + ": " +
                          match->str() + ": " + std::string(why));
  }
}

// The names of unordered containers in `code`: their iteration order is chance.
Names UnorderedIn(const std::string& code) {
  static const std::regex kDeclared(R"(\b(unordered|flat_hash|node_hash)_(multi)?(map|set)<)");
  Names names;
  for (std::sregex_iterator match(code.begin(), code.end(), kDeclared), none; match != none;
       ++match) {
    // Behind the matching > stands the name.
    size_t at = match->position() + match->length();
    for (int depth = 1; at < code.size() && depth > 0; ++at) {
      depth += code[at] == '<' ? 1 : code[at] == '>' ? -1 : 0;
    }
    static const std::regex kName(R"(^[\s&*]*(\w+))");
    std::smatch name;
    const std::string rest = code.substr(at, 100);
    if (std::regex_search(rest, name, kName)) names.insert(name[1]);
  }
  return names;
}

// Its own, and those of the header beside it: that is where members are declared.
Names UnorderedSeenBy(const SourceTree& tree, const std::string& path, const std::string& code) {
  Names names = UnorderedIn(code);
  if (path.ends_with(".cc")) {
    const auto header = tree.find(path.substr(0, path.size() - 2) + "h");
    if (header != tree.end()) names.merge(UnorderedIn(Strip(header->second)));
  }
  return names;
}

void FindChance(const SourceTree& tree, const std::string& path, const std::string& source,
                std::vector<std::string>* violations) {
  const std::string code = Strip(source);
  const std::string layer(LayerOf(path));
  for (const Ban& ban : Bans()) {
    if (ban.except.count(layer) == 0) FindMatches(path, code, ban.pattern, ban.why, violations);
  }
  for (const std::string& name : UnorderedSeenBy(tree, path, code)) {
    const std::regex iterated("for \\([^;)]*: " + name + "\\)|\\b" + name + "\\.c?begin\\(");
    FindMatches(path, code, iterated, "walks an unordered container", violations);
  }
}

}  // namespace

SourceTree ReadSourceTree(const std::string& root) {
  namespace fs = std::filesystem;
  SourceTree tree;
  for (const char* top : {"include", "lib", "examples"}) {
    if (!fs::is_directory(fs::path(root) / top)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(root) / top)) {
      if (!entry.is_regular_file() || !IsCode(entry.path().string())) continue;
      std::ostringstream text;
      text << std::ifstream(entry.path()).rdbuf();
      tree[fs::relative(entry.path(), root).generic_string()] = text.str();
    }
  }
  return tree;
}

std::vector<std::string> FindViolations(const SourceTree& tree) {
  std::vector<std::string> violations;
  const Includes includes = IncludesOf(tree);
  for (const auto& [path, source] : tree) {
    Follower(includes, path, &violations).Run();
    // Examples are programs of their own: they may look at the clock and exit.
    if (LayerOf(path) != "examples") FindChance(tree, path, source, &violations);
  }
  std::sort(violations.begin(), violations.end());
  return violations;
}

}  // namespace zkq::testing
