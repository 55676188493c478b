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
    present_ = beside_ = 0;
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
  void Failed() { Advance(&present_); }
  // Attempts that are made while there is a link, with another disk, leave the present one.
  std::string beside() const { return all_.empty() ? std::string() : all_[beside_]; }
  void BesideFailed() { Advance(&beside_); }
  void BesideAnswered() { present_ = beside_; }

 private:
  void Advance(size_t* at) const {
    if (!all_.empty()) *at = (*at + 1) % all_.size();
  }

  std::vector<std::string> all_;
  size_t present_ = 0;
  size_t beside_ = 0;
};

}  // namespace zkq::link
