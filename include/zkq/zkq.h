// What a service that embeds zkq usually needs.
#pragma once

#include "zkq/env.h"
#include "zkq/log.h"
#include "zkq/options.h"
#include "zkq/reconfiguration.h"
#include "zkq/replica.h"
#include "zkq/replica_status.h"
#include "zkq/retry.h"
#include "zkq/state_machine.h"
#include "zkq/status.h"
#include "zkq/types.h"
