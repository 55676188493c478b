#include "load.h"

#include <utility>

#include "absl/time/clock.h"
#include "zkq/grpc_status.h"

namespace kv {
namespace {

// Puts on their way at once. Below the server's bound for one stream, so that it
// takes in a whole window while we do not read, and neither side blocks the other.
constexpr size_t kWindow = 500;

class Loader {
 public:
  Loader(Client& client, const std::vector<KeyValue>& items)
      : client_(client), items_(items), done_(items.size()) {}

  LoadResult Run() {
    absl::Time deadline = absl::Now() + client_.timeout();
    result_.result.status = absl::UnavailableError("no server answers");
    while (result_.loaded < items_.size()) {
      Client::Stub* stub = client_.Connect(deadline);
      if (stub == nullptr) return result_;
      const size_t before = result_.loaded;
      Pass(*stub);
      if (result_.loaded > before) deadline = absl::Now() + client_.timeout();
      if (result_.loaded < items_.size()) client_.Next();
    }
    result_.result = {};
    result_.repeated = asked_ - items_.size();
    return result_;
  }

 private:
  using Stream = grpc::ClientReaderWriter<pb::BatchRequest, pb::BatchResponse>;

  // Puts what is missing over one stream, until that fails.
  void Pass(Client::Stub& stub) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + client_.timeout()));
    std::unique_ptr<Stream> stream = stub.Batch(&context);
    size_t next = 0;
    bool going = true;
    while (going && next < items_.size()) {
      const size_t asked = Ask(*stream, &next);
      going = Collect(*stream, asked);
    }
    stream->WritesDone();
    absl::Status status = zkq::FromGrpcStatus(stream->Finish(), context);
    if (!status.ok()) result_.result = {std::move(status), /*unknown=*/true};
  }

  // Sends the next window of puts from *next on; returns how many.
  size_t Ask(Stream& stream, size_t* next) {
    size_t asked = 0;
    for (; *next < items_.size() && asked < kWindow; ++*next) {
      if (done_[*next]) continue;
      pb::BatchRequest request;
      request.set_id(*next);
      request.mutable_put()->set_key(items_[*next].key);
      request.mutable_put()->set_value(items_[*next].value);
      ++asked;
      if (!stream.Write(request)) break;
    }
    asked_ += asked;
    return asked;
  }

  // False if one of them failed or the stream broke.
  bool Collect(Stream& stream, size_t asked) {
    bool good = true;
    pb::BatchResponse response;
    for (; asked > 0 && stream.Read(&response); --asked) {
      if (response.code() == 0) {
        done_[response.id()] = true;
        ++result_.loaded;
      } else {
        good = false;
        result_.result = {{static_cast<absl::StatusCode>(response.code()), response.error()},
                          response.outcome_unknown()};
      }
    }
    return good && asked == 0;
  }

  Client& client_;
  const std::vector<KeyValue>& items_;
  std::vector<bool> done_;
  size_t asked_ = 0;
  LoadResult result_;
};

}  // namespace

LoadResult Load(Client& client, const std::vector<KeyValue>& items) {
  return Loader(client, items).Run();
}

}  // namespace kv
