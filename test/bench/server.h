// The server processes of the benchmark.
#pragma once

#include <string>

namespace bench {

// Runs one server of the ensemble until stdin ends. Prints "ready", then answers
// commands of a line each:
//   role                            "leading", "following", … of an established epoch
//   write BYTES OUTSTANDING SECONDS  closed loop; "begin", then "end WRITES P50 P99"
//                                   (milliseconds) of the calls made in between
//   probe                           writes until one succeeds; "done NANOSECONDS", the
//                                   monotonic clock when it did
int Serve(uint64_t id, const std::string& ensemble, const std::string& data_dir);

// The monotonic clock, the same in all processes of a machine.
int64_t Nanoseconds();

}  // namespace bench
