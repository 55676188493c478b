// What a disk holds besides transactions, as bytes and back
// (lib/storage/README.md says where they stand; proto/zkq/wire/v1/message.proto has
// their fields). Pure; total on any input.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/base/hard_state.h"
#include "lib/base/snapshot_meta.h"
#include "zkq/types.h"

namespace zkq {

// A configuration: also the command of a reconfiguration.
ZKQ_EXPORT std::string EncodeMembership(const Membership& membership);
ZKQ_EXPORT std::optional<Membership> DecodeMembership(std::string_view bytes);

std::string EncodeHardState(const HardState& state);
ZKQ_EXPORT std::optional<HardState> DecodeHardState(std::string_view bytes);

// What a log segment begins with: all that the segments before it amount to, so that
// they can go once their entries are not needed.
struct SegmentStart {
  std::string state = {};  // encoded HardState; empty: none yet
  Zxid base = {};
  Zxid last = {};
  friend bool operator==(const SegmentStart&, const SegmentStart&) = default;
};
std::string EncodeSegmentStart(const SegmentStart& start);
ZKQ_EXPORT std::optional<SegmentStart> DecodeSegmentStart(std::string_view bytes);

// In the head of a snapshot's file.
std::string EncodeSnapshotMeta(const SnapshotMeta& meta);
std::optional<SnapshotMeta> DecodeSnapshotMeta(std::string_view bytes);

ZKQ_EXPORT std::string EncodeZxid(Zxid zxid);
ZKQ_EXPORT std::optional<Zxid> DecodeZxid(std::string_view bytes);

}  // namespace zkq
