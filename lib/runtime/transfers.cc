#include "lib/runtime/transfers.h"

#include <utility>

#include "lib/base/checks.h"
#include "lib/base/texts.h"
#include "lib/runtime/errors.h"

namespace zkq::runtime {
namespace {

// Only whole pieces are progress, so one has to pass within init_limit where the line is thin: at
// 1 Mbit/s it takes half a second.
constexpr size_t kChunkBytes = 64 << 10;

using Fetched = core::SnapshotFetched;

}  // namespace

template <typename Task>
void Transfers::Post(Task task) {
  ports_.strand->Post([this, task = std::move(task)]() mutable {
    if (!*ports_.stopping) std::move(task)();
  });
}

// --- the log ---------------------------------------------------------------------

void Transfers::ReadLog(core::ReadLog ask) {
  Post([this, ask] {
    const Strand::Doing doing(*ports_.strand, "File::Read");
    absl::StatusOr<std::vector<Txn>> page = ports_.log->Read(ask.after, ask.bytes_max);
    core::LogRead read{.learner = ask.learner, .session = ask.session};
    if (page.ok()) {
      read.txns = *std::move(page);
    } else {
      SayUnread(ask, page.status());  // And nothing read ends the learner's session.
    }
    ports_.ears->OnLogRead(std::move(read));
  });
}

// What was cut or purged meanwhile is out of range, and the learner is brought up to date in
// another way.
void Transfers::SayUnread(const core::ReadLog& ask, const absl::Status& why) {
  const ServerId learner = ask.learner.sid;
  ports_.voice->SayAbout(learner, absl::IsOutOfRange(why) ? Line::kLogGone : Line::kLogUnread,
                         "after ", ToString(ask.after), ", for server ", ToString(learner), ": ",
                         why.ToString());
}

void Transfers::ReadPage(Zxid after, size_t bytes_max) {
  Post([this, after, bytes_max] {
    const Strand::Doing doing(*ports_.strand, "File::Read");
    ports_.ears->OnPage(ports_.log->Read(after, bytes_max));
  });
}

// --- serving a snapshot ------------------------------------------------------------

void Transfers::Serve(const SnapshotRequest& request, Reply reply) {
  ports_.strand->Post([this, request, reply = std::move(reply)]() mutable {
    if (*ports_.stopping) return std::move(reply)(EndedByShutdown(Fate::kNothing));
    const Strand::Doing doing(*ports_.strand, "File::Read");
    absl::StatusOr<std::string> bytes =
        ports_.snapshots->ReadBytes(request.snapshot, request.offset, kChunkBytes);
    if (!bytes.ok()) return std::move(reply)(std::move(bytes).status());
    const bool last = bytes->size() < kChunkBytes;
    std::move(reply)(
        SnapshotChunk{.offset = request.offset, .bytes = *std::move(bytes), .last = last});
  });
}

// --- fetching one -------------------------------------------------------------------

void Transfers::Fetch(core::FetchSnapshot ask) {
  Post([this, ask] { Begin(ask); });
}

void Transfers::Begin(core::FetchSnapshot ask) {
  ZKQ_CHECK(ports_.strand->Inside());
  const uint64_t fetch = ++fetch_;
  running_.reset();
  // A crash or a lost link after the last byte: it may be here already.
  absl::StatusOr<SnapshotMeta> adopted =
      ports_.snapshots->Adopt(ask.snapshot, ask.ensemble, [&] { TellProgress(ask); });
  if (adopted.ok()) return End(ask, std::move(adopted));
  auto file = ports_.snapshots->Receive(ask.snapshot);
  if (!file.ok()) return End(ask, std::move(file).status());
  const SnapshotRequest request{.snapshot = ask.snapshot, .offset = (*file)->offset()};
  running_ = std::make_unique<Running>(Running{.ask = ask,
                                               .file = *std::move(file),
                                               .began = ports_.clock->Monotonic(),
                                               .from = request.offset});
  // The transport calls this until its Shutdown returns, which comes before our end.
  ports_.transport->FetchSnapshot(
      ask.link, request, [this, fetch](absl::StatusOr<SnapshotChunk> chunk, Hold hold) {
        if (!Wants(fetch)) return false;
        Post([this, fetch, chunk = std::move(chunk), hold = std::move(hold)]() mutable {
          OnChunk(fetch, std::move(chunk));
        });
        return true;
      });
}

void Transfers::OnChunk(uint64_t fetch, absl::StatusOr<SnapshotChunk> chunk) {
  ZKQ_CHECK(ports_.strand->Inside());
  if (!Wants(fetch)) return;
  absl::Status stored = Store(chunk);
  if (stored.ok() && !chunk->last) return;
  ++fetch_;
  const std::unique_ptr<Running> ended = std::move(running_);
  if (!stored.ok()) return End(ended->ask, std::move(stored));
  absl::StatusOr<SnapshotMeta> meta = Finish(*ended);
  if (meta.ok()) SayFetched(*ended);
  End(ended->ask, std::move(meta));
}

absl::Status Transfers::Store(const absl::StatusOr<SnapshotChunk>& chunk) {
  if (!chunk.ok()) return chunk.status();
  if (chunk->offset != running_->file->offset()) {
    return absl::DataLossError("a piece of the snapshot is missing");
  }
  const Strand::Doing doing(*ports_.strand, "File::Write");
  if (absl::Status written = running_->file->Write(chunk->bytes); !written.ok()) return written;
  TellProgress(running_->ask);
  return absl::OkStatus();
}

absl::StatusOr<SnapshotMeta> Transfers::Finish(const Running& running) {
  const Strand::Doing doing(*ports_.strand, "File::Sync");
  return running.file->Finish([&] { TellProgress(running.ask); });
}

void Transfers::SayFetched(const Running& running) {
  const absl::Duration took = ports_.clock->Monotonic() - running.began;
  ports_.voice->Say(Line::kSnapshotFetched, "at ", ToString(running.ask.snapshot), " from server ",
                    ToString(running.ask.link.sid), ", ",
                    BytesText(running.file->offset() - running.from), " in ",
                    TimeText(absl::ToChronoMicroseconds(took)));
}

void Transfers::TellProgress(const core::FetchSnapshot& ask) {
  ports_.ears->OnSnapshotFetched({.link = ask.link, .snapshot = ask.snapshot});
}

void Transfers::End(const core::FetchSnapshot& ask, absl::StatusOr<SnapshotMeta> meta) {
  Fetched fetched{.link = ask.link, .snapshot = ask.snapshot, .state = Fetched::State::kComplete};
  if (meta.ok()) {
    fetched.meta = *std::move(meta);
  } else {
    fetched.state = Fetched::State::kFailed;
    ports_.voice->SayAbout(ask.link.sid, Line::kFetchFailed, "the snapshot at ",
                           ToString(ask.snapshot), " of server ", ToString(ask.link.sid), ": ",
                           meta.status().ToString());
  }
  ports_.ears->OnSnapshotFetched(std::move(fetched));
}

}  // namespace zkq::runtime
