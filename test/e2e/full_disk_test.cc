// A disk that is full, for real: a small file system of its own under one server.
#include <sys/mount.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "test/e2e/ensemble.h"
#include "test/harness/catch.h"

using namespace e2e;

namespace {

// A file system of 2 MiB at `path`, which it makes.
class SmallDisk {
 public:
  explicit SmallDisk(std::string path) : path_(std::move(path)) {
    std::filesystem::create_directories(path_);
    if (mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=2m") != 0) error_ = errno;
  }
  ~SmallDisk() {
    if (error_ == 0) umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  int error() const { return error_; }
  void Fill() {
    std::ofstream file(filler());
    const std::string block(4096, 'x');
    while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) continue;
  }
  void MakeRoom() { std::filesystem::remove(filler()); }

 private:
  std::string filler() const { return path_ + "/filler"; }

  const std::string path_;
  int error_ = 0;
};

}  // namespace

// apache/hugegraph 3222, baidu/braft 200, nats-server 4847.
TEST_CASE("a server whose disk is full ends with 1, and takes part again once there is room") {
  Ensemble ensemble(3, {"--log_segment_bytes=65536"});
  SmallDisk disk(ensemble.data_dir(3));
  if (disk.error() != 0) {
    std::cout << "SKIPPED: no file system can be mounted: " << std::strerror(disk.error()) << "\n";
    return;
  }
  ensemble.StartAll();
  kv::Client client({ensemble.address(1), ensemble.address(2)}, absl::Seconds(60));
  Put(client, "k", "before");
  ensemble.WaitUntilEqual();

  disk.Fill();
  WaitFor("the end of the server", [&] {
    Put(client, "k", std::string(1'000, 'v'));
    return !ensemble.running(3);
  });
  CHECK(ensemble.process(3).Wait() == 1);
  CHECK(ensemble.log(3).find("\nzkq-kvd: server 3 has halted: ") != std::string::npos);
  CHECK(ensemble.log(3).find("No space left on device") != std::string::npos);

  disk.MakeRoom();
  ensemble.Start(3);
  ensemble.WaitUntilEqual();
}
