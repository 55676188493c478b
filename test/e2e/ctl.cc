#include "test/e2e/ctl.h"

#include <filesystem>
#include <stdexcept>

namespace e2e {

Members::Members(int servers, int founders, Flags flags)
    : founders_(founders), places_(OnLoopback(servers)), ensemble_(places_, std::move(flags)) {}

Flags Members::FlagsOf(int id, bool observer) const {
  std::string voters;
  for (int founder = 1; founder <= founders_; ++founder) {
    voters += (founder == 1 ? "" : ",") + entry(founder);
  }
  if (id <= founders_) return {"--ensemble=" + voters};
  if (observer) return {"--ensemble=" + voters, "--observers=" + entry(id), "--may_found=false"};
  return {"--ensemble=" + voters + "," + entry(id), "--may_found=false"};
}

void Members::Found() {
  for (int id = 1; id <= founders_; ++id) ensemble_.Launch(id, FlagsOf(id, false));
  for (int id = 1; id <= founders_; ++id) ensemble_.WaitUntilReady(id);
  ensemble_.WaitForLeader();
}

void Members::Join(int id, bool observer) { ensemble_.Start(id, FlagsOf(id, observer)); }

void Members::Restart(int id) {
  Flags flags = FlagsOf(id, false);
  flags.push_back("--may_found=false");
  ensemble_.Start(id, flags);
}

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
  Flags command = {ZKQCTL, "--servers=" + servers};
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
