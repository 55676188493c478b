#include "lib/testing/world/memory_disk.h"

#include <algorithm>
#include <cstring>

namespace zkq::testing {
namespace {

constexpr uint64_t kSector = 512;

std::string_view Sector(std::string_view bytes, uint64_t offset) {
  return offset < bytes.size() ? bytes.substr(offset, kSector) : std::string_view();
}

std::string NameIn(const std::string& directory, const std::string& path) {
  if (DirectoryOf(path) != directory) return "";
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

}  // namespace

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

void MemoryFile::Touch(uint64_t begin, uint64_t end) {
  if (!dirty_.empty() && begin <= dirty_.back().second && end >= dirty_.back().first) {
    dirty_.back() = {std::min(begin, dirty_.back().first), std::max(end, dirty_.back().second)};
  } else {
    dirty_.emplace_back(begin, end);
  }
}

void MemoryFile::Write(uint64_t offset, std::string_view bytes) {
  if (bytes.empty()) return;
  const uint64_t end = offset + bytes.size();
  if (end > live_.size()) Resize(end);
  std::memcpy(live_.data() + offset, bytes.data(), bytes.size());
  Touch(offset, end);
}

void MemoryFile::Resize(uint64_t size) {
  Touch(std::min<uint64_t>(size, live_.size()), std::max<uint64_t>(size, live_.size()));
  live_.resize(size);
}

void MemoryFile::Sync() {
  durable_.resize(live_.size());
  for (const auto& [begin, dirty_end] : std::exchange(dirty_, {})) {
    const uint64_t end = std::min<uint64_t>(dirty_end, live_.size());
    if (begin < end) std::memcpy(durable_.data() + begin, live_.data() + begin, end - begin);
  }
}

void MemoryFile::FailSync() {
  failed_.insert(failed_.end(), dirty_.begin(), dirty_.end());
  dirty_.clear();
}

void MemoryFile::DropFailed() {
  const auto written_since = [this](uint64_t at) {
    return std::any_of(dirty_.begin(), dirty_.end(),
                       [at](const Range& range) { return at >= range.first && at < range.second; });
  };
  for (const auto& [begin, end] : std::exchange(failed_, {})) {
    for (uint64_t at = begin; at < std::min<uint64_t>(end, live_.size()); ++at) {
      if (!written_since(at)) live_[at] = at < durable_.size() ? durable_[at] : '\0';
    }
  }
}

void MemoryFile::Crash() {
  live_ = durable_;
  failed_.clear();
  dirty_.clear();
}

void MemoryFile::CrashTorn(Random& random) {
  DropFailed();
  std::string torn(random.Next() % 2 == 0 ? live_.size() : durable_.size(), '\0');
  for (uint64_t at = 0; at < torn.size(); at += kSector) {
    std::string_view kept = Sector(durable_, at);
    const std::string_view written = Sector(live_, at);
    if (kept != written && random.Next() % 2 == 0) kept = written;
    kept = kept.substr(0, torn.size() - at);
    kept.copy(torn.data() + at, kept.size());
  }
  *this = MemoryFile(std::move(torn));
}

MemoryDisk::FilePtr MemoryDisk::Find(const std::string& path) const {
  const auto found = live_.find(path);
  return found == live_.end() ? nullptr : found->second;
}

bool MemoryDisk::HasDirectory(const std::string& path) const {
  return path == "." || path == "/" || directories_.count(path) > 0;
}

std::vector<std::string> MemoryDisk::Files() const {
  std::vector<std::string> paths;
  for (const auto& [path, file] : live_) paths.push_back(path);
  return paths;
}

std::vector<std::string> MemoryDisk::List(const std::string& directory) const {
  std::set<std::string> names;
  for (const auto& [path, file] : live_) names.insert(NameIn(directory, path));
  for (const std::string& path : directories_) names.insert(NameIn(directory, path));
  names.erase("");
  return {names.begin(), names.end()};
}

uint64_t MemoryDisk::bytes() const {
  uint64_t bytes = 0;
  for (const auto& [path, file] : live_) bytes += file->live().size();
  return bytes;
}

void MemoryDisk::Apply(const Change& change, Names* names) {
  names->erase(change.gone);
  if (change.file != nullptr) (*names)[change.path] = change.file;
}

void MemoryDisk::Do(Change change) {
  Apply(change, &live_);
  pending_.push_back(std::move(change));
}

MemoryDisk::FilePtr MemoryDisk::Create(const std::string& path) {
  auto file = std::make_shared<MemoryFile>();
  Do({.path = path, .file = file});
  return file;
}

void MemoryDisk::Rename(const std::string& from, const std::string& to) {
  Do({.gone = from, .path = to, .file = Find(from)});
}

void MemoryDisk::Remove(const std::string& path) { Do({.gone = path}); }

void MemoryDisk::SyncDirectory(const std::string& directory) {
  std::vector<Change> others;
  for (Change& change : pending_) {
    const std::string& path = change.path.empty() ? change.gone : change.path;
    if (DirectoryOf(path) == directory) {
      Apply(change, &durable_);
    } else {
      others.push_back(std::move(change));
    }
  }
  pending_ = std::move(others);
}

void MemoryDisk::Place(const std::string& path, FilePtr file) {
  live_[path] = file;
  durable_[path] = std::move(file);
  std::erase_if(pending_,
                [&](const Change& change) { return change.path == path || change.gone == path; });
}

void MemoryDisk::Crash() {
  pending_.clear();
  live_ = durable_;
  for (auto& [path, file] : live_) file->Crash();
}

void MemoryDisk::DropFailed() {
  for (auto& [path, file] : live_) file->DropFailed();
}

MemoryDisk MemoryDisk::AfterCrash() const {
  MemoryDisk left;
  left.directories_ = directories_;
  for (const auto& [path, file] : durable_) {
    left.Place(path, std::make_shared<MemoryFile>(file->durable()));
  }
  return left;
}

void MemoryDisk::CrashTorn(Random& random) {
  const uint64_t done = random.Next() % (pending_.size() + 1);
  for (uint64_t i = 0; i < done; ++i) Apply(pending_[i], &durable_);
  pending_.clear();
  live_ = durable_;
  for (auto& [path, file] : live_) file->CrashTorn(random);
}

}  // namespace zkq::testing
