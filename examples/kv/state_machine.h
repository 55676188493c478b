// The replicated state of the key-value store.
//
// Commands and queries are the messages of state.proto, serialized; answers are
// the matching responses of kv.proto. A command that cannot be read changes nothing
// and is answered with kNotACommand, on every replica alike: an error would halt all
// of them, and again whenever one is started.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "kv.pb.h"
#include "persistent_map.h"
#include "state.pb.h"
#include "zkq/state_machine.h"

namespace kv {

namespace pb = zkq::kv::v1;

// No response reads like this: as a message it would not parse.
inline constexpr std::string_view kNotACommand = "not a command of this store";

// Sees the changes as they are applied. Called on the apply strand, one call at a
// time; must not block.
class ChangeSink {
 public:
  virtual ~ChangeSink() = default;
  virtual void OnChange(pb::WatchEvent::Kind kind, const std::string& key, const std::string& value,
                        zkq::Zxid zxid) = 0;
  // The whole state has been replaced: what changed in between is not known.
  virtual void OnRestore() = 0;
};

class KvStateMachine final : public zkq::StateMachine {
 public:
  // A page of a List holds at most so many items and about so many bytes.
  static constexpr uint32_t kPageItemsMax = 10'000;
  static constexpr size_t kPageBytesMax = 1 << 20;

  // `sink` may be null.
  explicit KvStateMachine(std::shared_ptr<ChangeSink> sink) : sink_(std::move(sink)) {}

  absl::StatusOr<std::string> Apply(const zkq::Transaction& txn) override;
  absl::StatusOr<std::string> Query(std::string_view request) override;
  // O(1): the job walks a copy of the persistent map.
  absl::StatusOr<zkq::SnapshotJob> Snapshot() override;
  absl::Status Restore(zkq::SnapshotReader& in) override;

 private:
  struct Value {
    std::string bytes;
    zkq::Zxid modified;
  };

  std::string Put(pb::PutRequest request, zkq::Zxid zxid);
  std::string Delete(const pb::DeleteRequest& request, zkq::Zxid zxid);
  std::string CompareAndSwap(pb::CompareAndSwapRequest request, zkq::Zxid zxid);
  std::string Get(const pb::GetRequest& request) const;
  std::string List(const pb::ListRequest& request) const;
  void Set(std::string key, std::string value, zkq::Zxid zxid);

  PersistentMap<Value> map_;
  const std::shared_ptr<ChangeSink> sink_;
};

inline pb::Zxid ToProto(zkq::Zxid zxid) {
  pb::Zxid result;
  result.set_epoch(zxid.epoch);
  result.set_counter(zxid.counter);
  return result;
}

}  // namespace kv
