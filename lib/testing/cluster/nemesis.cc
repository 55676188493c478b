#include "zkq/testing/nemesis.h"

#include <algorithm>
#include <utility>

#include "lib/testing/cluster/fault_table.h"
#include "lib/testing/cluster/nemesis_arm.h"

namespace zkq::testing {
inline namespace v1 {

class Nemesis::Impl final : public SimObserver {
 public:
  Impl(SimCluster* cluster, Witness witness)
      : cluster_(*cluster), arm_(cluster, std::move(witness)) {
    cluster_.Observe(this);
  }
  ~Impl() override { cluster_.Forget(this); }

  void Run(const std::vector<Strike>& strikes, absl::Duration length);
  const std::vector<ServerId>& lost() const { return arm_.lost(); }

 private:
  // Its moment has come, in the middle of a task; it is done after that task.
  struct Sprung {
    Strike strike;
    ServerId one{}, a{}, b{};
  };
  void OnSent(const Route& route, const Carried& carried) override;
  void OnLinkUp(const Route& route) override { arm_.OnLinkUp(route.from, route.to); }
  void OnStatus(ServerId sid, const ReplicaStatus& status) override;
  void OnCrashed(ServerId sid, const MemoryFileSystem&) override { arm_.OnCrashed(sid); }
  template <typename Matches>
  void Spring(Matches matches, ServerId hit, ServerId other);

  void RunUntil(absl::Duration when);
  Sprung Drawn(const Strike& strike) const;
  void PerformSprung();
  void Perform(const Sprung& sprung);

  SimCluster& cluster_;
  NemesisArm arm_;
  std::vector<Sprung> sprung_;
};

Nemesis::Nemesis(SimCluster* cluster, Witness witness)
    : impl_(std::make_unique<Impl>(cluster, std::move(witness))) {}
Nemesis::~Nemesis() = default;
void Nemesis::Run(const std::vector<Strike>& strikes, absl::Duration length) {
  impl_->Run(strikes, length);
}
const std::vector<ServerId>& Nemesis::lost() const { return impl_->lost(); }

void Nemesis::Impl::Run(const std::vector<Strike>& strikes, absl::Duration length) {
  const absl::Duration begin = cluster_.now();
  for (const Strike& strike : strikes) {
    RunUntil(begin + strike.at);
    if (cluster_.violation()) break;
    if (strike.moment.kind == Moment::Kind::kAny) {
      Perform(Drawn(strike));
    } else {
      arm_.Wait(strike);
    }
  }
  RunUntil(begin + length);
  sprung_.clear();
  arm_.ForgetAll();
}

// Runs to `when`, with the repairs that come before it, and starts servers anew that
// have fallen by themselves.
void Nemesis::Impl::RunUntil(absl::Duration when) {
  constexpr absl::Duration kLook = absl::Milliseconds(500);
  while (cluster_.now() < when && !cluster_.violation()) {
    const absl::Duration next = arm_.Next(std::min(when, cluster_.now() + kLook));
    cluster_.RunUntil([this] { return !sprung_.empty(); },
                      std::max(next - cluster_.now(), absl::ZeroDuration()));
    PerformSprung();
    arm_.DoWhatIsDue();
    arm_.KeepUp();
  }
}

// --- moments ---------------------------------------------------------------------------

template <typename Matches>
void Nemesis::Impl::Spring(Matches matches, ServerId hit, ServerId other) {
  std::erase_if(arm_.waiting(), [&](const Strike& strike) {
    if (!matches(strike.moment)) return false;
    const bool turned = strike.dice[2] % 2 == 0;
    sprung_.push_back({strike, turned ? other : hit, hit, other});
    return true;
  });
}

void Nemesis::Impl::OnSent(const Route& route, const Carried& carried) {
  if (arm_.waiting().empty()) return;
  const size_t sent = KindOf(carried);
  const auto matches = [&](const Moment& moment) {
    return moment.kind == Moment::Kind::kMessage && moment.message == sent;
  };
  Spring(matches, route.from, route.to);
}

void Nemesis::Impl::OnStatus(ServerId sid, const ReplicaStatus& status) {
  if (!arm_.OnStatus(sid, status)) return;
  const auto matches = [&](const Moment& moment) {
    return moment.kind == Moment::Kind::kPhase && moment.state == status.state &&
           moment.phase == status.phase;
  };
  Spring(matches, sid, sid);
}

void Nemesis::Impl::PerformSprung() {
  for (Sprung& sprung : std::exchange(sprung_, {})) {
    if (sprung.a == sprung.b) sprung.b = Drawn(sprung.strike).b;
    if (sprung.a == sprung.b) sprung.b = Drawn(sprung.strike).a;
    Perform(sprung);
  }
}

// --- strikes ---------------------------------------------------------------------------

Nemesis::Impl::Sprung Nemesis::Impl::Drawn(const Strike& strike) const {
  const std::vector<ServerId>& all = cluster_.servers();
  const uint64_t others = std::max<uint64_t>(all.size() - 1, 1);
  const ServerId a = all[strike.dice[0] % all.size()];
  const ServerId b = all[(strike.dice[0] + 1 + strike.dice[1] % others) % all.size()];
  // Half of what strikes one server strikes the leader: most depends on it.
  return {strike, strike.dice[2] % 2 == 0 ? cluster_.leader().value_or(a) : a, a, b};
}

void Nemesis::Impl::Perform(const Sprung& sprung) {
  using Whom = FaultRow::Whom;
  const FaultRow& row = RowOf(sprung.strike.fault);
  cluster_.Mark("the nemesis: " + std::string(row.name) + " for " +
                absl::FormatDuration(sprung.strike.lasts));
  Blow blow{.strike = sprung.strike, .hit = sprung.a, .a = sprung.a, .b = sprung.b};
  if (row.whom == Whom::kOne) {
    blow.hit = sprung.one;
    if (!cluster_.server(blow.hit).up()) return;
  } else if (row.whom != Whom::kAnybody && blow.a == blow.b) {
    return;
  }
  if (row.whom == Whom::kLeader) blow.hit = cluster_.leader().value_or(blow.a);
  const std::optional<NemesisArm::Role> role = arm_.RoleOf(blow.hit);
  if (row.strike(arm_, blow)) arm_.Note(row.fault, role);
}

}  // namespace v1
}  // namespace zkq::testing
