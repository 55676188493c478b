#include <vector>

#include "examples/kv/state_machine.h"
#include "test/harness/catch.h"

namespace {

namespace pb = kv::pb;

// A snapshot kept in memory.
class Records final : public zkq::SnapshotWriter, public zkq::SnapshotReader {
 public:
  absl::Status WriteRecord(std::string_view record) override {
    records_.emplace_back(record);
    return absl::OkStatus();
  }
  absl::StatusOr<bool> ReadRecord(std::string* record) override {
    if (next_ == records_.size()) return false;
    *record = records_[next_++];
    return true;
  }

 private:
  std::vector<std::string> records_;
  size_t next_ = 0;
};

// Applies one command a call, with growing zxids.
class Store {
 public:
  template <typename Response>
  Response Apply(const pb::Command& command) {
    const std::string bytes = command.SerializeAsString();
    ++zxid_.counter;
    return Parse<Response>(machine_.Apply({.zxid = zxid_, .command = bytes}));
  }
  template <typename Response>
  Response Query(const pb::Query& query) {
    return Parse<Response>(machine_.Query(query.SerializeAsString()));
  }

  void Put(const std::string& key, const std::string& value) {
    pb::Command command;
    command.mutable_put()->set_key(key);
    command.mutable_put()->set_value(value);
    Apply<pb::PutResponse>(command);
  }
  pb::GetResponse Get(const std::string& key) {
    pb::Query query;
    query.mutable_get()->set_key(key);
    return Query<pb::GetResponse>(query);
  }
  pb::DeleteResponse Delete(const std::string& key) {
    pb::Command command;
    command.mutable_delete_()->set_key(key);
    return Apply<pb::DeleteResponse>(command);
  }
  pb::ListResponse List(const std::string& prefix, uint32_t limit, const std::string& after) {
    pb::Query query;
    query.mutable_list()->set_prefix(prefix);
    query.mutable_list()->set_limit(limit);
    query.mutable_list()->set_after(after);
    return Query<pb::ListResponse>(query);
  }

  kv::KvStateMachine& machine() { return machine_; }

 private:
  template <typename Response>
  static Response Parse(const absl::StatusOr<std::string>& bytes) {
    REQUIRE(bytes.ok());
    Response response;
    REQUIRE(response.ParseFromString(*bytes));
    return response;
  }

  kv::KvStateMachine machine_{nullptr};
  zkq::Zxid zxid_{1, 0};
};

pb::Command Swap(const std::string& key, const std::string& expected, const std::string& value) {
  pb::Command command;
  command.mutable_cas()->set_key(key);
  command.mutable_cas()->set_expected(expected);
  command.mutable_cas()->set_value(value);
  return command;
}

std::string Keys(const pb::ListResponse& page) {
  std::string keys;
  for (const pb::KeyValue& item : page.items()) keys += item.key() + " ";
  return keys + (page.more() ? "more" : "end");
}

}  // namespace

TEST_CASE("a get finds the last put, and the zxid that made it") {
  Store store;
  CHECK_FALSE(store.Get("k").found());
  store.Put("k", "1");
  store.Put("k", "2");
  store.Put("other", "3");
  CHECK(store.Get("k").value() == "2");
  CHECK(store.Get("k").modified().epoch() == 1);
  CHECK(store.Get("k").modified().counter() == 2);
}

TEST_CASE("a delete tells whether there was something") {
  Store store;
  store.Put("k", "1");
  CHECK(store.Delete("k").found());
  CHECK_FALSE(store.Delete("k").found());
  CHECK_FALSE(store.Get("k").found());
}

TEST_CASE("a swap changes only what is as expected") {
  Store store;
  store.Put("k", "1");
  auto wrong = store.Apply<pb::CompareAndSwapResponse>(Swap("k", "0", "2"));
  CHECK_FALSE(wrong.swapped());
  CHECK(wrong.found());
  CHECK(wrong.actual() == "1");
  CHECK(store.Get("k").value() == "1");
  CHECK(store.Apply<pb::CompareAndSwapResponse>(Swap("k", "1", "2")).swapped());
  CHECK(store.Get("k").value() == "2");
  CHECK_FALSE(store.Apply<pb::CompareAndSwapResponse>(Swap("absent", "", "2")).swapped());
}

TEST_CASE("a swap that expects nothing makes a key once") {
  Store store;
  pb::Command create = Swap("k", "", "1");
  create.mutable_cas()->set_expect_absent(true);
  CHECK(store.Apply<pb::CompareAndSwapResponse>(create).swapped());
  auto again = store.Apply<pb::CompareAndSwapResponse>(create);
  CHECK_FALSE(again.swapped());
  CHECK(again.found());
}

TEST_CASE("a list is paged in key order and stays under its prefix") {
  Store store;
  for (const char* key : {"a", "p", "p/1", "p/2", "p/3", "q"}) store.Put(key, "v");
  CHECK(Keys(store.List("p/", 0, "")) == "p/1 p/2 p/3 end");
  CHECK(Keys(store.List("p/", 2, "")) == "p/1 p/2 more");
  CHECK(Keys(store.List("p/", 2, "p/2")) == "p/3 end");
  CHECK(Keys(store.List("p", 0, "")) == "p p/1 p/2 p/3 end");
  CHECK(Keys(store.List("", 0, "p/3")) == "q end");
  CHECK(Keys(store.List("z", 0, "")) == "end");
}

TEST_CASE("a page ends before it grows too large for a message") {
  Store store;
  const std::string half(kv::KvStateMachine::kPageBytesMax / 2, 'x');
  for (const char* key : {"1", "2", "3"}) store.Put(key, half);
  CHECK(Keys(store.List("", 0, "")) == "1 more");
  const std::string huge(kv::KvStateMachine::kPageBytesMax * 2, 'x');
  store.Put("0", huge);
  CHECK(Keys(store.List("", 0, "")) == "0 more");  // never an empty page with more behind it
}

TEST_CASE("a snapshot is of its moment and restores to the same answers") {
  Store store;
  store.Put("a", "1");
  store.Put("b", "2");
  absl::StatusOr<zkq::SnapshotJob> job = store.machine().Snapshot();
  REQUIRE(job.ok());
  store.Put("a", "later");
  store.Delete("b");

  Records records;
  REQUIRE((*job)(records).ok());
  Store restored;
  restored.Put("gone", "x");
  REQUIRE(restored.machine().Restore(records).ok());
  CHECK(restored.Get("a").value() == "1");
  CHECK(restored.Get("b").value() == "2");
  CHECK(restored.Get("b").modified().counter() == 2);
  CHECK_FALSE(restored.Get("gone").found());
}

TEST_CASE("a query or a snapshot that is not of this store is refused") {
  Store store;
  CHECK_FALSE(store.machine().Query("\xff\xff").ok());
  Records records;
  REQUIRE(records.WriteRecord("\xff\xff").ok());
  CHECK(absl::IsDataLoss(store.machine().Restore(records)));
}
