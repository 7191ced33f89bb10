#include "server/openapi.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace weir::server {
namespace {

using Json = nlohmann::ordered_json;

// Members of an object, as Route says them (api.h). "+Name" takes those of another shape.
struct Shape {
  std::string_view name, members;
};

constexpr Shape kShapes[] = {
    {"Error",
     "kind:text~ message:text sqlstate:text~ endpoint:text~ object:text~ where:text~ excerpt:text~ cause:text~ "
     "state:text~ "
     "next:text~ while:text[]~"},
    {"Route", "method:text path:text role:text summary:text"},
    {"Job",
     "job:int name:text state:text cause:text actor:text steps:object[] parent:int? slot:text? attempts:int "
     "max_attempts:int uncounted_attempts:int waiting:text? created_at:time run_at:time started_at:time? "
     "finished_at:time? duration_ms:int? cancelled_by:text?"},
    {"Attempt",
     "attempt:int state:text failure:text? host:text? started_at:time ended_at:time? duration_ms:int? published:int "
     "rows:int error:Error? log:text"},
    {"JobWithAttempts", "+Job attempt_list:Attempt[]"},
    {"Unreachable", "endpoint:text since:time text:text"},
    {"JobStatus", "name:text last:Job? next:time?"},
    {"Made", "job:int is_new:bool"},
    {"Event", "seq:int at:time actor:text kind:text object:text job:int? attempt:int? data:any hash:text"},
    {"Incident",
     "incident:int kind:text state:text severity:text title:text started_at:time detected_at:time mitigated_at:time? "
     "resolved_at:time? managed_by:text? failures:int"},
    {"Maker", "name:text kind:text relations:int stale:int late:int oldest_data_at:time?"},
    {"Relation", "relation:text kind:text made_by:text data_at:time?"},
    {"Link", "+Relation source:text"},
    {"Below", "+Relation distance:int through:text state:text"},
    {"Origin", "relation:text source:text data_at:time? state:text"},
    {"Cause",
     "event:int kind:text~ object:text~ at:time~ job:int?~ attempt:int?~ error:Error?~ job_name:text~ job_state:text~ "
     "attempts:int~"},
    {"WhyRelation",
     "+Relation state:text built_at:time? built_by:text chain:Link[] since:time? cause:Cause? incidents:Incident[] "
     "from:Origin[]"},
    {"ShortAttempt", "attempt:int state:text failure:text published:int error:Error?"},
    {"WhyJob",
     "job:int name:text state:text waiting:text cancelled_by:text run_at:time attempts:ShortAttempt[] stale:text[] "
     "incidents:Incident[]"},
    {"Impact", "+Relation state:text below:Below[]"},
    {"Touched", "relation:text kind:text source:text made_by:text stale_to:time? through:text"},
    {"ReportAttempt", "attempt:int state:text failure:text started_at:time ended_at:time? error:Error?"},
    {"ReportJob", "job:int name:text state:text cause:text actor:text parent:int? attempts:ReportAttempt[]"},
    {"Report", "+Incident impact:Touched[] jobs:ReportJob[] events:Event[]"},
    {"Me", "user:text role:text token:text?"},
    {"User", "name:text role:text created_at:time password_at:time logins:int tokens:int"},
    {"Token", "name:text user:text role:text created_at:time expires_at:time? used_at:time?"},
    {"Message", "channel:text moment:text title:text state:text tries:int created_at:time sent_at:time? trouble:text?"},
};

Json schema_of(std::string_view type) {
  if (type.ends_with("[]")) return Json{{"type", "array"}, {"items", schema_of(type.substr(0, type.size() - 2))}};
  if (type == "int") return Json{{"type", "integer"}};
  if (type == "text") return Json{{"type", "string"}};
  if (type == "time") return Json{{"type", "string"}, {"format", "date-time"}};
  if (type == "bool") return Json{{"type", "boolean"}};
  if (type == "object") return Json{{"type", "object"}};
  if (type == "any") return Json::object();
  return Json{{"$ref", fmt::format("#/components/schemas/{}", type)}};
}

struct Member {
  std::string_view name, type;
  bool may_be_null = false, may_be_missing = false;
};

Member member_of(std::string_view text) {
  auto const colon = text.find(':');
  Member member{text.substr(0, colon), text.substr(colon + 1)};
  if (member.type.ends_with('~')) {
    member.may_be_missing = true;
    member.type.remove_suffix(1);
  }
  if (member.type.ends_with('?')) {
    member.may_be_null = true;
    member.type.remove_suffix(1);
  }
  return member;
}

void add_members(Json& object, std::string_view members) {
  for (auto const& text : split(members, ' ')) {
    if (text.starts_with('+')) {
      for (auto const& shape : kShapes)
        if (shape.name == text.substr(1)) add_members(object, shape.members);
      continue;
    }
    auto const member = member_of(text);
    auto schema = schema_of(member.type);
    if (member.may_be_null) schema = Json{{"anyOf", {std::move(schema), Json{{"type", "null"}}}}};
    object["properties"][std::string(member.name)] = std::move(schema);
    if (!member.may_be_missing) object["required"].push_back(member.name);
  }
}

Json object_of(std::string_view members) {
  Json object{{"type", "object"}, {"properties", Json::object()}, {"required", Json::array()}};
  if (!members.empty()) add_members(object, members);
  object["additionalProperties"] = false;
  return object;
}

Json content_of(Json schema) {
  return Json{{"application/json", {{"schema", std::move(schema)}}}};
}

Json parameters_of(Route const& route) {
  Json list = Json::array();
  for (auto const& part : split(route.path, '/')) {
    if (!part.starts_with('{')) continue;
    std::string const name(part.substr(1, part.size() - 2));
    bool const is_number = name == "n" || name == "a";
    list.push_back(
        Json{{"name", name}, {"in", "path"}, {"required", true}, {"schema", schema_of(is_number ? "int" : "text")}});
  }
  if (route.query.empty()) return list;
  for (auto const& text : split(route.query, ' ')) {
    auto const member = member_of(text);
    list.push_back(Json{{"name", member.name},
                        {"in", "query"},
                        {"required", !member.may_be_missing},
                        {"schema", schema_of(member.type)}});
  }
  return list;
}

// An answer that has several forms says them one behind the other: "text:text | +Report".
Json answer_of(std::string_view answer) {
  auto const bar = answer.find(" | ");
  if (bar == std::string_view::npos) return object_of(answer);
  return Json{{"anyOf", {object_of(answer.substr(0, bar)), answer_of(answer.substr(bar + 3))}}};
}

// Either of two ways to say who one is, and the least role that may.
Json security_of(Route const& route) {
  if (route.role == Role::Nobody) return Json::array();
  Json const roles = Json::array({role_name(route.role)});
  return Json::array({Json{{"token", roles}}, Json{{"login", roles}}});
}

Json operation_of(Route const& route) {
  Json operation{{"summary", route.summary}, {"security", security_of(route)}, {"parameters", parameters_of(route)}};
  if (!route.body.empty()) operation["requestBody"] = Json{{"content", content_of(object_of(route.body))}};
  Json const failed{{"description", "why not, and what to do"}, {"content", content_of(object_of("error:Error"))}};
  operation["responses"] =
      Json{{"200",
            {{"description", route.summary},
             {"content", content_of(route.answer.empty() ? Json::object() : answer_of(route.answer))}}},
           {"default", failed}};
  return operation;
}

}  // namespace

Json openapi(std::span<Route const> routes) {
  Json paths = Json::object(), schemas = Json::object();
  for (auto const& route : routes) paths[std::string(route.path)][to_lower(route.method)] = operation_of(route);
  for (auto const& shape : kShapes) schemas[std::string(shape.name)] = object_of(shape.members);
  Json const ways{{"token", {{"type", "http"}, {"scheme", "bearer"}, {"description", "made by weir token create"}}},
                  {"login",
                   {{"type", "apiKey"},
                    {"in", "cookie"},
                    {"name", "weir_login"},
                    {"description",
                     "given by POST /api/v1/login, as __Host-weir_login behind TLS; a POST needs Content-Type: "
                     "application/json and "
                     "X-Weir-Request: 1"}}}};
  return Json{
      {"openapi", "3.1.0"},
      {"info",
       {{"title", "weir"},
        {"version", "v1"},
        {"description",
         "Jobs, events and incidents of a project: what weir's own commands ask. A role may what the ones before "
         "it may: viewer, operator, admin."}}},
      {"paths", std::move(paths)},
      {"components", {{"schemas", std::move(schemas)}, {"securitySchemes", ways}}}};
}

}  // namespace weir::server
