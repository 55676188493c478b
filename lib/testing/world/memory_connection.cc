#include "lib/testing/world/memory_connection.h"

#include <string>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"

namespace zkq::testing {
namespace {

// Shares nothing with `status`, which another thread has.
absl::Status Copy(const absl::Status& status) {
  absl::Status copy(status.code(), status.message());
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) {
    copy.SetPayload(url, absl::Cord(std::string(payload)));
  });
  return copy;
}

}  // namespace

MemoryConnection::MemoryConnection(size_t window, std::shared_ptr<Executor> dialler,
                                   std::shared_ptr<Executor> acceptor)
    : window_(window) {
  ends_[kDialler].executor = std::move(dialler);
  ends_[kAcceptor].executor = std::move(acceptor);
  for (const size_t at : {kDialler, kAcceptor}) {
    ends_[at].connection = this;
    ends_[at].at = at;
  }
}

void MemoryConnection::Open(link::LinkPtr dialler, link::LinkPtr acceptor) {
  {
    const Lock lock(mutex_);
    ends_[kDialler].link = dialler;
    ends_[kAcceptor].link = acceptor;
    for (End& end : ends_) end.self = shared_from_this();
  }
  acceptor->Attach(&ends_[kAcceptor]);
  dialler->Attach(&ends_[kDialler]);
  const Lock lock(mutex_);
  for (const size_t at : {kDialler, kAcceptor}) Schedule(at);  // It may be broken already.
}

void MemoryConnection::Break() {
  const Lock lock(mutex_);
  for (End& end : ends_) {
    end.inbox.clear();
    end.inbox_bytes = 0;
    EndFlow(end.at, absl::UnavailableError("the connection broke"));
  }
}

// --- what links ask for -----------------------------------------------------------

void MemoryConnection::End::Read() {
  const Lock lock(connection->mutex_);
  wants_read = true;
  connection->Schedule(at);
}

void MemoryConnection::End::Write(link::Outgoing frame) {
  std::string bytes = std::move(frame.head);
  bytes.append(frame.tail.view());
  const Lock lock(connection->mutex_);
  End& reader = connection->ends_[1 - at];
  writing = true;
  if (!told && !reader.closed) {
    reader.inbox_bytes += bytes.size();
    reader.inbox.emplace_back(std::move(bytes));
    connection->Schedule(1 - at);
  }
  connection->Schedule(at);
}

void MemoryConnection::End::AbortSoon() {
  const Lock lock(connection->mutex_);
  aborted = true;
  connection->Schedule(at);
}

void MemoryConnection::End::Close(const absl::Status& why) {
  const std::shared_ptr<MemoryConnection> kept = std::exchange(self, nullptr);
  const Lock lock(connection->mutex_);
  closed = true;
  inbox.clear();
  inbox_bytes = 0;
  const bool dials = at == kDialler;
  connection->EndFlow(1 - at, dials ? absl::CancelledError("the peer has closed it") : why);
  connection->Schedule(at);
}

void MemoryConnection::EndFlow(size_t to, const absl::Status& why) {
  if (!ends_[to].told) ends_[to].told = Copy(why);
  Schedule(to);
}

// --- what links are told ----------------------------------------------------------

void MemoryConnection::Schedule(size_t at) {
  End& end = ends_[at];
  if (end.link == nullptr || std::exchange(end.working, true)) return;
  end.executor->Run([self = shared_from_this(), at] { self->Work(at); });
}

void MemoryConnection::Work(size_t at) {
  Lock lock(mutex_);
  while (TellNext(&ends_[at], &lock)) {
  }
  ends_[at].working = false;
}

bool MemoryConnection::TellNext(End* end, Lock* lock) {
  if (end->link == nullptr) return false;
  if (TellWritten(end, lock)) return true;
  if (end->closed) return TellEnded(end, lock);
  return TellRead(end, lock) || TellReadFailed(end, lock);
}

bool MemoryConnection::TellWritten(End* end, Lock* lock) {
  const End& reader = ends_[1 - end->at];
  const bool over = end->aborted || end->told || reader.closed;
  if (!end->writing || (!over && reader.inbox_bytes > window_)) return false;
  end->writing = false;
  lock->unlock();
  end->link->OnWritten(!over);
  lock->lock();
  return true;
}

bool MemoryConnection::TellRead(End* end, Lock* lock) {
  if (!end->wants_read || end->inbox.empty()) return false;
  Payload frame = std::move(end->inbox.front());
  end->inbox.pop_front();
  end->inbox_bytes -= frame.size();
  end->wants_read = false;
  Schedule(1 - end->at);  // What waits to be written may fit now.
  lock->unlock();
  end->link->OnRead(std::move(frame));
  lock->lock();
  return true;
}

// The dialled end learns of it without reading, and is not told why.
bool MemoryConnection::TellReadFailed(End* end, Lock* lock) {
  const bool dials = end->at == kDialler;
  if (!end->told || end->read_failed || (dials && !end->wants_read)) return false;
  end->read_failed = true;
  std::optional<absl::Status> why;
  if (!dials) why = absl::UnavailableError("the peer is gone");
  lock->unlock();
  end->link->OnReadFailed(std::move(why));
  lock->lock();
  return true;
}

bool MemoryConnection::TellEnded(End* end, Lock* lock) {
  const link::LinkPtr link = std::exchange(end->link, nullptr);
  absl::Status status = absl::OkStatus();
  if (end->at == kDialler) status = end->told ? *std::move(end->told) : absl::CancelledError("");
  lock->unlock();
  link->OnEnded(std::move(status));
  lock->lock();
  return true;
}

}  // namespace zkq::testing
