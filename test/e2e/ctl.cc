#include "test/e2e/ctl.h"

#include <filesystem>
#include <stdexcept>

namespace e2e {

Members::Members(int servers, int founders, Flags flags)
    : founders_(founders), places_(OnLoopback(servers)), ensemble_(places_, std::move(flags)) {}

// Those that run are where to find the ensemble.
Flags Members::FlagsToJoin(int id, bool observer) const {
  std::string others;
  for (const int other : ensemble_.ids()) {
    if (other == id || !ensemble_.running(other)) continue;
    others += (others.empty() ? "" : ",") + entry(other);
  }
  if (observer) return {"--may_found=false", "--ensemble=" + others, "--observers=" + entry(id)};
  return {"--may_found=false", "--ensemble=" + others + "," + entry(id)};
}

void Members::Found() {
  std::string founders;
  for (int id = 1; id <= founders_; ++id) founders += (id == 1 ? "" : ",") + entry(id);
  for (int id = 1; id <= founders_; ++id) ensemble_.Launch(id, {"--ensemble=" + founders});
  for (int id = 1; id <= founders_; ++id) ensemble_.WaitUntilReady(id);
  ensemble_.WaitForLeader();
}

void Members::Join(int id, bool observer) { ensemble_.Start(id, FlagsToJoin(id, observer)); }

void Members::Restart(int id) { ensemble_.Start(id, FlagsToJoin(id, false)); }

void Members::LoseDisk(int id) {
  ensemble_.Kill(id);
  std::filesystem::remove_all(ensemble_.data_dir(id));
}

void Members::Stop(int id) {
  ensemble_.process(id).Signal(SIGTERM);
  const int code = ensemble_.process(id).Wait();
  ensemble_.Kill(id);
  if (code != 0) throw std::runtime_error("SIGTERM ended it with " + std::to_string(code));
}

Finished Members::Ctl(const Flags& words) const {
  std::string servers;
  for (const Place& place : places_) servers += (servers.empty() ? "" : ",") + place.peer_address;
  Flags command = {ZKQCTL, "--servers=" + servers, "--timeout=40s"};  // below kDeadline
  command.insert(command.end(), words.begin(), words.end());
  return Run(command);
}

std::string Members::Do(const Flags& words) const {
  const Finished finished = Ctl(words);
  if (finished.code == 0) return finished.out;
  std::string text;
  for (const std::string& word : words) text += " " + word;
  throw std::runtime_error("zkqctl" + text + " ended with " + std::to_string(finished.code) + ": " +
                           finished.out + finished.err);
}

}  // namespace e2e
