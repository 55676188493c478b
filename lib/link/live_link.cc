#include "lib/link/live_link.h"

#include <utility>

#include "lib/link/link_table.h"

namespace zkq::link {

LiveLink::LiveLink(std::shared_ptr<LinkTable> table, const LinkBounds& bounds)
    : Link(bounds, table->place()), table_(std::move(table)) {}

void LiveLink::HandleFrame(Payload frame) { table_->OnFrame(self(), std::move(frame)); }

void LiveLink::HandleBroken(absl::Status why) { table_->OnBroken(self(), std::move(why)); }

void LiveLink::HandleSilent(absl::Status why) { table_->OnSilent(self(), std::move(why)); }

void LiveLink::HandleEnded(absl::Status status) { table_->OnEnded(self(), std::move(status)); }

}  // namespace zkq::link
