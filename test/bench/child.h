// A server process of the benchmark, and the lines it exchanges with us.
#pragma once

#include <sys/types.h>

#include <cstdio>
#include <string>
#include <vector>

namespace bench {

// Runs this very program again. Killed when it is destroyed, and when we die.
class Child {
 public:
  explicit Child(const std::vector<std::string>& arguments);
  ~Child();
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;

  void Send(const std::string& line);
  // Waits for the next line; throws std::runtime_error when the process has ended.
  std::string Receive();
  // Processor time it has used so far.
  double CpuSeconds() const;
  void Kill();  // SIGKILL, and waits for its end

 private:
  pid_t pid_ = -1;
  FILE* to_ = nullptr;
  FILE* from_ = nullptr;
};

}  // namespace bench
