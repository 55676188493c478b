#include "state_machine.h"

#include <algorithm>
#include <utility>

namespace kv {
absl::StatusOr<std::string> KvStateMachine::Apply(const zkq::Transaction& txn) {
  pb::Command command;
  if (command.ParseFromArray(txn.command.data(), static_cast<int>(txn.command.size()))) {
    switch (command.op_case()) {
      case pb::Command::kPut:
        return Put(std::move(*command.mutable_put()), txn.zxid);
      case pb::Command::kDelete:
        return Delete(command.delete_(), txn.zxid);
      case pb::Command::kCas:
        return CompareAndSwap(std::move(*command.mutable_cas()), txn.zxid);
      case pb::Command::OP_NOT_SET:
        break;
    }
  }
  return std::string(kNotACommand);
}

absl::StatusOr<std::string> KvStateMachine::Query(std::string_view request) {
  pb::Query query;
  if (query.ParseFromArray(request.data(), static_cast<int>(request.size()))) {
    switch (query.op_case()) {
      case pb::Query::kGet:
        return Get(query.get());
      case pb::Query::kList:
        return List(query.list());
      case pb::Query::OP_NOT_SET:
        break;
    }
  }
  return absl::InvalidArgumentError("not a query of this store");
}

std::string KvStateMachine::Put(pb::PutRequest request, zkq::Zxid zxid) {
  Set(std::move(*request.mutable_key()), std::move(*request.mutable_value()), zxid);
  pb::PutResponse response;
  *response.mutable_zxid() = ToProto(zxid);
  return response.SerializeAsString();
}

std::string KvStateMachine::Delete(const pb::DeleteRequest& request, zkq::Zxid zxid) {
  pb::DeleteResponse response;
  response.set_found(map_.Erase(request.key()));
  *response.mutable_zxid() = ToProto(zxid);
  if (response.found() && sink_ != nullptr) {
    sink_->OnChange(pb::WatchEvent::DELETE, request.key(), "", zxid);
  }
  return response.SerializeAsString();
}

std::string KvStateMachine::CompareAndSwap(pb::CompareAndSwapRequest request, zkq::Zxid zxid) {
  const Value* found = map_.Find(request.key());
  pb::CompareAndSwapResponse response;
  response.set_found(found != nullptr);
  response.set_swapped(request.expect_absent()
                           ? found == nullptr
                           : found != nullptr && found->bytes == request.expected());
  *response.mutable_zxid() = ToProto(zxid);
  if (response.swapped()) {
    Set(std::move(*request.mutable_key()), std::move(*request.mutable_value()), zxid);
  } else if (found != nullptr) {
    response.set_actual(found->bytes);
  }
  return response.SerializeAsString();
}

void KvStateMachine::Set(std::string key, std::string value, zkq::Zxid zxid) {
  if (sink_ != nullptr) sink_->OnChange(pb::WatchEvent::PUT, key, value, zxid);
  map_.Put(std::move(key), Value{std::move(value), zxid});
}

std::string KvStateMachine::Get(const pb::GetRequest& request) const {
  pb::GetResponse response;
  if (const Value* found = map_.Find(request.key())) {
    response.set_found(true);
    response.set_value(found->bytes);
    *response.mutable_modified() = ToProto(found->modified);
  }
  return response.SerializeAsString();
}

std::string KvStateMachine::List(const pb::ListRequest& request) const {
  const uint32_t limit =
      request.limit() == 0 ? kPageItemsMax : std::min(request.limit(), kPageItemsMax);
  // The first key after `after` is `after` with a zero byte.
  const std::string from =
      request.after() < request.prefix() ? request.prefix() : request.after() + '\0';
  pb::ListResponse response;
  size_t bytes = 0;
  map_.Visit(from, [&](const std::string& key, const Value& value) {
    if (key.compare(0, request.prefix().size(), request.prefix()) != 0) return false;
    bytes += key.size() + value.bytes.size();
    bool full = static_cast<uint32_t>(response.items_size()) == limit ||
                (response.items_size() > 0 && bytes > kPageBytesMax);
    response.set_more(full);
    if (full) return false;
    pb::KeyValue* item = response.add_items();
    item->set_key(key);
    item->set_value(value.bytes);
    return true;
  });
  return response.SerializeAsString();
}

absl::StatusOr<zkq::SnapshotJob> KvStateMachine::Snapshot() {
  return [map = map_](zkq::SnapshotWriter& out) {
    absl::Status status;
    map.Visit("", [&](const std::string& key, const Value& value) {
      pb::Entry entry;
      entry.set_key(key);
      entry.set_value(value.bytes);
      *entry.mutable_modified() = ToProto(value.modified);
      status = out.WriteRecord(entry.SerializeAsString());
      return status.ok();
    });
    return status;
  };
}

absl::Status KvStateMachine::Restore(zkq::SnapshotReader& in) {
  map_.Clear();
  if (sink_ != nullptr) sink_->OnRestore();
  std::string record;
  pb::Entry entry;
  for (;;) {
    absl::StatusOr<bool> more = in.ReadRecord(&record);
    if (!more.ok() || !*more) return more.status();
    if (!entry.ParseFromString(record)) {
      return absl::DataLossError("a snapshot record is not an entry of this store");
    }
    zkq::Zxid modified{entry.modified().epoch(), entry.modified().counter()};
    map_.Put(std::move(*entry.mutable_key()), Value{std::move(*entry.mutable_value()), modified});
  }
}

}  // namespace kv
