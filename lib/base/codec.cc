// The messages, by field number; all of proto3, defaults omitted. Numbers are
// never given to another meaning. quorum.proto has the same ones.
//
//   Txn        1 epoch u32  2 counter u32  3 prev_epoch u32  4 prev_counter u32
//              5 kind u32  6 origin_sid u64  7 origin_boot u64  8 origin_call u64
//              9 leader_time i64  15 command bytes (last, so that it is a plain
//              end of the buffer)
//   Zxid       1 epoch u32  2 counter u32
//   Id128      1 high fixed64  2 low fixed64
//   Founder    1 sid u64  2 disk Id128
//   Promise    1 epoch u32  2 leader u64  3 boot u64
//   Member     1 id u64  2 address bytes  3 type u32  4 weight u32  5 group u32
//   Membership 1 version Zxid  2 members repeated Member
//   HardState  1 ensemble Id128  2 founders repeated Founder  3 sid u64
//              4 disk Id128  5 boot u64  6 accepted Promise  7 current u32
//              8 config Membership  9 leader_time i64
#include "lib/base/codec.h"

#include "lib/base/wire.h"

namespace zkq {
namespace {

using wire::PutVarint;
using wire::VarintSize;

constexpr uint32_t kCommandField = 15;

// Fields 1 … 9 of a Txn, whose tags are one byte each: field << 3 | varint.
struct TxnNumbers {
  uint64_t values[9];

  size_t Size() const {
    size_t size = 0;
    for (uint64_t value : values) size += value == 0 ? 0 : 1 + VarintSize(value);
    return size;
  }
  char* Put(char* to) const {
    for (int i = 0; i < 9; ++i) {
      if (values[i] == 0) continue;
      *to++ = static_cast<char>((i + 1) << 3);
      to = PutVarint(to, values[i]);
    }
    return to;
  }
};

std::string Encode(Zxid zxid) {
  std::string out;
  wire::Writer writer(&out);
  writer.Varint(1, zxid.epoch);
  writer.Varint(2, zxid.counter);
  return out;
}

std::string Encode(const Id128& id) {
  std::string out;
  wire::Writer writer(&out);
  writer.Fixed64(1, id.high);
  writer.Fixed64(2, id.low);
  return out;
}

std::string Encode(const Founder& founder) {
  std::string out;
  wire::Writer writer(&out);
  writer.Varint(1, ToInt(founder.sid));
  writer.Message(2, Encode(founder.disk));
  return out;
}

std::string Encode(const Promise& promise) {
  std::string out;
  wire::Writer writer(&out);
  writer.Varint(1, promise.epoch);
  writer.Varint(2, ToInt(promise.leader));
  writer.Varint(3, promise.boot);
  return out;
}

std::string Encode(const Member& member) {
  std::string out;
  wire::Writer writer(&out);
  writer.Varint(1, ToInt(member.id));
  writer.Bytes(2, member.address);
  writer.Varint(3, static_cast<uint8_t>(member.type));
  writer.Varint(4, member.weight);
  writer.Varint(5, member.group);
  return out;
}

std::string Encode(const Membership& membership) {
  std::string out;
  wire::Writer writer(&out);
  writer.Message(1, Encode(membership.version));
  for (const Member& member : membership.members) writer.Message(2, Encode(member));
  return out;
}

// Each Decode reads one message and returns whether it was well-formed.

bool Decode(std::string_view bytes, Zxid* zxid) {
  wire::Reader in(bytes);
  while (in.Next()) {
    if (in.field() == 1) zxid->epoch = in.Varint32();
    if (in.field() == 2) zxid->counter = in.Varint32();
  }
  return in.ok();
}

bool Decode(std::string_view bytes, Id128* id) {
  wire::Reader in(bytes);
  while (in.Next()) {
    if (in.field() == 1) id->high = in.Fixed64();
    if (in.field() == 2) id->low = in.Fixed64();
  }
  return in.ok();
}

bool Decode(std::string_view bytes, Founder* founder) {
  wire::Reader in(bytes);
  while (in.Next()) {
    if (in.field() == 1) founder->sid = ServerId{in.Varint()};
    if (in.field() == 2 && !Decode(in.Bytes(), &founder->disk)) in.Fail();
  }
  return in.ok();
}

bool Decode(std::string_view bytes, Promise* promise) {
  wire::Reader in(bytes);
  while (in.Next()) {
    if (in.field() == 1) promise->epoch = in.Varint32();
    if (in.field() == 2) promise->leader = ServerId{in.Varint()};
    if (in.field() == 3) promise->boot = in.Varint();
  }
  return in.ok();
}

bool Decode(std::string_view bytes, Member* member) {
  member->weight = 0;  // what an absent field says
  wire::Reader in(bytes);
  while (in.Next()) {
    if (in.field() == 1) member->id = ServerId{in.Varint()};
    if (in.field() == 2) member->address = in.Bytes();
    if (in.field() == 3) member->type = static_cast<MemberType>(in.VarintUpTo(1));
    if (in.field() == 4) member->weight = in.Varint32();
    if (in.field() == 5) member->group = in.Varint32();
  }
  return in.ok();
}

bool Decode(std::string_view bytes, Membership* membership) {
  wire::Reader in(bytes);
  while (in.Next()) {
    if (in.field() == 1 && !Decode(in.Bytes(), &membership->version)) in.Fail();
    if (in.field() == 2 && !Decode(in.Bytes(), &membership->members.emplace_back())) in.Fail();
  }
  return in.ok();
}

void DecodeField(wire::Reader* in, Payload* encoded, Txn* txn) {
  switch (in->field()) {
    case 1:
      txn->zxid.epoch = in->Varint32();
      break;
    case 2:
      txn->zxid.counter = in->Varint32();
      break;
    case 3:
      txn->prev.epoch = in->Varint32();
      break;
    case 4:
      txn->prev.counter = in->Varint32();
      break;
    case 5:
      txn->kind = static_cast<TxnKind>(in->VarintUpTo(static_cast<uint8_t>(TxnKind::kNoop)));
      break;
    case 6:
      txn->origin.sid = ServerId{in->Varint()};
      break;
    case 7:
      txn->origin.boot = in->Varint();
      break;
    case 8:
      txn->origin.call = in->Varint();
      break;
    case 9:
      txn->leader_time = static_cast<int64_t>(in->Varint());
      break;
    case kCommandField:
      txn->command = encoded->Part(in->Bytes());
      break;
  }
}

void DecodeField(wire::Reader* in, HardState* state) {
  bool ok = true;
  switch (in->field()) {
    case 1:
      ok = Decode(in->Bytes(), &state->ensemble);
      break;
    case 2:
      ok = Decode(in->Bytes(), &state->founders.emplace_back());
      break;
    case 3:
      state->sid = ServerId{in->Varint()};
      break;
    case 4:
      ok = Decode(in->Bytes(), &state->disk);
      break;
    case 5:
      state->boot = in->Varint();
      break;
    case 6:
      ok = Decode(in->Bytes(), &state->accepted);
      break;
    case 7:
      state->current = in->Varint32();
      break;
    case 8:
      ok = Decode(in->Bytes(), &state->config);
      break;
    case 9:
      state->leader_time = static_cast<int64_t>(in->Varint());
      break;
  }
  if (!ok) in->Fail();
}

}  // namespace

// On the path of every write: sized first, so that the buffer is allocated once.
Txn EncodeTxn(Zxid zxid, Zxid prev, TxnKind kind, const Origin& origin, int64_t leader_time,
              std::string_view command) {
  const TxnNumbers numbers = {{zxid.epoch, zxid.counter, prev.epoch, prev.counter,
                               static_cast<uint8_t>(kind), ToInt(origin.sid), origin.boot,
                               origin.call, static_cast<uint64_t>(leader_time)}};
  const size_t head = command.empty() ? 0 : 1 + VarintSize(command.size());
  std::string bytes(numbers.Size() + head + command.size(), '\0');
  char* end = numbers.Put(bytes.data());
  if (!command.empty()) {
    *end++ = static_cast<char>(kCommandField << 3 | static_cast<uint8_t>(wire::Type::kBytes));
    end = PutVarint(end, command.size());
    command.copy(end, command.size());
  }
  Txn txn{zxid, prev, kind, origin, leader_time, {}, Payload(std::move(bytes))};
  const std::string_view all = txn.encoded.view();
  txn.command = txn.encoded.Part(all.substr(all.size() - command.size()));
  return txn;
}

std::optional<Txn> DecodeTxn(Payload encoded) {
  Txn txn;
  txn.kind = TxnKind{};  // what an absent field says
  wire::Reader in(encoded.view());
  while (in.Next()) DecodeField(&in, &encoded, &txn);
  if (!in.ok() || txn.zxid.epoch == 0 || txn.zxid.counter == 0) return std::nullopt;
  if (txn.kind == TxnKind{}) return std::nullopt;
  txn.encoded = std::move(encoded);
  return txn;
}

std::string EncodeHardState(const HardState& state) {
  std::string out;
  wire::Writer writer(&out);
  writer.Message(1, Encode(state.ensemble));
  for (const Founder& founder : state.founders) writer.Message(2, Encode(founder));
  writer.Varint(3, ToInt(state.sid));
  writer.Message(4, Encode(state.disk));
  writer.Varint(5, state.boot);
  writer.Message(6, Encode(state.accepted));
  writer.Varint(7, state.current);
  writer.Message(8, Encode(state.config));
  writer.Varint(9, static_cast<uint64_t>(state.leader_time));
  return out;
}

std::optional<HardState> DecodeHardState(std::string_view encoded) {
  HardState state;
  wire::Reader in(encoded);
  while (in.Next()) DecodeField(&in, &state);
  if (!in.ok()) return std::nullopt;
  return state;
}

}  // namespace zkq
