// zkqctl: looks at an ensemble of zkq, and changes who belongs to it (README.md).
#include <csignal>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <unistd.h>

#include "absl/time/clock.h"
#include "arguments.h"
#include "servers.h"
#include "verbs.h"
#include "zkq/admin.h"

namespace {

class Network final : public ctl::Servers {
 public:
  explicit Network(std::unique_ptr<zkq::Outside> outside) : outside_(std::move(outside)) {}

  absl::StatusOr<zkq::ReplicaStatus> StatusOf(std::string_view address,
                                              absl::Duration timeout) override {
    return outside_->StatusOf(address, timeout);
  }
  absl::StatusOr<zkq::Membership> Reconfigure(std::string_view address, zkq::Membership next,
                                              absl::Duration timeout) override {
    return outside_->Reconfigure(address, std::move(next), timeout);
  }
  absl::Time Now() override { return absl::Now(); }
  void Sleep(absl::Duration duration) override { absl::SleepFor(duration); }

 private:
  const std::unique_ptr<zkq::Outside> outside_;
};

// The change goes on where it was asked for.
void OnInterrupt(int) {
  constexpr char kWords[] =
      "\nzkqctl: unknown: the change goes on until its --timeout, at the server that was asked\n";
  (void)!write(STDERR_FILENO, kWords, sizeof(kWords) - 1);
  _exit(ctl::kUnknown);
}

}  // namespace

int main(int argc, char** argv) {
  const absl::StatusOr<ctl::Arguments> arguments =
      ctl::ParseArguments(std::vector<std::string>(argv + 1, argv + argc));
  if (!arguments.ok()) {
    std::cerr << "zkqctl: " << arguments.status().message() << "\n";
    return ctl::kUsage;
  }
  if (arguments->help) {
    std::cout << ctl::Usage();
    return ctl::kDone;
  }
  absl::StatusOr<std::unique_ptr<zkq::Outside>> outside = zkq::Outside::Start();
  if (!outside.ok()) {
    std::cerr << "zkqctl: " << outside.status().message() << "\n";
    return ctl::kFailed;
  }
  if (ctl::Changes(arguments->verb) && !arguments->dry_run) {
    std::signal(SIGINT, OnInterrupt);
    std::signal(SIGTERM, OnInterrupt);
  }
  Network network(*std::move(outside));
  return ctl::Run(*arguments, network, std::cout, std::cerr);
}
