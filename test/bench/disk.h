// What the disk alone takes for a durable write.
#pragma once

#include <string>

namespace bench {

// The median of fdatasync after 4 KiB into a file filled with zeros, in
// milliseconds. The file is made in `directory` and removed.
double MedianSyncMillis(const std::string& directory);

}  // namespace bench
