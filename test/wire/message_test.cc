// zkq/wire.h as an implementer of QuorumTransport uses it.
#include "zkq/wire.h"

#include "test/harness/catch.h"
#include "test/wire/random_messages.h"
#include "test/wire/torment.h"

namespace zkq {
namespace {

using testing::kMessageKinds;
using testing::RandomMessages;

TEST_CASE("every kind of message comes back as it went") {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    RandomMessages random(seed);
    for (size_t kind = 0; kind < kMessageKinds; ++kind) {
      const Message message = random.AnyMessage(kind);
      REQUIRE(message.body.index() == kind);
      REQUIRE(DecodeMessage(Payload(Encode(message))) == message);
    }
  }
}

TEST_CASE("a notification and an identity come back as they went") {
  RandomMessages random(1);
  for (int i = 0; i < 100; ++i) {
    const Notification notification = random.AnyNotification();
    REQUIRE(DecodeNotification(Encode(notification)) == notification);
    const Identity identity = random.AnyIdentity();
    REQUIRE(DecodeIdentity(Encode(identity)) == identity);
  }
}

TEST_CASE("bytes of nothing, or of two messages, are no message") {
  RandomMessages random(2);
  const std::string one = Encode(random.AnyMessage(0)), other = Encode(random.AnyMessage(1));
  REQUIRE_FALSE(DecodeMessage(Payload("")));
  REQUIRE_FALSE(DecodeMessage(Payload(one + one)));
  REQUIRE_FALSE(DecodeMessage(Payload(one + other)));
  REQUIRE_FALSE(DecodeIdentity(""));  // of nobody
}

TEST_CASE("a message that is cut or has a bit flipped decodes to something valid or to nothing") {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    RandomMessages random(seed);
    for (size_t kind = 0; kind < kMessageKinds; ++kind) {
      Torment(Encode(random.AnyMessage(kind)), [](const std::string& bytes) {
        const std::optional<Message> decoded = DecodeMessage(Payload(bytes));
        // Whatever still decodes is a value that can be encoded again.
        if (decoded) REQUIRE(DecodeMessage(Payload(Encode(*decoded))) == decoded);
      });
    }
  }
}

}  // namespace
}  // namespace zkq
