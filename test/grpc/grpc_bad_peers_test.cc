// The peer port against those who should not be there: whatever they send, they
// are refused with the status that says why, and the good link notices nothing.
#include <arpa/inet.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/crc32c.h"
#include "lib/base/lines.h"
#include "lib/link/codec.h"
#include "lib/link/handshake.h"
#include "lib/link/refusals.h"
#include "test/grpc/grpc_ports.h"
#include "test/harness/catch.h"
#include "test/wire/random_messages.h"
#include "zkq/grpc_transport.h"
#include "zkq/v1/quorum.grpc.pb.h"

namespace zkq::testing {
namespace {

using link::EncodePacket;
using link::Hello;

constexpr ServerId kOne{1}, kTwo{2}, kThree{3};

Identity IdentityOf(ServerId sid, uint64_t boot = 1) {
  return {.sid = sid,
          .boot = boot,
          .ensemble = {1, 1},
          .disk = {0, ToInt(sid)},
          .config = Zxid{},
          .tick = std::chrono::milliseconds(100),  // a stranger has half a second
          .init_limit = 20};
}

// Keeps lines, and lets a test wait for some.
class Lines final : public LogSink {
 public:
  void Log(LogLevel, ServerId, std::string_view line) override {
    const std::lock_guard lock(mutex_);
    lines_.emplace_back(line);
    changed_.notify_all();
  }
  // Waits for a line of this name, and returns what the first one says.
  std::string First(Line line) {
    std::unique_lock lock(mutex_);
    REQUIRE(
        changed_.wait_for(lock, std::chrono::seconds(20), [&] { return !Named(line).empty(); }));
    return Named(line).front();
  }
  size_t count(Line line) const {
    const std::lock_guard lock(mutex_);
    return Named(line).size();
  }

 private:
  std::vector<std::string> Named(Line line) const {
    const std::string head = std::string(InfoOf(line).name) + ": ";
    std::vector<std::string> texts;
    for (const std::string& each : lines_) {
      if (each.starts_with(head)) texts.push_back(each.substr(head.size()));
    }
    return texts;
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
};

// One server and what it is told.
class Server final : public QuorumTransport::Receiver {
 public:
  Server(const Identity& self, std::string address, std::shared_ptr<LogSink> log = nullptr) {
    GrpcTransportOptions options{.listen_address = std::move(address)};
    options.log_sink = std::move(log);
    transport_ = NewGrpcTransport(std::move(options));
    REQUIRE(transport_->Start(NewSystemEnv(), self, this).ok());
  }
  ~Server() override { transport_->Shutdown(); }

  QuorumTransport& transport() { return *transport_; }
  int ups() const { return ups_; }
  int downs() const { return downs_; }
  LinkId link() const {
    const std::lock_guard lock(mutex_);
    return link_;
  }
  bool Until(const std::function<bool()>& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), condition);
  }
  int messages() const { return messages_; }

  void OnIntroduced(const LinkId&, const Identity&) override {}
  void OnLinkUp(const LinkId& link, const Identity&) override {
    const std::lock_guard lock(mutex_);
    ++ups_;
    link_ = link;
    changed_.notify_all();
  }
  void OnMessage(const LinkId&, Message, Hold) override { Count(&messages_); }
  void OnNotification(const LinkId&, const Notification&) override {}
  void OnLinkDown(const LinkId&, const absl::Status&) override { Count(&downs_); }
  void OnSnapshotAsked(const LinkId&, const SnapshotRequest&,
                       absl::AnyInvocable<void(absl::StatusOr<SnapshotChunk>) &&> reply) override {
    std::move(reply)(absl::NotFoundError("none"));
  }

 private:
  void Count(std::atomic<int>* what) {
    const std::lock_guard lock(mutex_);
    ++*what;
    changed_.notify_all();
  }
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  LinkId link_;
  std::atomic<int> ups_ = 0, downs_ = 0, messages_ = 0;
  std::unique_ptr<QuorumTransport> transport_;
};

// Servers 1 and 2 with a good link; 3 is a member that is not there.
struct Pair {
  Pair() {
    const std::vector<Member> members = {{.id = kOne, .address = one_address},
                                         {.id = kTwo, .address = two_address},
                                         {.id = kThree, .address = FreeAddress()}};
    one.transport().SetMembers(members);
    two.transport().SetMembers(members);
    REQUIRE(one.Until([&] { return one.ups() == 1; }));
    REQUIRE(two.Until([&] { return two.ups() == 1; }));
  }
  // The good link has carried everything and was never down.
  void CheckUnharmed() {
    const int before = one.messages();
    const LinkId link = two.link();
    two.transport().Send({&link, 1}, {.body = Ack{{1, 1}}});
    CHECK(one.Until([&] { return one.messages() == before + 1; }));
    CHECK(one.downs() == 0);
    CHECK(two.downs() == 0);
    CHECK(one.ups() == 1);
    CHECK(two.ups() == 1);
  }

  const std::string one_address = FreeAddress(), two_address = FreeAddress();
  const std::shared_ptr<Lines> log = std::make_shared<Lines>();
  Server one{IdentityOf(kOne), one_address, log};
  Server two{IdentityOf(kTwo), two_address};
};

std::shared_ptr<grpc::Channel> ChannelTo(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

v1::Frame FrameOf(const Hello& hello) {
  std::string bytes;
  link::AppendPacket(1, EncodePacket(hello), &bytes);
  v1::Frame frame;
  REQUIRE(frame.ParseFromString(bytes));
  return frame;
}

// Gives each packet that has none its checksum.
v1::Frame Sealed(v1::Frame frame) {
  for (v1::Packet& packet : *frame.mutable_packets()) {
    if (packet.crc() != 0) continue;
    v1::Packet rest = packet;
    rest.clear_seq();
    packet.set_crc(Crc32c(rest.SerializeAsString()));
  }
  return frame;
}

Hello GoodHello(ServerId to = kOne) {
  return {link::kProtocolMin, link::kProtocolMax, IdentityOf(kThree), to, 1};
}

// A client that writes `frames`, sealed, and reads until the stream ends: all it was told.
struct Told {
  grpc::Status status;
  std::vector<v1::Frame> frames;
  std::multimap<std::string, std::string> metadata;
};
Told Listen(const std::string& address, const std::vector<v1::Frame>& frames,
            grpc_compression_algorithm compression = GRPC_COMPRESS_NONE) {
  const auto stub = v1::Quorum::NewStub(ChannelTo(address));
  grpc::ClientContext context;
  context.set_compression_algorithm(compression);
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  const auto stream = stub->Link(&context);
  for (const v1::Frame& frame : frames) stream->Write(Sealed(frame));
  Told told;
  v1::Frame answer;
  while (stream->Read(&answer)) told.frames.push_back(answer);
  told.status = stream->Finish();
  for (const auto* metadata :
       {&context.GetServerInitialMetadata(), &context.GetServerTrailingMetadata()}) {
    for (const auto& [key, value] : *metadata) {
      told.metadata.emplace(std::string(key.data(), key.size()),
                            std::string(value.data(), value.size()));
    }
  }
  return told;
}
grpc::StatusCode Say(const std::string& address, const std::vector<v1::Frame>& frames,
                     grpc_compression_algorithm compression = GRPC_COMPRESS_NONE) {
  return Listen(address, frames, compression).status.error_code();
}

TEST_CASE("a handshake that breaks a rule is refused with the rule's status") {
  Pair pair;
  const auto say = [&](const Hello& hello) { return Say(pair.one_address, {FrameOf(hello)}); };
  Hello hello = GoodHello();
  hello.from.ensemble = {2, 2};
  CHECK(say(hello) == grpc::StatusCode::FAILED_PRECONDITION);
  hello = GoodHello();
  hello.protocol_min = hello.protocol_max = 99;
  CHECK(say(hello) == grpc::StatusCode::FAILED_PRECONDITION);
  hello = GoodHello(kTwo);  // but this is server 1
  CHECK(say(hello) == grpc::StatusCode::FAILED_PRECONDITION);
  hello = GoodHello();
  hello.from.sid = kOne;
  CHECK(say(hello) == grpc::StatusCode::INVALID_ARGUMENT);
  hello = GoodHello();
  hello.from = IdentityOf(kTwo);  // a second server 2, on another disk
  hello.from.boot = 1000;
  hello.from.disk = {9, 9};
  CHECK(say(hello) == grpc::StatusCode::ALREADY_EXISTS);
  hello.from.boot = 0;  // an old life of server 2
  hello.from.disk = {0, 2};
  CHECK(say(hello) == grpc::StatusCode::ALREADY_EXISTS);
  hello = GoodHello(kTwo);
  hello.from = IdentityOf(kOne);
  CHECK(Say(pair.two_address, {FrameOf(hello)}) == grpc::StatusCode::ABORTED);
  pair.CheckUnharmed();
}

// A stranger that tries every door must not learn by what the members prove
// themselves: with that it would be let in.
TEST_CASE("a refused stranger hears a code and the server's id, and nothing else") {
  const Identity member = IdentityOf(kOne, 0x1234567812345678);
  const std::string address = FreeAddress();
  Server server(member, address);
  server.transport().SetMembers(
      {{{.id = kOne, .address = address}, {.id = kThree, .address = FreeAddress()}}});
  std::vector<std::pair<wire::v1::RefusalCode, Hello>> doors;
  Hello hello = GoodHello();
  hello.from.ensemble = {2, 2};
  doors.emplace_back(wire::v1::REFUSAL_CODE_FOREIGN_ENSEMBLE, hello);
  hello = GoodHello();
  hello.protocol_min = hello.protocol_max = 99;
  doors.emplace_back(wire::v1::REFUSAL_CODE_VERSION, hello);
  doors.emplace_back(wire::v1::REFUSAL_CODE_MEANT_ANOTHER, GoodHello(kTwo));
  hello = GoodHello();
  hello.from.sid = kOne;
  doors.emplace_back(wire::v1::REFUSAL_CODE_OWN_ID, hello);
  hello = GoodHello();
  hello.from.election = "another";
  doors.emplace_back(wire::v1::REFUSAL_CODE_ELECTION, hello);
  for (const auto& [code, said] : doors) {
    const Told told = Listen(address, {FrameOf(said)});
    CAPTURE(told.status.error_message());
    CHECK(told.frames.empty());
    wire::v1::Refused refused;
    refused.set_code(code);
    refused.set_sid(1);
    CHECK(told.status.error_details() == refused.SerializeAsString());
    const std::optional<link::Refused> read = link::DecodeRefused(told.status.error_details());
    REQUIRE(read.has_value());
    CHECK(told.status.error_message() == "server 1: " + std::string(ToString(read->code)));
    // Beside that gRPC's own words alone.
    for (const auto& [key, value] : told.metadata) {
      CAPTURE(key, value);
      CHECK((key == "grpc-accept-encoding" || key == "accept-encoding" ||
             value == refused.SerializeAsString()));
    }
  }
}

TEST_CASE("an unfounded stranger with a member's id is admitted, and hears who it is linked with") {
  Pair pair;
  Hello hello = GoodHello();
  hello.from.ensemble = {};
  const auto stub = v1::Quorum::NewStub(ChannelTo(pair.one_address));
  grpc::ClientContext context;
  const auto stream = stub->Link(&context);
  stream->Write(FrameOf(hello));
  v1::Frame answer;
  REQUIRE(stream->Read(&answer));
  REQUIRE(answer.packets_size() == 1);
  const std::string from = answer.packets(0).hello_ack().from().SerializeAsString();
  CHECK(DecodeIdentity(from) == IdentityOf(kOne));
  context.TryCancel();
  stream->Finish();
}

TEST_CASE("the log of each side names both as far as that side knows them") {
  Pair pair;
  const auto log = std::make_shared<Lines>();
  Identity foreign = IdentityOf(kThree, 17);
  foreign.ensemble = {2, 2};
  Server three(foreign, FreeAddress(), log);
  three.transport().SetMembers(
      {{{.id = kOne, .address = pair.one_address}, {.id = kThree, .address = FreeAddress()}}});
  CHECK(pair.log->First(Line::kPeerRefused) == link::Describe(foreign) + " refused by " +
                                                   link::Describe(IdentityOf(kOne)) +
                                                   ": another ensemble");
  CHECK(log->First(Line::kRefusedByPeer) == link::Describe(foreign) + " refused at " +
                                                pair.one_address +
                                                ", the address of server 1, by server 1: another "
                                                "ensemble");
}

TEST_CASE("refusals are logged once a minute a peer, and once for all strangers") {
  Pair pair;
  Hello hello = GoodHello();
  hello.from.ensemble = {2, 2};
  for (int i = 0; i < 20; ++i) Say(pair.one_address, {FrameOf(hello)});
  pair.log->First(Line::kPeerRefused);
  CHECK(pair.log->count(Line::kPeerRefused) == 1);
  for (uint64_t sid = 70; sid < 90; ++sid) {
    hello.from.sid = ServerId{sid};
    Say(pair.one_address, {FrameOf(hello)});
  }
  pair.log->First(Line::kStrangerRefused);
  CHECK(pair.log->count(Line::kPeerRefused) == 1);
  CHECK(pair.log->count(Line::kStrangerRefused) == 1);
}

TEST_CASE("a stream that says nothing, or nothing of sense, is refused") {
  Pair pair;
  CHECK(Say(pair.one_address, {}) == grpc::StatusCode::DEADLINE_EXCEEDED);
  CHECK(Say(pair.one_address, {v1::Frame()}) == grpc::StatusCode::INVALID_ARGUMENT);
  v1::Frame frame;
  frame.add_packets()->mutable_ack();
  CHECK(Say(pair.one_address, {frame}) == grpc::StatusCode::INVALID_ARGUMENT);
  frame = FrameOf(GoodHello());
  for (int i = 0; i < 40'000; ++i) frame.add_packets()->mutable_ack();
  CHECK(Say(pair.one_address, {frame}) == grpc::StatusCode::INVALID_ARGUMENT);
  pair.CheckUnharmed();
}

// The limit of a message would not hold what one swells to.
TEST_CASE("a compressed message is refused unread") {
  Pair pair;
  Hello hello = GoodHello();
  hello.from.disk = {};
  for (const auto compression : {GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE}) {
    CHECK(Say(pair.one_address, {FrameOf(hello)}, compression) == grpc::StatusCode::UNIMPLEMENTED);
  }
  pair.CheckUnharmed();
}

TEST_CASE("a member that then breaks the order or the format loses its link alone") {
  Pair pair;
  const auto say = [&](const v1::Frame& second) {
    Hello hello = GoodHello();
    static uint64_t seq = 1;
    hello.seq = ++seq;
    const int ups = pair.one.ups();
    const grpc::StatusCode code = Say(pair.one_address, {FrameOf(hello), second});
    CHECK(pair.one.Until([&] { return pair.one.ups() == ups + 1; }));
    CHECK(pair.one.Until([&] { return pair.one.downs() == ups; }));
    return code;
  };
  v1::Frame frame;
  frame.add_packets()->mutable_ack();
  frame.mutable_packets(0)->set_seq(2);  // a gap
  CHECK(say(frame) == grpc::StatusCode::DATA_LOSS);
  frame.mutable_packets(0)->set_seq(1);
  frame.mutable_packets(0)->mutable_proposal()->mutable_batch()->add_txns();
  CHECK(say(frame) == grpc::StatusCode::INVALID_ARGUMENT);
  frame.mutable_packets(0)->mutable_fragment()->set_last(true);
  frame.mutable_packets(0)->mutable_fragment()->set_bytes("nonsense");
  CHECK(say(frame) == grpc::StatusCode::DATA_LOSS);
  frame.mutable_packets(0)->mutable_fragment()->set_bytes(std::string(9 << 20, 'x'));
  CHECK(say(frame) == grpc::StatusCode::RESOURCE_EXHAUSTED);  // gRPC's own bound
  const LinkId link = pair.two.link();
  pair.two.transport().Send({&link, 1}, {.body = Ack{}});
  CHECK(pair.one.Until([&] { return pair.one.messages() == 1; }));
  CHECK(pair.two.downs() == 0);
}

TEST_CASE("a packet that was changed on its way ends the link, and is logged and counted") {
  Pair pair;
  v1::Frame frame;
  frame.add_packets()->mutable_ack()->mutable_zxid()->set_epoch(1);
  frame.mutable_packets(0)->set_seq(1);
  frame = Sealed(frame);
  frame.mutable_packets(0)->mutable_ack()->mutable_zxid()->set_epoch(2);
  const Told told = Listen(pair.one_address, {FrameOf(GoodHello()), frame});
  CHECK(told.status.error_code() == grpc::StatusCode::DATA_LOSS);
  CHECK(told.status.error_message() == "ended by server 1: a packet is not what its checksum says");
  CHECK(pair.one.Until([&] { return pair.one.downs() == 1; }));
  CHECK(pair.one.messages() == 0);
  CHECK(pair.log->First(Line::kLinkBroken).ends_with(": a packet is not what its checksum says"));
  CHECK(pair.one.transport().counters().lost_by_change == 1);
}

TEST_CASE("random frames and cut-off ones do no harm") {
  Pair pair;
  const auto channel = ChannelTo(pair.one_address);
  RandomMessages random(1);
  for (int i = 0; i < 50; ++i) {
    const auto stub = v1::Quorum::NewStub(channel);
    grpc::ClientContext context;
    const auto stream = stub->Link(&context);
    v1::Frame frame = FrameOf(GoodHello());
    frame.mutable_packets(0)->mutable_hello()->set_stream_seq(100 + i);
    frame.mutable_packets(0)->clear_crc();
    stream->Write(Sealed(frame));
    for (int n = 0; n < 3; ++n) {
      v1::Frame noise;
      noise.add_packets()->set_seq(1);
      noise.mutable_packets(0)->mutable_fragment()->set_last(true);
      noise.mutable_packets(0)->mutable_fragment()->set_bytes(random.Bytes(200));
      stream->Write(Sealed(noise));
    }
    context.TryCancel();
    stream->Finish();
  }
  CHECK(pair.two.downs() == 0);
  const LinkId link = pair.two.link();
  pair.two.transport().Send({&link, 1}, {.body = Ack{}});
  CHECK(pair.one.Until([&] { return pair.one.messages() == 1; }));
}

// A connection, or -1 when there is no file descriptor for it.
int Connect(const std::string& address) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return -1;
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
  REQUIRE(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)) == 0);
  return fd;
}

// Writes bytes to the port and closes.
void SendRaw(const std::string& address, const std::string& bytes) {
  const int fd = Connect(address);
  send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  close(fd);
}

TEST_CASE("bytes that are not even HTTP/2 do no harm") {
  Pair pair;
  RandomMessages random(2);
  for (int i = 0; i < 50; ++i) SendRaw(pair.one_address, random.Bytes(300));
  SendRaw(pair.one_address, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  SendRaw(pair.one_address, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + random.Bytes(300));
  pair.CheckUnharmed();
}

TEST_CASE("running out of file descriptors does not end the port") {
  Pair pair;
  rlimit before = {};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit low = before;
  low.rlim_cur = 100;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &low) == 0);
  std::vector<int> flood;
  for (int fd = Connect(pair.one_address); fd >= 0; fd = Connect(pair.one_address)) {
    flood.push_back(fd);
  }
  for (const int fd : flood) close(fd);
  CHECK(flood.size() > 20);
  REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(Say(pair.one_address, {FrameOf(GoodHello(kTwo))}) == grpc::StatusCode::FAILED_PRECONDITION);
  pair.CheckUnharmed();
}

TEST_CASE("a knock of a stranger or of nobody is refused, and a good link stays") {
  Pair pair;
  const auto knock = [&](const Identity& from, ServerId to) {
    const auto stub = v1::Quorum::NewStub(ChannelTo(pair.two_address));
    grpc::ClientContext context;
    v1::KnockRequest request;
    request.mutable_from()->ParseFromString(Encode(from));
    request.set_to(ToInt(to));
    v1::KnockReply reply;
    return stub->Knock(&context, request, &reply).error_code();
  };
  CHECK(knock(IdentityOf(kOne), kTwo) == grpc::StatusCode::OK);
  CHECK(knock(Identity{}, kTwo) == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(knock(IdentityOf(kOne), kThree) == grpc::StatusCode::FAILED_PRECONDITION);
  CHECK(knock(IdentityOf(ServerId{77}), kTwo) == grpc::StatusCode::ABORTED);  // it may dial
  Identity second = IdentityOf(kOne, 1000);
  second.disk = {9, 9};
  CHECK(knock(second, kTwo) == grpc::StatusCode::ALREADY_EXISTS);
  pair.CheckUnharmed();
}

TEST_CASE("a snapshot is given over a live link only") {
  Pair pair;
  const auto fetch = [&](const LinkId& link, ServerId to) {
    const auto stub = v1::Quorum::NewStub(ChannelTo(pair.one_address));
    grpc::ClientContext context;
    v1::Frame frame;
    v1::FetchRequest& request = *frame.add_packets()->mutable_fetch_request();
    request.set_from_sid(ToInt(link.sid));
    request.set_from_boot(link.boot);
    request.set_stream_seq(link.seq);
    request.set_to(ToInt(to));
    frame.mutable_packets(0)->set_seq(1);
    const auto stream = stub->FetchSnapshot(&context);
    stream->Write(Sealed(frame));
    while (stream->Read(&frame)) {
    }
    return stream->Finish().error_code();
  };
  LinkId link = pair.one.link();
  CHECK(fetch(link, kOne) == grpc::StatusCode::NOT_FOUND);  // the receiver's answer
  CHECK(fetch(link, kTwo) == grpc::StatusCode::FAILED_PRECONDITION);
  ++link.seq;
  CHECK(fetch(link, kOne) == grpc::StatusCode::FAILED_PRECONDITION);
  CHECK(fetch({kThree, 1, 1}, kOne) == grpc::StatusCode::FAILED_PRECONDITION);
  pair.CheckUnharmed();
}

// Gives one piece of any snapshot: `given`.
class Giver final : public v1::Quorum::Service {
 public:
  Giver() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials());
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~Giver() override { server_->Shutdown(); }

  grpc::Status FetchSnapshot(grpc::ServerContext*,
                             grpc::ServerReaderWriter<v1::Frame, v1::Frame>* stream) override {
    stream->Write(given);
    return grpc::Status::OK;
  }

  const std::string address = FreeAddress();
  v1::Frame given;

 private:
  std::unique_ptr<grpc::Server> server_;
};

// What server 2 gets if that piece is all of the snapshot.
absl::StatusOr<SnapshotChunk> Fetched(const v1::Frame& given) {
  Pair pair;
  Giver giver;
  giver.given = given;
  const Member one{.id = kOne, .address = giver.address};
  pair.two.transport().SetMembers({&one, 1});
  std::promise<absl::StatusOr<SnapshotChunk>> got;
  pair.two.transport().FetchSnapshot(pair.two.link(), {{1, 1}, 0},
                                     [&](absl::StatusOr<SnapshotChunk> chunk, Hold) {
                                       got.set_value(std::move(chunk));
                                       return false;
                                     });
  return got.get_future().get();
}

TEST_CASE("a piece of a snapshot that has changed on its way ends the transfer, ungiven") {
  v1::Frame frame;
  v1::Chunk& chunk = *frame.add_packets()->mutable_chunk();
  chunk.set_bytes("some bytes");
  chunk.set_last(true);
  frame.mutable_packets(0)->set_seq(1);
  frame = Sealed(frame);
  CHECK(Fetched(frame)->bytes == "some bytes");
  frame.mutable_packets(0)->mutable_chunk()->set_bytes("some bites");
  CHECK(Fetched(frame).status() ==
        absl::DataLossError("the piece of the snapshot at byte 0 has changed on its way"));
}

TEST_CASE("a transfer may begin while its transport shuts down") {
  for (int i = 0; i < 10; ++i) {
    Pair pair;
    std::atomic<bool> begun = false;
    std::thread fetching([&] {
      begun = true;
      for (int fetches = 0; fetches < 20; ++fetches) {
        pair.two.transport().FetchSnapshot(
            pair.two.link(), {{1, 1}, 0}, [](absl::StatusOr<SnapshotChunk>, Hold) { return true; });
      }
    });
    while (!begun) std::this_thread::yield();
    pair.two.transport().Shutdown();
    fetching.join();
  }
}

TEST_CASE("more strangers than the bound are turned away, and leave again") {
  Pair pair;
  std::vector<std::thread> threads;
  for (int i = 0; i < 100; ++i) {
    threads.emplace_back([&] { Say(pair.one_address, {}); });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(Say(pair.one_address, {FrameOf(GoodHello(kTwo))}) == grpc::StatusCode::FAILED_PRECONDITION);
  pair.CheckUnharmed();
}

TEST_CASE("addresses that cannot be used are refused with a reason") {
  Server server(IdentityOf(kOne), FreeAddress());
  const auto start = [&](const std::string& address) {
    return NewGrpcTransport({.listen_address = address})
        ->Start(NewSystemEnv(), IdentityOf(kTwo), &server);
  };
  const std::string taken = FreeAddress();
  Server holder(IdentityOf(kTwo), taken);
  CHECK(start(taken).code() == absl::StatusCode::kUnavailable);
  CHECK(std::string(start(taken).message()).find(taken) != std::string::npos);
  for (const char* nonsense : {"", "localhost", "localhost:", "localhost:x", "1.2.3.4:99999",
                               "::1:80", "no such host:80"}) {
    CHECK(start(nonsense).code() == absl::StatusCode::kInvalidArgument);
  }
  // There may be such a host in a moment.
  const absl::Status unknown = start("no.such.host.invalid:80");
  CHECK(unknown.code() == absl::StatusCode::kUnavailable);
  CHECK(std::string(unknown.message()).find("no.such.host.invalid") != std::string::npos);
  CHECK(start("192.0.2.1:7000").code() == absl::StatusCode::kUnavailable);
}

TEST_CASE("a transport that listens on port 0 tells the port it got, the same on each address") {
  for (const std::string host : {"127.0.0.1:", "localhost:", ":"}) {
    Server server(IdentityOf(kOne), host + "0");
    const std::string address = server.transport().listen_address();
    INFO(address);
    REQUIRE(address.substr(0, host.size()) == host);
    REQUIRE(std::stoi(address.substr(host.size())) > 0);
    Server other(IdentityOf(kTwo), FreeAddress());
    const std::string loopback = "127.0.0.1:" + address.substr(host.size());
    other.transport().SetMembers({{.id = kOne, .address = loopback}, {.id = kTwo}});
    server.transport().SetMembers({{.id = kOne}, {.id = kTwo, .address = "127.0.0.1:1"}});
    CHECK(other.Until([&] { return other.ups() == 1; }));
  }
}

TEST_CASE("a transport can be started again at its address at once") {
  const std::string address = FreeAddress();
  for (uint64_t boot = 1; boot <= 5; ++boot) Server(IdentityOf(kOne, boot), address);
}

}  // namespace
}  // namespace zkq::testing
