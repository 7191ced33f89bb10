#pragma once
// The channels of endpoints.yml and the alerts of weir.yml. Private to config.

#include <string>

#include "config/check.h"
#include "config/config.h"
#include "yaml/node.h"

namespace weir::config {

void read_channels(yaml::Node const& endpoints_file, Config& config, Checker& checker);
void read_alerts(yaml::Node const& weir_file, Config& config, Checker& checker);     // after read_channels()
void read_heartbeat(yaml::Node const& weir_file, Config& config, Checker& checker);  // after read_channels()
// The alert that tells of this job, "" if none does. After read_alerts().
std::string alert_of_job(yaml::Node const& job, Config const& config, Checker& checker);

}  // namespace weir::config
