#include "base/json.h"

#include <nlohmann/json.hpp>

#include "base/time_text.h"

namespace weir {
namespace {

using Json = nlohmann::ordered_json;

Json const* member(Json const& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  auto const found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

}  // namespace

std::string text_at(Json const& object, std::string_view key) {
  auto const* const found = member(object, key);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

std::int64_t number_at(Json const& object, std::string_view key) {
  auto const* const found = member(object, key);
  return found != nullptr && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

bool flag_at(Json const& object, std::string_view key) {
  auto const* const found = member(object, key);
  return found != nullptr && found->is_boolean() && found->get<bool>();
}

nlohmann::ordered_json json_time(std::optional<Instant> const& at) {
  return at ? Json(iso_text(*at)) : Json();
}

std::string json_line(Json const& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json parse_json(std::string_view text) {
  auto json = Json::parse(text, nullptr, false);
  return json.is_discarded() ? Json() : json;
}

}  // namespace weir
