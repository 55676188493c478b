#include "lib/runtime/protocol.h"

#include "test/runtime/part.h"

namespace zkq::runtime {
namespace {

TEST_CASE("performer: effects off the protocol strand halt the replica and are not carried out") {
  Stage stage;
  Performer performer({.strand = &stage.strand, .voice = &stage.voice, .halter = &stage});
  core::Effects effects = {core::Note{}};
  performer.Perform(&effects, {}, stage.clock.Monotonic());
  REQUIRE(stage.said.find("halt INTERNAL: ports_.strand->Inside() at ") == 0);
  REQUIRE(effects.size() == 1);
}

TEST_CASE("performer: a peer that halts has nothing written and nothing sent") {
  Stage stage;
  // Without a journal and a transport: who used one would crash.
  Performer performer({.strand = &stage.strand, .voice = &stage.voice, .halter = &stage});
  core::Effects effects = {core::Append{1, Txns(1, 1)}, core::Send{}, core::Halt{.what = "broken"}};
  const Strand::Inhabit inside(stage.strand);
  performer.Perform(&effects, {}, stage.clock.Monotonic());
  REQUIRE(stage.said.find("halt INTERNAL: broken") == 0);
  REQUIRE(effects.empty());
}

TEST_CASE("protocol: a drain before there is a peer halts the replica") {
  Stage stage;
  Protocol protocol({.strand = &stage.strand, .executor = stage.executor.get(), .halter = &stage},
                    {});
  protocol.OnCalls();
  REQUIRE(stage.Run().find("halt INTERNAL: peer_ != nullptr at ") == 0);
}

}  // namespace
}  // namespace zkq::runtime
