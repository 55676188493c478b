#include "lib/grpc/grpc_bytes.h"

#include <utility>
#include <vector>

#include <grpcpp/support/slice.h>

#include "absl/strings/cord.h"
#include "lib/base/absl/string_view.h"
#include "lib/link/refusals.h"

namespace zkq::transport {
namespace {

// A slice that owns `bytes`. What is small gRPC copies into the slice itself.
grpc::Slice ToSlice(std::string bytes) {
  constexpr size_t kInlined = 24;
  if (bytes.size() <= kInlined) return grpc::Slice(bytes.data(), bytes.size());
  auto* const owner = new std::string(std::move(bytes));
  return grpc::Slice(
      owner->data(), owner->size(), [](void* p) { delete static_cast<std::string*>(p); }, owner);
}

grpc::Slice ToSlice(Payload bytes) {
  auto* const owner = new Payload(std::move(bytes));
  // gRPC does not write to slices that it sends.
  return grpc::Slice(
      const_cast<char*>(owner->view().data()), owner->size(),
      [](void* p) { delete static_cast<Payload*>(p); }, owner);
}

}  // namespace

grpc::ByteBuffer ToByteBuffer(link::Outgoing frame) {
  const bool two = frame.tail.size() > 0;
  const grpc::Slice slices[2] = {ToSlice(std::move(frame.head)),
                                 two ? ToSlice(std::move(frame.tail)) : grpc::Slice()};
  return grpc::ByteBuffer(slices, two ? 2 : 1);
}

Payload FromByteBuffer(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return Payload();
  std::string bytes;
  bytes.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return Payload(std::move(bytes));
}

grpc::Status ToGrpc(const absl::Status& status) {
  const auto refused = status.GetPayload(link::kRefusedPayload);
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      std::string(FromAbsl(status.message())),
                      refused ? std::string(*refused) : std::string());
}

absl::Status FromGrpc(const grpc::Status& status) {
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  if (!result.ok() && !status.error_details().empty()) {
    result.SetPayload(link::kRefusedPayload, absl::Cord(status.error_details()));
  }
  return result;
}

}  // namespace zkq::transport
