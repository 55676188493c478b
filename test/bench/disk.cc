#include "test/bench/disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <vector>

namespace bench {
namespace {

constexpr int kBlocks = 500;
constexpr size_t kBlock = 4096;

void WriteBlock(int fd, int block, char byte) {
  const std::string bytes(kBlock, byte);
  if (pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(block * kBlock)) !=
      static_cast<ssize_t>(kBlock))
    throw std::runtime_error("cannot write to the disk");
}

}  // namespace

double MedianSyncMillis(const std::string& directory) {
  const std::string path = directory + "/sync";
  int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) throw std::runtime_error("cannot create " + path);
  for (int block = 0; block < kBlocks; ++block) WriteBlock(fd, block, 0);
  fsync(fd);
  std::vector<double> times;
  for (int block = 0; block < kBlocks; ++block) {
    WriteBlock(fd, block, 'x');
    const auto begin = std::chrono::steady_clock::now();
    if (fdatasync(fd) != 0) throw std::runtime_error("fdatasync failed");
    times.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
            .count());
  }
  close(fd);
  unlink(path.c_str());
  std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
  return times[times.size() / 2];
}

}  // namespace bench
