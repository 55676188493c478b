// A server whose replica cannot go on ends, with 1 and one line that says why. Its
// limits are lowered while it runs, so the failing calls are the system's own.
#include <sys/resource.h>

#include "test/e2e/ensemble.h"
#include "test/harness/catch.h"

using namespace e2e;

namespace {

// Small segments, so that the log soon needs another file.
const Flags kSmallSegments = {"--log_segment_bytes=65536"};

void Limit(const Process& process, __rlimit_resource resource, rlim_t limit) {
  const rlimit low = {limit, limit};
  REQUIRE(prlimit(process.pid(), resource, &low, nullptr) == 0);
}

// Writes at `writer` until `condition` holds of the victim.
void WriteUntil(const Ensemble& ensemble, int writer, const std::function<bool()>& condition) {
  kv::Client client = ensemble.Client(writer);
  WaitFor("what befalls the victim", [&] {
    Put(client, "k", std::string(1'000, 'v'));
    return condition();
  });
}

// What zkq-kvd itself has to say, without zkq's own log.
std::vector<std::string> LinesOf(const Ensemble& ensemble, int id) {
  std::istringstream log(ensemble.log(id));
  std::vector<std::string> lines;
  for (std::string line; std::getline(log, line);) {
    if (line.starts_with("zkq-kvd: ")) lines.push_back(line);
  }
  return lines;
}

void CheckEndsWhen(__rlimit_resource resource, rlim_t limit, const std::string& why) {
  Ensemble ensemble(3, kSmallSegments);
  ensemble.StartAll();
  const int leader = ensemble.WaitForLeader();
  const int victim = ensemble.Follower();
  kv::Client watching = ensemble.Client(victim);
  grpc::ClientContext context;
  auto watch = watching.Connect(absl::Now() + absl::Seconds(10))->Watch(&context, {});
  watch->WaitForInitialMetadata();

  Limit(ensemble.process(victim), resource, limit);
  WriteUntil(ensemble, leader, [&] { return !ensemble.running(victim); });
  CHECK(ensemble.process(victim).Wait() == 1);
  const std::vector<std::string> lines = LinesOf(ensemble, victim);
  REQUIRE(lines.size() == 1);
  INFO(lines[0]);
  CHECK(lines[0].starts_with("zkq-kvd: server " + std::to_string(victim) + " has halted: "));
  CHECK(lines[0].find(why) != std::string::npos);

  pb::WatchEvent event;
  while (watch->Read(&event)) continue;
  const grpc::Status ended = watch->Finish();
  CHECK(ended.error_code() == grpc::StatusCode::UNAVAILABLE);
  CHECK(ended.error_message() == "this server has halted");

  // The others are not touched, and the victim takes part again once it is started.
  ensemble.Start(victim);
  ensemble.WaitUntilEqual();
}

}  // namespace

TEST_CASE("a server whose files may not grow halts and ends with 1") {
  CheckEndsWhen(RLIMIT_FSIZE, 32 << 10, "File too large");
}

TEST_CASE("a server without file descriptors halts and ends with 1") {
  CheckEndsWhen(RLIMIT_NOFILE, 3, "Too many open files");
}

TEST_CASE("a server that is told to end just after its replica has halted ends with 1") {
  Ensemble ensemble(3, kSmallSegments);
  ensemble.StartAll();
  const int leader = ensemble.WaitForLeader();
  const int victim = ensemble.Follower();
  Limit(ensemble.process(victim), RLIMIT_FSIZE, 32 << 10);
  WriteUntil(ensemble, leader,
             [&] { return ensemble.log(victim).find(" halted: ") != std::string::npos; });
  ensemble.process(victim).Signal(SIGTERM);
  CHECK(ensemble.process(victim).Wait() == 1);
}

TEST_CASE("a server that is told to end, and has not halted, ends with 0") {
  Ensemble ensemble(1);
  ensemble.StartAll();
  ensemble.process(1).Signal(SIGUSR1);  // says nothing to it by itself
  kv::Client client = ensemble.Client();
  Put(client, "k", "v");
  ensemble.process(1).Signal(SIGTERM);
  CHECK(ensemble.process(1).Wait() == 0);
  CHECK(LinesOf(ensemble, 1).empty());
}
