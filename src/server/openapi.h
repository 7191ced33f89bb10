#pragma once
// The API described for programs (OpenAPI 3.1), made from its table of routes. Pure.

#include <span>

#include <nlohmann/json_fwd.hpp>

#include "server/api.h"

namespace weir::server {

nlohmann::ordered_json openapi(std::span<Route const> routes);

}  // namespace weir::server
