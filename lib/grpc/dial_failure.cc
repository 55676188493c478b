#include "lib/grpc/dial_failure.h"

#include <initializer_list>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "lib/base/absl/string_view.h"
#include "lib/link/refusals.h"

namespace zkq::transport {
namespace {

bool HasAny(std::string_view text, std::initializer_list<std::string_view> parts) {
  for (const std::string_view part : parts) {
    if (text.find(part) != std::string_view::npos) return true;
  }
  return false;
}

// What stands before the first ": ", which is taken off; all of it, if there is none.
std::string_view CutClause(std::string_view* text) {
  const size_t end = text->find(": ");
  const std::string_view clause = text->substr(0, end);
  text->remove_prefix(end == std::string_view::npos ? text->size() : end + 2);
  return clause;
}

// `why` is c-ares' or the C library's, as gRPC was built.
std::string NotResolved(const std::string& address, std::string_view why) {
  const std::string name = address.substr(0, address.rfind(':'));
  if (HasAny(why, {"Domain name not found", "not known"})) return "no such name: " + name;
  return "the name " + name + " is not resolved (" + std::string(why) + ")";
}

// "ipv4:10.0.0.3:7003", "ipv6:%5B::1%5D:7003"
std::string HostPortIn(std::string_view uri) {
  if (uri.starts_with("ipv4:") || uri.starts_with("ipv6:")) uri.remove_prefix(5);
  return absl::StrReplaceAll(ToAbsl(uri), {{"%5B", "["}, {"%5D", "]"}});
}

std::string NotConnected(const std::string& where, std::string_view why) {
  if (HasAny(why, {"Connection refused"})) return "connection refused by " + where;
  if (HasAny(why, {"handshaker shutdown", "timed out"})) return "no answer from " + where;
  const std::string because = " (" + std::string(why) + ")";
  if (HasAny(why, {"HTTP", "http"})) return "something else listens at " + where + because;
  return "no connection to " + where + because;
}

// Without a refusal no server of zkq begins with these, and gRPC gives none of them to a
// connection that fails.
bool IsByAService(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string DialFailure(const std::string& address, std::string_view text) {
  // "DNS resolution failed for db3:7003: C-ares status is not …: Domain name not found"
  const size_t last = text.rfind(": ");
  if (text.starts_with("DNS resolution failed") && last != std::string_view::npos) {
    return NotResolved(address, text.substr(last + 2));
  }
  // "failed to connect to all addresses; last error: UNKNOWN: ipv4:10.0.0.3:7003: Failed to
  // connect to remote host: Connection refused"
  std::string_view rest = text;
  if (!CutClause(&rest).starts_with("failed to connect")) return std::string(text);
  CutClause(&rest);
  const std::string where = HostPortIn(CutClause(&rest));
  if (rest.starts_with("Failed to connect")) CutClause(&rest);
  return rest.empty() ? std::string(text) : NotConnected(where, rest);
}

absl::Status ShortenDialFailure(const std::string& address, absl::Status status) {
  const std::string_view text = FromAbsl(status.message());
  std::string shortened = DialFailure(address, text);
  if (!absl::IsUnavailable(status) || shortened == text) return status;
  return absl::UnavailableError(shortened);
}

absl::Status NameStranger(const std::string& address, absl::Status status) {
  if (!IsByAService(status.code()) || link::RefusedIn(status)) return status;
  std::string said = absl::StatusCodeToString(status.code());
  if (!status.message().empty()) absl::StrAppend(&said, ": ", status.message());
  return absl::Status(status.code(),
                      absl::StrCat("something else answers at ", address, " (", said, ")"));
}

}  // namespace zkq::transport
