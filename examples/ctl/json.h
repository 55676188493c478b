// JSON, to be written only. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ctl::json {

// Values are JSON already.
using Field = std::pair<std::string_view, std::string>;

std::string Text(std::string_view text);
std::string Bool(bool value);
std::string Array(const std::vector<std::string>& values);
std::string Object(const std::vector<Field>& fields);

}  // namespace ctl::json
