#include "examples/kv/watch_hub.h"

#include <grpcpp/grpcpp.h>

#include "kv.grpc.pb.h"
#include "test/harness/catch.h"

namespace {

namespace pb = kv::pb;

// A server that does nothing but watching, and a client of it.
class WatchServer final : public pb::Kv::CallbackService {
 public:
  WatchServer() {
    grpc::ServerBuilder builder;
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    stub_ = pb::Kv::NewStub(server_->InProcessChannel({}));
  }
  ~WatchServer() override {
    hub.Close("the test is over");
    server_->Shutdown();
  }

  grpc::ServerWriteReactor<pb::WatchEvent>* Watch(grpc::CallbackServerContext*,
                                                  const pb::WatchRequest* request) override {
    return hub.Watch(request->prefix());
  }

  // Returns once the watch stands.
  std::unique_ptr<grpc::ClientReader<pb::WatchEvent>> Watch(grpc::ClientContext* context,
                                                            const std::string& prefix) {
    pb::WatchRequest request;
    request.set_prefix(prefix);
    auto stream = stub_->Watch(context, request);
    stream->WaitForInitialMetadata();
    return stream;
  }

  void Put(const std::string& key, const std::string& value) {
    hub.OnChange(pb::WatchEvent::PUT, key, value, {1, ++counter_});
  }

  kv::WatchHub hub;

 private:
  uint32_t counter_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<pb::Kv::Stub> stub_;
};

}  // namespace

TEST_CASE("a watcher sees every change under its prefix, in order") {
  WatchServer server;
  grpc::ClientContext context;
  auto stream = server.Watch(&context, "p/");
  for (int i = 0; i < 100; ++i) {
    server.Put("p/" + std::to_string(i), "v");
    server.Put("elsewhere", "v");
  }
  pb::WatchEvent event;
  for (int i = 0; i < 100; ++i) {
    REQUIRE(stream->Read(&event));
    CHECK(event.key() == "p/" + std::to_string(i));
    CHECK(event.zxid().counter() == static_cast<uint32_t>(2 * i + 1));
  }
  context.TryCancel();
  stream->Finish();
}

TEST_CASE("a watcher that is too slow loses its stream, and the others do not wait") {
  WatchServer server;
  grpc::ClientContext slow_context;
  grpc::ClientContext context;
  auto slow = server.Watch(&slow_context, "");
  auto stream = server.Watch(&context, "other");
  const std::string value(1 << 20, 'x');
  for (size_t bytes = 0; bytes <= 4 * kv::WatchHub::kBacklogBytesMax; bytes += value.size())
    server.Put("k", value);
  server.Put("other", "v");
  pb::WatchEvent event;
  REQUIRE(stream->Read(&event));
  while (slow->Read(&event)) continue;
  CHECK(slow->Finish().error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  context.TryCancel();
  stream->Finish();
}

TEST_CASE("a watch ends when the server installs a snapshot, and when it closes") {
  WatchServer server;
  pb::WatchEvent event;
  grpc::ClientContext first_context;
  auto first = server.Watch(&first_context, "");
  server.hub.OnRestore();
  CHECK_FALSE(first->Read(&event));
  CHECK(first->Finish().error_code() == grpc::StatusCode::ABORTED);

  grpc::ClientContext second_context;
  auto second = server.Watch(&second_context, "");
  server.hub.Close("this server has halted");
  server.hub.Close("this server shuts down");
  CHECK_FALSE(second->Read(&event));
  grpc::Status status = second->Finish();
  CHECK(status.error_code() == grpc::StatusCode::UNAVAILABLE);
  CHECK(status.error_message() == "this server has halted");

  grpc::ClientContext third_context;
  auto third = server.Watch(&third_context, "");
  CHECK_FALSE(third->Read(&event));
  status = third->Finish();
  CHECK(status.error_code() == grpc::StatusCode::UNAVAILABLE);
  CHECK(status.error_message() == "this server has halted");
}

TEST_CASE("a watcher that goes away is forgotten") {
  WatchServer server;
  grpc::ClientContext context;
  auto stream = server.Watch(&context, "");
  context.TryCancel();
  CHECK(stream->Finish().error_code() == grpc::StatusCode::CANCELLED);
  for (int i = 0; i < 100; ++i) server.Put("k", "v");
}
