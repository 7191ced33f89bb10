#pragma once
// What a service says to the manager that started it (systemd; the protocol is sd_notify(3)): lines NAME=VALUE in one
// datagram to the socket that NOTIFY_SOCKET names, a path or "@" and an abstract name. Without NOTIFY_SOCKET nothing is
// said. Any thread. Errors: Config (not such a name), Unavailable (nobody takes it).

#include <string_view>

#include "base/result.h"

namespace weir {

Status tell_service_manager(std::string_view lines);

}  // namespace weir
