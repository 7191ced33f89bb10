#include "base/error.h"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/secret.h"
#include "base/text.h"

namespace weir {

struct Error::Fields {
  ErrorKind kind;
  std::string message, object, where, excerpt, cause, state, next, sqlstate, endpoint;
  std::vector<std::string> contexts;
};

namespace {

// In the order of ErrorKind.
constexpr std::array<std::string_view, 12> kNames = {"usage",    "config",  "template",    "sql",
                                                     "data",     "denied",  "unavailable", "busy",
                                                     "in_doubt", "refused", "cancelled",   "internal"};
static_assert(kNames.size() == static_cast<std::size_t>(ErrorKind::Internal) + 1);

}  // namespace

std::string_view kind_name(ErrorKind kind) {
  return kNames[static_cast<std::size_t>(kind)];
}

std::optional<ErrorKind> error_kind(std::string_view name) {
  auto const found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<ErrorKind>(found - kNames.begin());
}

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::Sql:
    case ErrorKind::Data:
    case ErrorKind::Template:
      return 1;
    case ErrorKind::Usage:
    case ErrorKind::Config:
    case ErrorKind::Internal:
      return 2;
    case ErrorKind::Denied:
      return 4;
    case ErrorKind::Unavailable:
    case ErrorKind::Busy:
    case ErrorKind::InDoubt:
      return 5;
    case ErrorKind::Refused:
      return 6;
    case ErrorKind::Cancelled:
      return 130;
  }
  return 2;
}

Error::Error(ErrorKind kind, std::string message) : fields_(std::make_unique<Fields>()) {
  fields_->kind = kind;
  fields_->message = std::move(message);
}
Error::Error(Error&&) noexcept = default;
Error& Error::operator=(Error&&) noexcept = default;
Error::~Error() = default;

Error Error::clone() const {
  Error copy(fields_->kind, {});
  *copy.fields_ = *fields_;
  return copy;
}

#define WEIR_FIELD(name)                                      \
  Error& Error::name(std::string text)& {                     \
    return fields_->name = std::move(text), *this;            \
  }                                                           \
  Error&& Error::name(std::string text)&& {                   \
    return fields_->name = std::move(text), std::move(*this); \
  }                                                           \
  std::string const& Error::name() const {                    \
    return fields_->name;                                     \
  }
WEIR_FIELD(object)
WEIR_FIELD(where)
WEIR_FIELD(excerpt)
WEIR_FIELD(cause)
WEIR_FIELD(state)
WEIR_FIELD(next)
WEIR_FIELD(sqlstate)
WEIR_FIELD(endpoint)
#undef WEIR_FIELD

Error& Error::context(std::string doing) & {
  return fields_->contexts.push_back(std::move(doing)), *this;
}
Error&& Error::context(std::string doing) && {
  return fields_->contexts.push_back(std::move(doing)), std::move(*this);
}
Error& Error::kind(ErrorKind kind) & {
  return fields_->kind = kind, *this;
}
ErrorKind Error::kind() const {
  return fields_->kind;
}
std::string const& Error::message() const {
  return fields_->message;
}
std::vector<std::string> const& Error::contexts() const {
  return fields_->contexts;
}

namespace {

// Continuation lines of a part stand under its first word.
void add_part(std::string& out, std::string_view label, std::string_view text) {
  if (text.empty()) return;
  out += "\n  ";
  out += label;
  out += ": ";
  std::string const indent(label.size() + 4, ' ');
  for (char c : text) {
    out += c;
    if (c == '\n') out += indent;
  }
}

}  // namespace

std::string Error::to_text() const {
  std::string out = "error: " + fields_->message;
  if (!fields_->sqlstate.empty()) out += " [SQLSTATE " + fields_->sqlstate + "]";
  std::string doing;
  for (auto const& context : fields_->contexts) doing += (doing.empty() ? "" : ", ") + context;
  add_part(out, "while", doing);
  add_part(out, "where", fields_->where);
  if (!fields_->excerpt.empty()) out += "\n" + indent(fields_->excerpt, 9);  // under the place
  add_part(out, "cause", fields_->cause);
  add_part(out, "state", fields_->state);
  add_part(out, "next", fields_->next);
  return redact(std::move(out));
}

nlohmann::ordered_json Error::to_json() const {
  nlohmann::ordered_json json;
  auto put = [&json](char const* key, std::string const& text) {
    if (!text.empty()) json[key] = redact(text);
  };
  json["kind"] = kind_name(fields_->kind);
  put("message", fields_->message);
  put("sqlstate", fields_->sqlstate);
  put("endpoint", fields_->endpoint);
  put("object", fields_->object);
  put("where", fields_->where);
  put("excerpt", fields_->excerpt);
  put("cause", fields_->cause);
  put("state", fields_->state);
  put("next", fields_->next);
  if (!fields_->contexts.empty()) {
    for (auto const& context : fields_->contexts) json["while"].push_back(redact(context));
  }
  return json;
}

}  // namespace weir
