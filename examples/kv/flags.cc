#include "flags.h"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <set>

#include "absl/flags/reflection.h"
#include "absl/flags/usage.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace kv {
namespace {

// Flags of these programs that were set so far.
std::set<std::string>& Given() {
  static auto* given = new std::set<std::string>;
  return *given;
}

absl::StatusOr<absl::CommandLineFlag*> Find(const std::string& name) {
  absl::CommandLineFlag* flag = absl::FindCommandLineFlag(name);
  if (flag == nullptr) return absl::InvalidArgumentError(absl::StrCat("unknown flag --", name));
  return flag;
}

absl::Status Set(absl::CommandLineFlag& flag, const std::string& value) {
  std::string error;
  if (!flag.ParseFrom(value, &error)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--", flag.Name(), "=", value, " cannot be used: ", error));
  }
  Given().insert(std::string(flag.Name()));
  return absl::OkStatus();
}

// `next` is the argument after this one; *used tells whether it was taken.
absl::Status SetFromArgument(const std::string& argument, const char* next, bool* used) {
  const size_t equals = argument.find('=');
  const std::string name = argument.substr(2, equals == std::string::npos ? equals : equals - 2);
  absl::StatusOr<absl::CommandLineFlag*> flag = Find(name);
  if (!flag.ok()) return flag.status();
  if (equals != std::string::npos) return Set(**flag, argument.substr(equals + 1));
  if ((*flag)->IsOfType<bool>()) return Set(**flag, "true");
  if (next == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("--", name, " needs a value"));
  }
  *used = true;
  return Set(**flag, next);
}

// The flags of the program itself stand in its *_main.cc.
[[noreturn]] void PrintHelp() {
  std::map<std::string, absl::CommandLineFlag*> flags;
  for (const auto& [name, flag] : absl::GetAllFlags()) {
    if (flag->Filename().find("_main.cc") != std::string::npos) flags[std::string(name)] = flag;
  }
  std::cout << absl::ProgramUsageMessage() << "\n";
  for (const auto& [name, flag] : flags) {
    std::cout << "  --" << name << "=" << flag->DefaultValue() << "  " << flag->Help() << "\n";
  }
  std::exit(0);
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ParseFlags(int argc, char** argv) {
  std::vector<std::string> rest;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--") {
      rest.insert(rest.end(), argv + i + 1, argv + argc);
      break;
    }
    if (argument == "--help") PrintHelp();
    if (argument.rfind("--", 0) != 0) {
      rest.push_back(argument);
      continue;
    }
    bool used = false;
    absl::Status status = SetFromArgument(argument, i + 1 < argc ? argv[i + 1] : nullptr, &used);
    if (!status.ok()) return status;
    if (used) ++i;
  }
  return rest;
}

absl::Status ReadConfig(const std::string& path) {
  std::ifstream in(path);
  if (!in) return absl::InvalidArgumentError("--config=" + path + " cannot be read");
  int number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    line = std::string(absl::StripAsciiWhitespace(line.substr(0, line.find('#'))));
    if (line.empty()) continue;
    const std::string where = absl::StrCat(path, ":", number, ": ");
    const size_t equals = line.find('=');
    if (equals == std::string::npos) {
      return absl::InvalidArgumentError(absl::StrCat(where, "not of the form name = value"));
    }
    const std::string name(absl::StripAsciiWhitespace(line.substr(0, equals)));
    if (Given().count(name) > 0) continue;
    absl::StatusOr<absl::CommandLineFlag*> flag = Find(name);
    absl::Status status = flag.status();
    if (flag.ok()) {
      status = Set(**flag, std::string(absl::StripAsciiWhitespace(line.substr(equals + 1))));
    }
    if (!status.ok()) return absl::InvalidArgumentError(absl::StrCat(where, status.message()));
  }
  return absl::OkStatus();
}

}  // namespace kv
