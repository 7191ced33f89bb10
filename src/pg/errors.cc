// How PostgreSQL's and libpq's failures become Errors. The kind comes from the SQLSTATE; where a connection attempt
// ends without one, from libpq's own (English) message, which has no other mark.

#include <optional>

#include <fmt/format.h>

#include "base/text.h"
#include "pg/state.h"

namespace weir::pg {

ErrorKind kind_of_sqlstate(std::string_view sqlstate) {
  auto in = [sqlstate](std::string_view prefix) { return sqlstate.starts_with(prefix); };
  if (in("08007") || in("40003")) return ErrorKind::InDoubt;
  if (in("28") || in("42501")) return ErrorKind::Denied;
  if (in("3D000")) return ErrorKind::Config;
  if (in("08") || in("53") || in("57P") || in("25P03") || in("25P04")) return ErrorKind::Unavailable;
  if (in("40") || in("55P03") || in("55006") || in("72000")) return ErrorKind::Busy;
  if (in("57014")) return ErrorKind::Cancelled;
  if (in("22") || in("23")) return ErrorKind::Data;
  return ErrorKind::Sql;
}

namespace {

std::string field(pg_result const* result, int code) {
  char const* const text = PQresultErrorField(result, code);
  return text == nullptr ? "" : text;
}

// libpq's messages end with a newline and may hold several lines: the first one that says something.
std::string first_line(std::string_view message) {
  return std::string(trim(message.substr(0, message.find('\n'))));
}

// What the server's error is about, as the user writes it.
std::string object_of(pg_result const* result) {
  std::string const schema = field(result, PG_DIAG_SCHEMA_NAME);
  std::string name = field(result, PG_DIAG_TABLE_NAME);
  if (name.empty()) name = field(result, PG_DIAG_DATATYPE_NAME);
  if (name.empty()) return schema;
  return schema.empty() ? name : schema + "." + name;
}

// The server's fields out of libpq's verbose text: `...: FATAL:  28P01: password authentication failed ...`, then
// `DETAIL:  ...`, `HINT:  ...`, `LOCATION:  ...` lines (docs, 34.11 PQsetErrorVerbosity).
struct ServerFields {
  std::string sqlstate, message, detail, hint;
};

std::optional<ServerFields> server_fields(std::string_view text) {
  auto is_code = [](std::string_view code) {
    for (char c : code)
      if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z')) return false;
    return true;
  };
  std::optional<ServerFields> found;
  for (std::string const& line : split(text, '\n')) {
    for (std::size_t at = line.find(":  "); at != std::string::npos; at = line.find(":  ", at + 1)) {
      std::string const rest = line.substr(at + 3);
      if (rest.size() < 7 || rest.substr(5, 2) != ": " || !is_code(rest.substr(0, 5))) continue;
      found = ServerFields{.sqlstate = rest.substr(0, 5), .message = rest.substr(7), .detail = {}, .hint = {}};
      break;
    }
    if (!found) continue;
    if (line.starts_with("DETAIL:  ")) found->detail = line.substr(9);
    if (line.starts_with("HINT:  ")) found->hint = line.substr(7);
  }
  return found;
}

std::string next_step_after(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::Denied:
      return "check the user name, the password and the server's pg_hba.conf";
    case ErrorKind::Config:
      return "check the endpoint's settings";
    default:
      return "check that the server runs and can be reached, and try again";
  }
}

Error reason_of(SessionOptions const& options, std::string_view message) {
  std::string const subject = fmt::format("could not connect to {}", options.text());
  if (auto const fields = server_fields(message)) {
    ErrorKind const kind = kind_of_sqlstate(fields->sqlstate);
    auto error =
        Error(kind == ErrorKind::Sql ? ErrorKind::Config : kind, fmt::format("{}: {}", subject, fields->message));
    error.sqlstate(fields->sqlstate).cause(fields->detail);
    if (!fields->hint.empty()) return std::move(error).next(fields->hint);
    return std::move(error).next(fields->sqlstate == "3D000" ? "check the name of the database"
                                                             : next_step_after(kind));
  }
  std::string reason = first_line(message);
  auto says = [message](std::string_view part) { return message.find(part) != std::string_view::npos; };
  if (says("no password supplied")) {
    return Error(ErrorKind::Denied, subject + ": the server asks for a password and none is given")
        .next("give the user's password");
  }
  if (says("certificate") || says("SSL")) {
    return Error(ErrorKind::Config, fmt::format("{}: {}", subject, reason))
        .next(
            "name the file of the certificate authority (sslrootcert), or say sslmode: require, which encrypts without "
            "checking who answers");
  }
  if (says("could not translate host name")) {
    return Error(ErrorKind::Unavailable, fmt::format("{}: {}", subject, reason))
        .next("check the host's name, and that this machine can resolve it");
  }
  if (reason.starts_with("invalid ") || says("definition of service") || says("service file"))
    return Error(ErrorKind::Config, fmt::format("{}: {}", subject, reason)).next(next_step_after(ErrorKind::Config));
  // libpq puts "connection to server at ... failed: " before the reason; the subject says that already.
  if (auto const at = reason.find(" failed: "); reason.starts_with("connection to server") && at != std::string::npos)
    reason = fmt::format("{} ({})", reason.substr(at + 9), reason.substr(14, at - 14));
  return Error(ErrorKind::Unavailable, fmt::format("{}: {}", subject, reason))
      .next(next_step_after(ErrorKind::Unavailable));
}

}  // namespace

Error connect_error(SessionOptions const& options, std::string_view message) {
  return reason_of(options, message).endpoint(options.endpoint);
}

Error Session::State::lost() const {
  return Error(ErrorKind::Unavailable, fmt::format("the connection to {} is lost", options.text()))
      .cause(last_words.empty() ? first_line(PQerrorMessage(connection.get())) : last_words)
      .endpoint(options.endpoint)
      .next("check the server's log, and try again");
}

Error Session::State::error_of(pg_result const* result) const {
  std::string const sqlstate = result == nullptr ? "" : field(result, PG_DIAG_SQLSTATE);
  if (sqlstate.empty()) {
    if (is_broken()) return lost();
    std::string const reason =
        first_line(result == nullptr ? PQerrorMessage(connection.get()) : PQresultErrorMessage(result));
    return Error(ErrorKind::Sql, reason.empty() ? "the server's answer cannot be read" : reason);
  }
  ErrorKind kind = kind_of_sqlstate(sqlstate);
  std::string message = field(result, PG_DIAG_MESSAGE_PRIMARY);
  std::string next = field(result, PG_DIAG_MESSAGE_HINT);
  if (kind == ErrorKind::Cancelled && !canceller->was_asked()) {
    kind = ErrorKind::Busy;
    if (next.empty()) next = "find out who cancels statements of this role: statement_timeout, or pg_cancel_backend()";
  }
  // "tuple concurrently updated" has no SQLSTATE of its own, and is none of the server's bugs.
  if (sqlstate == "XX000" && message.find("concurrently") != std::string::npos) kind = ErrorKind::Busy;
  if (is_broken()) message = fmt::format("the connection to {} was ended by the server: {}", options.text(), message);
  auto error = Error(is_broken() ? ErrorKind::Unavailable : kind, std::move(message));
  error.sqlstate(sqlstate).object(object_of(result)).cause(field(result, PG_DIAG_MESSAGE_DETAIL)).next(std::move(next));
  error.where(field(result, PG_DIAG_CONTEXT)).endpoint(options.endpoint);
  return error;
}

}  // namespace weir::pg
