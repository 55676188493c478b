#include "zkq/testing/memory_network.h"

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/read_number.h"
#include "lib/link/link_table.h"
#include "lib/testing/world/memory_connection.h"

namespace zkq::testing {
inline namespace v1 {
namespace {

// What a connection for a link takes without its being read. Of a transfer the next frame is
// written when the one before has been read.
constexpr size_t kLinkWindow = 1 << 20, kTransferWindow = 0;

}  // namespace

class MemoryNetwork::Wires : public std::enable_shared_from_this<Wires> {
 public:
  // One started transport, as the network sees it.
  struct Process {
    ServerId sid{};
    std::shared_ptr<link::LinkTable> table = nullptr;
    std::shared_ptr<Executor> executor = nullptr;
  };
  using ProcessPtr = std::shared_ptr<const Process>;

  explicit Wires(const MemoryNetworkOptions& options) : options_(options) {}

  const MemoryNetworkOptions& options() const { return options_; }
  bool Add(const ProcessPtr& process) {
    const std::lock_guard lock(mutex_);
    return processes_.emplace(process->sid, process).second;
  }
  void Remove(const ProcessPtr& process);
  void Crash(ServerId sid);
  void Partition(const std::set<ServerId>& side);

  void Dial(const ProcessPtr& from, ServerId to, size_t window, link::LinkPtr link);
  absl::Status Knock(const ProcessPtr& from, const Identity& self, ServerId to);
  void Ask(const ProcessPtr& from, ServerId to, link::AskRequest request, absl::Duration timeout,
           link::AskDone done);

 private:
  struct Wire {
    std::weak_ptr<MemoryConnection> connection;
    ServerId dialler{}, acceptor{};
  };
  // With the lock held. Null: nobody.
  ProcessPtr Reach(const ProcessPtr& from, ServerId to) const;
  template <typename Condition>
  void BreakIf(Condition condition);

  const MemoryNetworkOptions options_;
  std::mutex mutex_;  // of all that follows
  std::map<ServerId, ProcessPtr> processes_;
  std::set<ServerId> side_;
  std::vector<Wire> wires_;
};

MemoryNetwork::Wires::ProcessPtr MemoryNetwork::Wires::Reach(const ProcessPtr& from,
                                                             ServerId to) const {
  const auto self = processes_.find(from->sid), other = processes_.find(to);
  const bool tool = from->sid == kNoServer;
  if (!tool && (self == processes_.end() || self->second != from)) return nullptr;
  if (side_.contains(from->sid) != side_.contains(to)) return nullptr;
  return other == processes_.end() ? nullptr : other->second;
}

void MemoryNetwork::Wires::Dial(const ProcessPtr& from, ServerId to, size_t window,
                                link::LinkPtr link) {
  std::shared_ptr<MemoryConnection> connection;
  ProcessPtr other;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(wires_, [](const Wire& wire) { return wire.connection.expired(); });
    if ((other = Reach(from, to)) != nullptr) {
      connection = std::make_shared<MemoryConnection>(window, from->executor, other->executor);
      wires_.push_back({connection, from->sid, to});
    }
  }
  if (other == nullptr) return link->OnEnded(absl::UnavailableError("nobody is there"));
  absl::StatusOr<link::LinkPtr> accepted =
      window == kLinkWindow ? other->table->Accept() : other->table->AcceptTransfer();
  if (!accepted.ok()) return link->OnEnded(std::move(accepted).status());
  connection->Open(std::move(link), *std::move(accepted));
}

absl::Status MemoryNetwork::Wires::Knock(const ProcessPtr& from, const Identity& self,
                                         ServerId to) {
  ProcessPtr other;
  {
    const std::lock_guard lock(mutex_);
    other = Reach(from, to);
  }
  if (other == nullptr) return absl::UnavailableError("nobody is there");
  return other->table->OnKnock(self, to);
}

void MemoryNetwork::Wires::Ask(const ProcessPtr& from, ServerId to, link::AskRequest request,
                               absl::Duration timeout, link::AskDone done) {
  const auto reach = [this, from, to] {
    const std::lock_guard lock(mutex_);
    return Reach(from, to);
  };
  const ProcessPtr other = reach();
  if (other == nullptr) return std::move(done)(absl::UnavailableError("nobody is there"));
  request.from.local = true;
  other->table->OnAsked(
      std::move(request), timeout,
      [self = shared_from_this(), from, reach, other,
       done = std::move(done)](absl::StatusOr<link::AskReply> reply) mutable {
        if (reach() != other) reply = absl::UnavailableError("cut off");
        from->executor->Run([done = std::move(done), reply = std::move(reply)]() mutable {
          std::move(done)(std::move(reply));
        });
      });
}

// A connection has its own lock, and calls nothing back inside Break.
template <typename Condition>
void MemoryNetwork::Wires::BreakIf(Condition condition) {
  for (const Wire& wire : wires_) {
    if (!condition(wire)) continue;
    if (const auto connection = wire.connection.lock()) connection->Break();
  }
}

void MemoryNetwork::Wires::Remove(const ProcessPtr& process) {
  const std::lock_guard lock(mutex_);
  const auto found = processes_.find(process->sid);
  if (found != processes_.end() && found->second == process) processes_.erase(found);
}

void MemoryNetwork::Wires::Crash(ServerId sid) {
  const std::lock_guard lock(mutex_);
  processes_.erase(sid);
  BreakIf([sid](const Wire& wire) { return wire.dialler == sid || wire.acceptor == sid; });
}

void MemoryNetwork::Wires::Partition(const std::set<ServerId>& side) {
  const std::lock_guard lock(mutex_);
  side_ = side;
  BreakIf([this](const Wire& wire) {
    return side_.contains(wire.dialler) != side_.contains(wire.acceptor);
  });
}

// --- transports -------------------------------------------------------------------

namespace {

using Process = MemoryNetwork::Wires::Process;
using ProcessPtr = MemoryNetwork::Wires::ProcessPtr;

// An address is a sid.
ServerId SidAt(const std::string& address) {
  uint64_t sid = 0;
  return ReadNumber(address, &sid) ? ServerId{sid} : kNoServer;
}

class MemoryDialler final : public link::Dialler {
 public:
  MemoryDialler(std::shared_ptr<MemoryNetwork::Wires> wires, ProcessPtr process)
      : wires_(std::move(wires)), process_(std::move(process)) {}

  absl::Status Dial(const std::string& address, link::LinkPtr link) override {
    wires_->Dial(process_, SidAt(address), kLinkWindow, std::move(link));
    return absl::OkStatus();
  }
  void Fetch(const std::string& address, link::LinkPtr transfer) override {
    wires_->Dial(process_, SidAt(address), kTransferWindow, std::move(transfer));
  }
  void Knock(const std::string& address, const Identity& from, ServerId, KnockDone done) override {
    process_->executor->Run(
        [wires = wires_, process = process_, from, to = SidAt(address),
         done = std::move(done)]() mutable { std::move(done)(wires->Knock(process, from, to)); });
  }
  void Ask(const std::string& address, link::AskRequest request, absl::Duration timeout,
           link::AskDone done) override {
    process_->executor->Run([wires = wires_, process = process_, to = SidAt(address),
                             request = std::move(request), timeout,
                             done = std::move(done)]() mutable {
      wires->Ask(process, to, std::move(request), timeout, std::move(done));
    });
  }

 private:
  const std::shared_ptr<MemoryNetwork::Wires> wires_;
  const ProcessPtr process_;
};

class MemoryTransport final : public QuorumTransport {
 public:
  MemoryTransport(std::shared_ptr<MemoryNetwork::Wires> wires, std::shared_ptr<LogSink> log_sink)
      : wires_(std::move(wires)),
        table_(std::make_shared<link::LinkTable>(link::TableOptions{
            .bounds = {.outbound_bytes_max = wires_->options().outbound_bytes_max,
                       .inbound_bytes_max = wires_->options().inbound_bytes_max},
            .log_sink = std::move(log_sink)})) {}
  ~MemoryTransport() override { Shutdown(); }

  absl::Status Start(const Env& env, const Identity& self, Receiver* receiver) override {
    process_ = std::make_shared<Process>(Process{self.sid, table_, env.executor});
    table_->Start(env, self, receiver);
    const bool asks_only = self.sid == kNoServer;
    if (!asks_only && !wires_->Add(process_)) {
      table_->Shutdown();
      return absl::UnavailableError("a process of server " + ToString(self.sid) + " runs");
    }
    table_->StartDialling(std::make_shared<MemoryDialler>(wires_, process_));
    return absl::OkStatus();
  }

  void SetIdentity(const Identity& self) override { table_->SetIdentity(self); }
  void SetMembers(absl::Span<const Member> members) override {
    std::vector<Member> placed(members.begin(), members.end());
    for (Member& member : placed) member.address = ToString(member.id);
    table_->SetMembers(placed);
  }
  void Send(std::span<const LinkId> to, Message message) override { table_->Send(to, message); }
  void Notify(ServerId to, const Notification& notification) override {
    table_->Notify(to, notification);
  }
  void DropLink(const LinkId& link) override { table_->DropLink(link); }
  void FetchSnapshot(const LinkId& link, const SnapshotRequest& request,
                     SnapshotSink sink) override {
    table_->FetchSnapshot(link, request, std::move(sink));
  }
  void Ask(ServerId to, Question question, absl::Duration timeout, Answer done) override {
    table_->Ask(to, std::move(question), timeout, std::move(done));
  }
  LinkCounters counters() const override { return table_->counters(); }
  std::vector<LinkState> links() const override { return table_->links(); }

  void Shutdown() override {
    table_->Shutdown();
    if (process_ != nullptr) wires_->Remove(process_);
  }

 private:
  const std::shared_ptr<MemoryNetwork::Wires> wires_;
  const std::shared_ptr<link::LinkTable> table_;
  ProcessPtr process_;  // from Start on
};

}  // namespace

MemoryNetwork::MemoryNetwork(const MemoryNetworkOptions& options)
    : wires_(std::make_shared<Wires>(options)) {}
MemoryNetwork::~MemoryNetwork() = default;

std::unique_ptr<QuorumTransport> MemoryNetwork::NewTransport(std::shared_ptr<LogSink> log_sink) {
  return std::make_unique<MemoryTransport>(wires_, std::move(log_sink));
}
void MemoryNetwork::Crash(ServerId sid) { wires_->Crash(sid); }
void MemoryNetwork::Partition(const std::set<ServerId>& side) { wires_->Partition(side); }

}  // namespace v1
}  // namespace zkq::testing
