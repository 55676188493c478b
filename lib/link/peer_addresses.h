// PeerAddresses: where one server may be reached, tried in turn. The one that answered stays
// the present one until it fails. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace zkq::link {

class PeerAddresses {
 public:
  // Begins anew with the first of them. False: they are the ones it has.
  bool Set(std::vector<std::string> addresses) {
    if (addresses == all_) return false;
    all_ = std::move(addresses);
    present_ = 0;
    return true;
  }
  // Empty if there is none.
  std::string present() const { return all_.empty() ? std::string() : all_[present_]; }
  // For people.
  std::string all() const {
    std::string text;
    for (const std::string& address : all_) text += (text.empty() ? "" : " or ") + address;
    return text;
  }
  void Failed() {
    if (!all_.empty()) present_ = (present_ + 1) % all_.size();
  }

 private:
  std::vector<std::string> all_;
  size_t present_ = 0;
};

}  // namespace zkq::link
