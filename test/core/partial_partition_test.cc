// Elections where not everybody hears everybody (PROTOCOL §4.3, LIV-1): if some voter has
// links to a quorum none of which is ahead of it, then somebody leads, and goes on to lead;
// each server that is linked with the leader serves.
#include <random>

#include "test/core/ensemble.h"
#include "test/harness/catch.h"

namespace zkq::core {
namespace {

constexpr Time kTick = std::chrono::milliseconds(100);

// Which servers are linked.
class Graph {
 public:
  explicit Graph(uint64_t servers) : servers_(servers) {}
  // Pair number i of all pairs is linked if bit i is set.
  Graph(uint64_t servers, uint64_t pairs) : servers_(servers) {
    for (uint64_t a = 1; a <= servers; ++a) {
      for (uint64_t b = a + 1; b <= servers; ++b, pairs >>= 1) {
        if (pairs & 1) Link(ServerId{a}, ServerId{b});
      }
    }
  }

  int servers() const { return static_cast<int>(servers_); }
  void Link(ServerId a, ServerId b) {
    near_[a].insert(b);
    near_[b].insert(a);
  }
  bool Linked(ServerId a, ServerId b) const {
    const auto near = near_.find(a);
    return near != near_.end() && near->second.contains(b);
  }
  size_t Degree(ServerId sid) const {
    const auto near = near_.find(sid);
    return near == near_.end() ? 0 : near->second.size();
  }
  bool Connected() const {
    std::set<ServerId> reached = {ServerId{1}};
    for (size_t before = 0; before != reached.size();) {
      before = reached.size();
      for (ServerId sid : std::set(reached)) {
        const auto near = near_.find(sid);
        if (near != near_.end()) reached.insert(near->second.begin(), near->second.end());
      }
    }
    return reached.size() == servers_;
  }
  // Some server is linked with a quorum that `ahead` is not in, or is `ahead` and linked
  // with a quorum.
  bool CanLead(ServerId ahead) const {
    for (uint64_t i = 1; i <= servers_; ++i) {
      const ServerId sid{i};
      const bool hindered = sid != ahead && Linked(sid, ahead);
      if (2 * (Degree(sid) + 1 - (hindered ? 1 : 0)) > servers_) return true;
    }
    return false;
  }
  std::string Text() const {
    std::string text;
    for (const auto& [a, near] : near_) {
      for (ServerId b : near) {
        if (a < b) text += " " + ToString(a) + "-" + ToString(b);
      }
    }
    return text;
  }

 private:
  uint64_t servers_;
  std::map<ServerId, std::set<ServerId>> near_;
};

std::vector<Graph> AllConnected(uint64_t servers) {
  std::vector<Graph> graphs;
  const uint64_t pairs = servers * (servers - 1) / 2;
  for (uint64_t linked = 0; linked < uint64_t{1} << pairs; ++linked) {
    Graph graph(servers, linked);
    if (graph.Connected()) graphs.push_back(std::move(graph));
  }
  return graphs;
}

// A tree, and so many links more.
Graph Random(uint64_t servers, std::mt19937_64* random) {
  Graph graph(servers);
  for (uint64_t b = 2; b <= servers; ++b)
    graph.Link(ServerId{b}, ServerId{1 + (*random)() % (b - 1)});
  for (uint64_t more = (*random)() % (2 * servers); more > 0; --more) {
    const ServerId a{1 + (*random)() % servers}, b{1 + (*random)() % servers};
    if (a != b) graph.Link(a, b);
  }
  return graph;
}

// A founded ensemble whose servers are down, and whose links are the graph's once they start.
std::unique_ptr<Ensemble> Founded(const Graph& graph, uint64_t seed) {
  auto ensemble =
      std::make_unique<Ensemble>(Ensemble::Options{.servers = graph.servers(), .seed = seed});
  REQUIRE(ensemble->RunUntil([&] { return ensemble->AllServe(); }, std::chrono::seconds(5)));
  return ensemble;
}

void CutDownTo(const Graph& graph, Ensemble* ensemble) {
  for (ServerId a : ensemble->ids()) {
    for (ServerId b : ensemble->ids()) {
      if (a < b && !graph.Linked(a, b)) ensemble->Cut(a, b);
    }
  }
}

// Each server that is linked with the leader serves.
bool NeighboursServe(const Graph& graph, const Ensemble& ensemble) {
  const ServerId leader = ensemble.Leader();
  if (leader == kNoServer) return false;
  for (ServerId sid : ensemble.ids()) {
    if (graph.Linked(leader, sid) && !ensemble.Serving(sid)) return false;
  }
  return true;
}

// Somebody leads in time, and from then on; after a while its neighbours serve, and go on
// to: those who cannot follow it look and look again, and disturb nobody.
void Judge(const Graph& graph, ServerId ahead, Time limit, Ensemble* ensemble) {
  if (!graph.CanLead(ahead)) return;
  INFO("links" << graph.Text() << ", ahead: " << ToString(ahead));
  ensemble->RunFor(limit);
  INFO(ensemble->Summary());
  REQUIRE(ensemble->violation() == "");
  const ServerId leader = ensemble->Leader();
  REQUIRE(leader != kNoServer);
  const Epoch epoch = ensemble->View(leader).role.epoch;
  const auto leads = [&] {
    return ensemble->Leader() == leader && ensemble->View(leader).role.epoch == epoch;
  };
  const auto serve = [&] { return leads() && NeighboursServe(graph, *ensemble); };
  ensemble->RunUntil([&] { return !leads() || serve(); }, 50 * kTick);
  REQUIRE(serve());
  ensemble->RunUntil([&] { return !serve(); }, 30 * kTick);
  INFO(ensemble->Summary());
  REQUIRE(ensemble->violation() == "");
  REQUIRE(serve());
}

// An ensemble at work loses links.
void JudgeCut(const Graph& graph, uint64_t seed) {
  const auto ensemble = Founded(graph, seed);
  CutDownTo(graph, ensemble.get());
  Judge(graph, kNoServer, 50 * kTick, ensemble.get());
}

// All start, with no links but these. One of them, if any, has an entry more than the others.
void JudgeStart(const Graph& graph, ServerId ahead, uint64_t seed) {
  const auto ensemble = Founded(graph, seed);
  for (ServerId sid : ensemble->ids()) ensemble->Crash(sid, Ensemble::Kept::kAll);
  CutDownTo(graph, ensemble.get());
  if (ahead != kNoServer) ensemble->Extend(ahead);
  for (ServerId sid : ensemble->ids()) ensemble->Start(sid);
  Judge(graph, ahead, 100 * kTick, ensemble.get());
}

std::vector<ServerId> Leaves(const Graph& graph) {
  std::vector<ServerId> leaves;
  for (uint64_t i = 1; i <= static_cast<uint64_t>(graph.servers()); ++i) {
    if (graph.Degree(ServerId{i}) == 1) leaves.push_back(ServerId{i});
  }
  return leaves;
}

TEST_CASE("a leader is found in every connected graph of five servers") {
  const std::vector<Graph> graphs = AllConnected(5);
  REQUIRE(graphs.size() == 728);
  for (size_t i = 0; i < graphs.size(); ++i) {
    JudgeCut(graphs[i], i);
    JudgeStart(graphs[i], kNoServer, i);
  }
}

TEST_CASE("a leader is found in every connected graph of five with a leaf that is ahead") {
  uint64_t seed = 0;
  for (const Graph& graph : AllConnected(5)) {
    for (ServerId leaf : Leaves(graph)) JudgeStart(graph, leaf, ++seed);
  }
}

TEST_CASE("a leader is found in random connected graphs of seven and nine servers") {
  std::mt19937_64 random(1);
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    for (uint64_t servers : {7, 9}) {
      const Graph graph = Random(servers, &random);
      if (seed % 2 == 0) {
        JudgeCut(graph, seed);
      } else {
        const std::vector<ServerId> leaves = Leaves(graph);
        JudgeStart(graph, leaves.empty() ? kNoServer : leaves.front(), seed);
      }
    }
  }
}

}  // namespace
}  // namespace zkq::core
