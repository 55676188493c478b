// Puts many keys, pipelined on Batch streams.
#pragma once

#include <string>
#include <vector>

#include "client.h"

namespace kv {

struct KeyValue {
  std::string key;
  std::string value;
};

struct LoadResult {
  CallResult result;    // not OK: something is missing, or may be
  size_t loaded = 0;    // known to be committed
  size_t repeated = 0;  // puts that were sent more than once
};

// A put whose outcome is unknown is repeated, which is right as long as nobody else
// writes these keys meanwhile and none stands in `items` twice. Gives up when
// nothing succeeds for the client's timeout.
LoadResult Load(Client& client, const std::vector<KeyValue>& items);

}  // namespace kv
