// MemoryDisk: what a MemoryFileSystem holds, and what of it a crash leaves.
//
// What is durable is kept beside what is live: of a file its contents at the last
// Sync, of directories the names at their last SyncDirectory, and the changes of
// names since then in order. Values only: no lock, no errors, no checks.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "zkq/env.h"

namespace zkq::testing {

class MemoryFile {
 public:
  MemoryFile() = default;
  // Durable at once.
  explicit MemoryFile(std::string contents) : live_(std::move(contents)), durable_(live_) {}

  const std::string& live() const { return live_; }
  const std::string& durable() const { return durable_; }
  void Write(uint64_t offset, std::string_view bytes);
  void Resize(uint64_t size);
  void Sync();
  // What was to become durable is in the cache still, and no later Sync writes it.
  void FailSync();
  // The cache is dropped where it no longer agrees with the disk and nothing new was
  // written since.
  void DropFailed();
  void Crash();
  // Every sector, and the size, is the live or the durable one.
  void CrashTorn(Random& random);

 private:
  void Touch(uint64_t begin, uint64_t end);

  std::string live_;
  std::string durable_;
  // Begin and end of what was written since the last Sync, so that one costs no more
  // than that; and of what a failed one has left undone.
  using Range = std::pair<uint64_t, uint64_t>;
  std::vector<Range> dirty_;
  std::vector<Range> failed_;
};

class MemoryDisk {
 public:
  using FilePtr = std::shared_ptr<MemoryFile>;

  FilePtr Find(const std::string& path) const;  // null: no such file
  bool HasDirectory(const std::string& path) const;
  std::vector<std::string> Files() const;                             // sorted
  std::vector<std::string> List(const std::string& directory) const;  // sorted
  uint64_t bytes() const;                                             // of all files together

  FilePtr Create(const std::string& path);
  void Rename(const std::string& from, const std::string& to);
  void Remove(const std::string& path);
  void CreateDirectory(const std::string& path) { directories_.insert(path); }
  void SyncDirectory(const std::string& directory);
  void Place(const std::string& path, FilePtr file);  // durable at once

  void Crash();
  void DropFailed();
  // Another disk with what a crash would leave here.
  MemoryDisk AfterCrash() const;
  // The changes of names took place up to some point of their order.
  void CrashTorn(Random& random);

 private:
  using Names = std::map<std::string, FilePtr>;
  // `gone` leaves and `path` appears; either may be empty.
  struct Change {
    std::string gone = {};
    std::string path = {};
    FilePtr file = nullptr;
  };
  static void Apply(const Change& change, Names* names);
  void Do(Change change);

  Names live_;
  Names durable_;
  std::vector<Change> pending_;  // done live, not durable yet, oldest first
  std::set<std::string> directories_;
};

// "a/b/c" is in "a/b", "c" in ".", "/c" in "/".
std::string DirectoryOf(const std::string& path);

}  // namespace zkq::testing
