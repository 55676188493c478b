// What tests of changing ensembles share.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "test/harness/catch.h"
#include "test/testing/world.h"
#include "zkq/reconfiguration.h"

namespace zkq::testing {

// Asked of `by` until it is done, as it is while servers come up and leaders go.
inline Membership Change(World* world, ServerId by,
                         const std::function<Membership(Membership)>& edit) {
  for (int tries = 0;; ++tries) {
    const auto answer = std::make_shared<std::optional<absl::StatusOr<Membership>>>();
    world->cluster.server(by).Reconfigure(
        edit(world->cluster.membership()), absl::Seconds(30),
        [answer](absl::StatusOr<Membership> now) { *answer = std::move(now); });
    world->Until([&] { return answer->has_value(); });
    INFO((*answer)->status() << "\n" << world->cluster.Describe());
    REQUIRE(tries < 100);
    if ((*answer)->ok()) return *std::move(**answer);
    world->cluster.RunFor(absl::Milliseconds(50));  // a refusal takes no time
  }
}

inline void AwaitStanding(World* world, ServerId sid, Standing standing) {
  world->Until([&] {
    return world->cluster.server(sid).up() &&
           world->cluster.server(sid).Status().standing == standing;
  });
}

inline void Converge(World* world) {
  const absl::Status converged = world->cluster.CheckConverges(absl::Seconds(60));
  REQUIRE(converged == absl::OkStatus());
}

// A joiner that has been told who the others are.
inline void Join(World* world, const Member& member) {
  REQUIRE(world->cluster.Add(member).Start() == absl::OkStatus());
  AwaitStanding(world, member.id, Standing::kJoining);
}

// Writes come from everywhere, one after the other, until it is gone.
class Writes {
 public:
  explicit Writes(World* world) : world_(*world) { Next(); }
  ~Writes() { *alive_ = false; }
  void AwaitMore(int more = 10) {
    const int before = answered_;
    world_.Until([&] { return answered_ >= before + more; });
  }

 private:
  void Next() {
    world_.cluster.scheduler().After(absl::Milliseconds(20), [this, alive = alive_] {
      if (*alive) Call();
    });
  }
  void Call() {
    const auto& all = world_.cluster.servers();
    const ServerId sid = all[static_cast<size_t>(++calls_) % all.size()];
    world_.cluster.server(sid).Propose("write " + std::to_string(calls_), absl::Seconds(2),
                                       [this, alive = alive_](absl::StatusOr<Reply> reply) {
                                         if (!*alive) return;
                                         answered_ += reply.ok();
                                         Next();
                                       });
  }
  World& world_;
  int calls_ = 0;
  int answered_ = 0;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace zkq::testing
