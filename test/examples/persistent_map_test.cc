#include "examples/kv/persistent_map.h"

#include <map>
#include <random>

#include "test/harness/catch.h"

namespace {

using Map = kv::PersistentMap<int>;
using Model = std::map<std::string, int>;

Model Contents(const Map& map, std::string_view from = "") {
  Model contents;
  map.Visit(from, [&](const std::string& key, int value) {
    // In key order, none twice.
    CHECK((contents.empty() || contents.rbegin()->first < key));
    contents[key] = value;
    return true;
  });
  return contents;
}

}  // namespace

TEST_CASE("a persistent map holds what a map holds, whatever the order of changes") {
  Map map;
  Model model;
  std::mt19937 random(7);
  for (int i = 0; i < 5'000; ++i) {
    std::string key = std::to_string(random() % 500);
    if (random() % 3 == 0) {
      REQUIRE(map.Erase(key) == (model.erase(key) == 1));
    } else {
      map.Put(key, i);
      model[key] = i;
    }
    const int* found = map.Find(key);
    REQUIRE((found != nullptr) == (model.count(key) == 1));
    if (found != nullptr) REQUIRE(*found == model[key]);
  }
  REQUIRE(Contents(map) == model);
}

TEST_CASE("a copy of a persistent map does not change with the original") {
  Map map;
  for (int i = 0; i < 1'000; ++i) map.Put(std::to_string(i), i);
  const Map copy = map;
  const Model before = Contents(copy);
  for (int i = 0; i < 1'000; i += 2) map.Put(std::to_string(i), -i);
  for (int i = 1; i < 1'000; i += 2) map.Erase(std::to_string(i));
  REQUIRE(Contents(copy) == before);
  map.Clear();
  REQUIRE(Contents(copy) == before);
}

TEST_CASE("a visit begins at the first key that is not below its start, and ends when told") {
  Map map;
  for (const char* key : {"a", "b", "c", "d"}) map.Put(key, key[0]);
  REQUIRE(Contents(map, "b") == Model{{"b", 'b'}, {"c", 'c'}, {"d", 'd'}});
  REQUIRE(Contents(map, "bb") == Model{{"c", 'c'}, {"d", 'd'}});
  REQUIRE(Contents(map, "e").empty());
  int visits = 0;
  map.Visit("", [&](const std::string&, int) { return ++visits < 2; });
  REQUIRE(visits == 2);
}
