#include "lib/wire/disk.h"

#include "lib/wire/codec.h"

namespace zkq {

void Fields(auto& io, wire::Is<SegmentStart> auto& m) {
  io(1, m.state);
  io(2, m.base);
  io(3, m.last);
}

std::string EncodeMembership(const Membership& membership) {
  return wire::EncodeFields(membership);
}
std::optional<Membership> DecodeMembership(std::string_view bytes) {
  return wire::DecodeFields<Membership>(bytes);
}

std::string EncodeHardState(const HardState& state) { return wire::EncodeFields(state); }
std::optional<HardState> DecodeHardState(std::string_view bytes) {
  return wire::DecodeFields<HardState>(bytes);
}

std::string EncodeSegmentStart(const SegmentStart& start) { return wire::EncodeFields(start); }
std::optional<SegmentStart> DecodeSegmentStart(std::string_view bytes) {
  return wire::DecodeFields<SegmentStart>(bytes);
}

std::string EncodeSnapshotMeta(const SnapshotMeta& meta) { return wire::EncodeFields(meta); }
std::optional<SnapshotMeta> DecodeSnapshotMeta(std::string_view bytes) {
  return wire::DecodeFields<SnapshotMeta>(bytes);
}

std::string EncodeZxid(Zxid zxid) { return wire::EncodeFields(zxid); }
std::optional<Zxid> DecodeZxid(std::string_view bytes) { return wire::DecodeFields<Zxid>(bytes); }

}  // namespace zkq
