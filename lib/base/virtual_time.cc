#include "lib/base/virtual_time.h"

namespace zkq {
namespace {

thread_local bool task_is_ahead = false;

}  // namespace

bool VirtualTime::ahead() { return task_is_ahead; }
void VirtualTime::SetAhead(bool ahead) { task_is_ahead = ahead; }

}  // namespace zkq
