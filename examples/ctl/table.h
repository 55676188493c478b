// Columns of text. Pure.
#pragma once

#include <string>
#include <vector>

namespace ctl {

using Row = std::vector<std::string>;

// A line a row; each column is as wide as its widest cell, and the last cell of a row is not filled
// up.
std::string Table(const std::vector<Row>& rows);

}  // namespace ctl
