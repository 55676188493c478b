// zkq-kv: the command line of the replicated key-value store.
//
// Exit codes: 0 done, 1 not found or not swapped, 2 usage, 3 failed and not
// committed, 4 failed and may have been committed.
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <set>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client.h"
#include "flags.h"
#include "load.h"
#include "status_text.h"
#include "zkq/grpc_status.h"

ABSL_FLAG(std::string, servers, "", "host:port,host:port,...: tried in this order");
ABSL_FLAG(absl::Duration, timeout, absl::Seconds(5), "for the whole command, all attempts");
ABSL_FLAG(bool, serializable, false, "get and list: what the server has applied, maybe old");
ABSL_FLAG(std::string, output, "",
          "status: table, line or json; default: table in a terminal, else line. Also -o FORM");
ABSL_FLAG(bool, watch, false, "status: shows it anew each second, until ^C");

namespace {

namespace pb = zkq::kv::v1;
using Arguments = std::vector<std::string>;

constexpr absl::Duration kWatchInterval = absl::Seconds(1);

enum ExitCode { kDone = 0, kNo = 1, kUsage = 2, kNotCommitted = 3, kUnknown = 4 };

constexpr char kCommands[] =
    "put K V | get K | del K | cas K EXPECTED NEW | list PREFIX | watch PREFIX |\n"
    "  status      how each server stands: --watch keeps it live, -o table|line|json\n"
    "  load FILE   puts each line KEY<tab>VALUE of FILE (- is stdin), pipelined; a put whose\n"
    "              outcome is unknown is repeated: nobody else may write these keys meanwhile\n"
    "list prints KEY<tab>VALUE, watch PUT or DELETE<tab>KEY<tab>VALUE<tab>ZXID, a line each.\n";

int Failed(const kv::CallResult& result) {
  std::cerr << "zkq-kv: " << (result.unknown ? "outcome unknown: " : "not committed: ")
            << result.status.message() << " (" << result.status.code() << ")\n";
  return result.unknown ? kUnknown : kNotCommitted;
}

std::string ToString(const pb::Zxid& zxid) {
  return std::to_string(zxid.epoch()) + ":" + std::to_string(zxid.counter());
}

int Put(kv::Client& client, const Arguments& args) {
  pb::PutRequest request;
  request.set_key(args[0]);
  request.set_value(args[1]);
  pb::PutResponse response;
  kv::CallResult result = client.Write(
      [&](auto& stub, auto* context) { return stub.Put(context, request, &response); });
  return result.status.ok() ? int{kDone} : Failed(result);
}

int Get(kv::Client& client, const Arguments& args) {
  pb::GetRequest request;
  request.set_key(args[0]);
  request.set_serializable(absl::GetFlag(FLAGS_serializable));
  pb::GetResponse response;
  kv::CallResult result =
      client.Read([&](auto& stub, auto* context) { return stub.Get(context, request, &response); });
  if (!result.status.ok()) return Failed(result);
  if (!response.found()) return kNo;
  std::cout << response.value() << "\n";
  return kDone;
}

int Delete(kv::Client& client, const Arguments& args) {
  pb::DeleteRequest request;
  request.set_key(args[0]);
  pb::DeleteResponse response;
  kv::CallResult result = client.Write(
      [&](auto& stub, auto* context) { return stub.Delete(context, request, &response); });
  if (!result.status.ok()) return Failed(result);
  return response.found() ? kDone : kNo;
}

int CompareAndSwap(kv::Client& client, const Arguments& args) {
  pb::CompareAndSwapRequest request;
  request.set_key(args[0]);
  request.set_expected(args[1]);
  request.set_value(args[2]);
  pb::CompareAndSwapResponse response;
  kv::CallResult result = client.Write(
      [&](auto& stub, auto* context) { return stub.CompareAndSwap(context, request, &response); });
  if (!result.status.ok()) return Failed(result);
  return response.swapped() ? kDone : kNo;
}

int List(kv::Client& client, const Arguments& args) {
  pb::ListRequest request;
  request.set_prefix(args[0]);
  request.set_serializable(absl::GetFlag(FLAGS_serializable));
  pb::ListResponse page;
  do {
    kv::CallResult result =
        client.Read([&](auto& stub, auto* context) { return stub.List(context, request, &page); });
    if (!result.status.ok()) return Failed(result);
    for (const pb::KeyValue& item : page.items()) {
      std::cout << item.key() << "\t" << item.value() << "\n";
      request.set_after(item.key());
    }
  } while (page.more());
  return kDone;
}

int Watch(kv::Client& client, const Arguments& args) {
  pb::WatchRequest request;
  request.set_prefix(args[0]);
  kv::Client::Stub* stub = client.Connect(absl::Now() + client.timeout());
  if (stub == nullptr) return Failed({absl::UnavailableError("no server answers")});
  grpc::ClientContext context;
  auto stream = stub->Watch(&context, request);
  pb::WatchEvent event;
  while (stream->Read(&event)) {
    std::cout << pb::WatchEvent::Kind_Name(event.kind()) << "\t" << event.key() << "\t"
              << event.value() << "\t" << ToString(event.zxid()) << std::endl;
  }
  return Failed({zkq::FromGrpcStatus(stream->Finish(), context)});
}

// "table" where people look, "line" where a program reads; or as --output says.
std::string OutputForm() {
  const std::string form = absl::GetFlag(FLAGS_output);
  if (!form.empty()) return form;
  return absl::GetFlag(FLAGS_watch) || isatty(STDOUT_FILENO) == 1 ? "table" : "line";
}

std::string StatusText(const pb::StatusReport& report, const std::string& form) {
  if (form == "table") return kv::StatusTable(report);
  if (form == "line") return kv::StatusLines(report);
  return kv::StatusJson(report, /*one_line=*/absl::GetFlag(FLAGS_watch));
}

// In a terminal in place of what was shown before, else after it.
void Show(const std::string& text, bool in_place) {
  if (in_place) {
    std::cout << "\033[H" << absl::StrReplaceAll(text, {{"\n", "\033[K\n"}}) << "\033[J";
  } else {
    std::cout << text;
  }
  std::cout << std::flush;
}

int Status(kv::Client& client, const Arguments&) {
  const std::string form = OutputForm();
  if (form != "table" && form != "line" && form != "json") {
    std::cerr << "zkq-kv: --output=" << form << " is none of table, line, json\n";
    return kUsage;
  }
  const bool watch = absl::GetFlag(FLAGS_watch);
  const bool in_place = watch && form != "json" && isatty(STDOUT_FILENO) == 1;
  for (;;) {
    const pb::StatusReport report = client.StatusOfAll();
    Show(StatusText(report, form), in_place);
    if (!watch) {
      return std::ranges::any_of(report.servers(), &pb::StatusReport::Server::has_status)
                 ? kDone
                 : kNotCommitted;
    }
    absl::SleepFor(kWatchInterval);
  }
}

int Load(kv::Client& client, const Arguments& args) {
  std::ifstream file;
  if (args[0] != "-") file.open(args[0]);
  std::istream& in = args[0] == "-" ? std::cin : file;
  if (!in) {
    std::cerr << "zkq-kv: cannot read " << args[0] << "\n";
    return kUsage;
  }
  std::vector<kv::KeyValue> items;
  std::set<std::string> keys;
  for (std::string line; std::getline(in, line);) {
    const size_t tab = line.find('\t');
    std::string key = line.substr(0, tab);
    if (tab == std::string::npos || !keys.insert(key).second) {
      std::cerr << "zkq-kv: " << args[0] << ":" << items.size() + 1
                << (tab == std::string::npos ? ": no tab" : ": this key stands there twice")
                << "\n";
      return kUsage;
    }
    items.push_back({std::move(key), line.substr(tab + 1)});
  }
  const absl::Time begin = absl::Now();
  kv::LoadResult result = kv::Load(client, items);
  std::cout << "loaded " << result.loaded << " of " << items.size() << " records, "
            << result.repeated << " sent again, in "
            << absl::FormatDuration(absl::Trunc(absl::Now() - begin, absl::Milliseconds(1)))
            << "\n";
  return result.result.status.ok() ? int{kDone} : Failed(result.result);
}

struct Command {
  const char* name;
  size_t arguments;
  int (*run)(kv::Client& client, const Arguments& args);
};
constexpr Command kTable[] = {
    {"put", 2, Put},   {"get", 1, Get},     {"del", 1, Delete},    {"cas", 3, CompareAndSwap},
    {"list", 1, List}, {"watch", 1, Watch}, {"status", 0, Status}, {"load", 1, Load}};

int Usage(const std::string& what) {
  std::cerr << "zkq-kv: " << what << "\n"
            << "usage: zkq-kv --servers=HOST:PORT,... [--timeout=5s] [--serializable] COMMAND\n"
            << "COMMAND: " << kCommands;
  return kUsage;
}

// Takes -o FORM, as other command lines have it, from the arguments at `place`.
void TakeOutput(Arguments* args, size_t place) {
  if (args->size() < place + 2 || (*args)[place] != "-o") return;
  absl::SetFlag(&FLAGS_output, (*args)[place + 1]);
  args->erase(args->begin() + place, args->begin() + place + 2);
}

}  // namespace

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(std::string("zkq-kv [flags] COMMAND\n") + kCommands);
  absl::StatusOr<Arguments> args = kv::ParseFlags(argc, argv);
  if (!args.ok()) return Usage(std::string(args.status().message()));
  if (absl::GetFlag(FLAGS_servers).empty()) return Usage("--servers is missing");
  TakeOutput(&*args, 0);
  if (args->empty()) return Usage("no command");
  if (args->front() == "status") TakeOutput(&*args, 1);
  const std::string name = args->front();
  args->erase(args->begin());
  for (const Command& command : kTable) {
    if (command.name != name) continue;
    if (args->size() != command.arguments) return Usage(name + ": wrong number of arguments");
    kv::Client client(absl::StrSplit(absl::GetFlag(FLAGS_servers), ','),
                      absl::GetFlag(FLAGS_timeout));
    return command.run(client, *args);
  }
  return Usage("no such command: " + name);
}
