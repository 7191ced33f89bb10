#include "tds/session.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace weir::tds {
namespace {

// RPC by number (MS-TDS 2.2.6.6).
constexpr char const* kProcedures[] = {"",
                                       "sp_cursor",
                                       "sp_cursoropen",
                                       "sp_cursorprepare",
                                       "sp_cursorexecute",
                                       "sp_cursorprepexec",
                                       "sp_cursorunprepare",
                                       "sp_cursorfetch",
                                       "sp_cursoroption",
                                       "sp_cursorclose",
                                       "sp_executesql",
                                       "sp_prepare",
                                       "sp_execute",
                                       "sp_prepexec",
                                       "sp_prepexecrpc",
                                       "sp_unprepare"};

std::string one_line(std::string_view text) {
  std::string line;
  for (char const c : text) line.push_back(c == '\n' || c == '\r' || c == '\t' ? ' ' : c);
  return line;
}

Error protocol_error(std::string_view what) {
  return Error(ErrorKind::Data, std::string(what));
}

}  // namespace

Session::Session(ServerState& server, int socket, int spid)
    : server_(server), transport_(socket), batch_(server.database, state_) {
  state_.spid = spid;
  transport_.set_spid(spid);
}

void Session::note(std::string_view event, std::string_view text) const {
  if (server_.log) server_.log(fmt::format("{} {} {}", state_.spid, event, one_line(text)));
}

void Session::run() {
  Status status = serve();
  note("end", status.ok() ? "" : status.error().message());
  batch_.reset();          // what was not committed is rolled back
  transport_.interrupt();  // the descriptor stays ours until the server forgets this session: stop() may still come
}

Status Session::serve() {
  bool logged_in = false;
  while (!server_.stopping.load()) {
    WEIR_TRY(Message const message, transport_.read_message());
    if (!logged_in) {
      if (message.type == PacketType::PreLogin) {
        WEIR_DO(pre_login(message));
      } else if (message.type == PacketType::Login7) {
        WEIR_DO(login(message));
        logged_in = true;
      } else {
        return protocol_error("the client did not log in");
      }
      continue;
    }
    WEIR_DO(handle(message));
  }
  return {};
}

Status Session::pre_login(Message const& message) {
  std::string_view const body = message.body;
  auto client = ClientEncryption::Off;
  for (std::size_t at = 0; at + 5 <= body.size() && static_cast<std::uint8_t>(body[at]) != 0xff; at += 5) {
    auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<std::uint8_t>(body[i])); };
    std::size_t const offset = byte(at + 1) << 8 | byte(at + 2);
    if (body[at] == 1 && offset < body.size()) client = static_cast<ClientEncryption>(byte(offset));
  }
  auto answer = ClientEncryption::NotSupported;
  if (server_.tls == TlsMode::Optional && client != ClientEncryption::NotSupported)
    answer = client == ClientEncryption::Off ? ClientEncryption::Off : ClientEncryption::On;
  if (server_.tls == TlsMode::Required)
    answer = client == ClientEncryption::On || client == ClientEncryption::Required ? ClientEncryption::On
                                                                                    : ClientEncryption::Required;
  std::string const version = server_.database.options().version;
  std::vector<std::string> parts = split(version, '.');
  parts.resize(4, "0");
  auto part = [&parts](std::size_t i) { return static_cast<int>(parse_int(parts[i]).value_or(0)); };
  std::string const data = {static_cast<char>(part(0)),
                            static_cast<char>(part(1)),
                            static_cast<char>(part(2) >> 8),
                            static_cast<char>(part(2)),
                            0,
                            0,
                            static_cast<char>(answer),
                            0,
                            0};
  struct Option {
    std::uint8_t token;
    std::size_t length;
  };
  constexpr Option kOptions[] = {{0, 6}, {1, 1}, {2, 1}, {4, 1}};
  std::size_t offset = sizeof kOptions / sizeof kOptions[0] * 5 + 1;
  std::string& out = transport_.out();
  for (Option const& option : kOptions) {
    out += {static_cast<char>(option.token), static_cast<char>(offset >> 8), static_cast<char>(offset), 0,
            static_cast<char>(option.length)};
    offset += option.length;
  }
  out.push_back(static_cast<char>(0xff));
  out += data;
  WEIR_DO(transport_.end_message());
  if (answer == ClientEncryption::NotSupported ||
      (answer == ClientEncryption::Required && client == ClientEncryption::NotSupported))
    return {};
  WEIR_DO(transport_.start_tls(*server_.certificate));
  login_only_tls_ = answer == ClientEncryption::Off;
  return {};
}

bool Session::parse_login(std::string_view body, Login& out) {
  WireReader in(body);
  (void)in.number<std::uint32_t>();
  out.version = in.number<std::uint32_t>();
  out.packet_size = in.number<std::uint32_t>();
  auto field = [&body](std::size_t at) -> std::string_view {
    WireReader place(body.substr(std::min(at, body.size())));
    auto const offset = place.number<std::uint16_t>();
    auto const units = place.number<std::uint16_t>();
    if (place.failed() || std::size_t{offset} + std::size_t{units} * 2 > body.size()) return {};
    return body.substr(offset, std::size_t{units} * 2);
  };
  out.host = to_utf8(field(36));
  out.user = to_utf8(field(40));
  std::string password(field(44));
  for (char& c : password) {
    auto const byte = static_cast<std::uint8_t>(static_cast<std::uint8_t>(c) ^ 0xa5);
    c = static_cast<char>(byte << 4 | byte >> 4);
  }
  out.password = to_utf8(password);
  out.app = to_utf8(field(48));
  out.language = to_utf8(field(64));
  out.database = to_utf8(field(68));
  return !in.failed();
}

bool Session::password_is_right(Login const& login) const {
  for (User const& user : server_.database.users)
    if (equals_ignoring_case(user.name, login.user)) return user.password.reveal() == login.password;
  return false;
}

Status Session::refuse_login(SqlError const& error, std::string const& user) {
  note("refused", fmt::format("{} {}", user, error.number));
  put_error(transport_.out(), error, "", tds_version_);
  put_done(transport_.out(), DoneToken::Done, kDoneError, 0, 0, tds_version_);
  WEIR_DO(transport_.end_message());
  return Error(ErrorKind::Denied, fmt::format("login of \"{}\" was refused", user));
}

Status Session::login(Message const& message) {
  if (login_only_tls_) transport_.stop_tls();
  if (server_.tls == TlsMode::Required && !transport_.uses_tls())
    return Error(ErrorKind::Denied, "the client came without TLS");
  Login login;
  if (!parse_login(message.body, login)) return protocol_error("the login packet cannot be read");
  tds_version_ = login.version >= 0x74000000   ? 74
                 : login.version >= 0x73000000 ? 73
                 : login.version >= 0x72000000 ? 72
                                               : 71;
  SqlError const bad = sql_error(18456, 14, fmt::format("Login failed for user '{}'.", login.user));
  if (auto const fault = server_.database.faults.meet(FaultEvent::Login, login.user, {}); fault) {
    if (fault->close != CloseAt::No) return Error(ErrorKind::Unavailable, "a fault closed the connection at login");
    return refuse_login(fault->error && fault->error->number != 18456 ? *fault->error : bad, login.user);
  }
  if (!password_is_right(login)) return refuse_login(bad, login.user);
  Database const& database = server_.database;
  if (!login.database.empty() && !equals_ignoring_case(login.database, database.name) &&
      !equals_ignoring_case(login.database, "master")) {
    put_error(
        transport_.out(),
        sql_error(4060, 11,
                  fmt::format("Cannot open database \"{}\" requested by the login. The login failed.", login.database)),
        "", tds_version_);
    return refuse_login(bad, login.user);
  }
  state_.login = login.user;
  state_.app = login.app;
  state_.host = login.host;
  note("login", fmt::format("{} app={} tds={} tls={} packet={}", login.user, login.app, tds_version_,
                            transport_.uses_tls() ? "on" : "off", login.packets()));
  return login_reply(login);
}

Status Session::login_reply(Login const& login) {
  std::string& out = transport_.out();
  Database const& database = server_.database;
  put_env_change(out, 1, database.name, "master");
  put_info(out, 5701, 0, 2, fmt::format("Changed database context to '{}'.", database.name), 1, tds_version_);
  std::uint8_t collation[5];
  database.collation->append_wire(collation);
  put_env_change_bytes(out, 7, std::string_view(reinterpret_cast<char const*>(collation), 5), "");
  put_env_change(out, 2, "us_english", "");
  put_info(out, 5703, 0, 1, "Changed language setting to us_english.", 1, tds_version_);
  constexpr std::uint32_t kVersions[] = {0x71000001, 0x72090002, 0x730b0003, 0x74000004};
  put_login_ack(out, kVersions[tds_version_ - 71], database.options().version);
  std::size_t const size = login.packets();
  put_env_change(out, 4, std::to_string(size), "4096");
  put_done(out, DoneToken::Done, 0, 0, 0, tds_version_);
  WEIR_DO(transport_.end_message());
  transport_.set_packet_size(size);
  return {};
}

// ALL_HEADERS: from TDS 7.2 on, requests begin with them.
std::string_view Session::skip_headers(std::string_view body) const {
  if (tds_version_ < 72 || body.size() < 4) return body;
  WireReader in(body);
  auto const length = in.number<std::uint32_t>();
  return length >= 4 && length <= body.size() ? body.substr(length) : body;
}

Status Session::handle(Message const& message) {
  Reply reply(transport_, tds_version_, server_.stopping);
  if ((message.status & 0x18) != 0) batch_.reset();
  Outcome outcome;
  switch (message.type) {
    case PacketType::SqlBatch:
      outcome = sql_batch(skip_headers(message.body), reply);
      break;
    case PacketType::Rpc:
      outcome = rpc(skip_headers(message.body), reply);
      break;
    case PacketType::TransactionManager:
      outcome = transaction_request(skip_headers(message.body), reply);
      break;
    case PacketType::Attention:
      note("attention", "idle");
      return reply.finish_attention();
    case PacketType::BulkLoad:
      reply.error(sql_error(4022, 16, "Bulk load data was expected but not sent. The batch will be terminated."),
                  batch_.in_transaction());
      break;
    default:
      return protocol_error("the client sent a packet of a kind that is not for a server");
  }
  if (outcome.ok()) return reply.finish(batch_.in_transaction());
  if (outcome.error().number == kCancelled) {
    note("attention", "while running");
    return reply.finish_attention();
  }
  if (!reply.gone()) (void)reply.finish(batch_.in_transaction()).ok();
  return Error(ErrorKind::Unavailable, outcome.error().message);
}

Outcome Session::sql_batch(std::string_view body, Reply& reply) {
  std::string const text = to_utf8(body);
  note("batch", text);
  return batch_.run_text(text, reply);
}

Outcome Session::rpc(std::string_view body, Reply& reply) {
  WireReader in(body);
  while (!in.at_end()) {
    std::string name;
    auto const units = in.number<std::uint16_t>();
    if (units == 0xffff) {
      auto const id = in.number<std::uint16_t>();
      name = id < std::size(kProcedures) ? kProcedures[id] : fmt::format("rpc {}", id);
    } else {
      name = to_lower(to_utf8(in.take(std::size_t{units} * 2)));
      auto const dot = name.rfind('.');
      if (dot != std::string::npos) name.erase(0, dot + 1);
      std::erase_if(name, [](char c) { return c == '[' || c == ']'; });
    }
    (void)in.number<std::uint16_t>();
    std::vector<Argument> arguments;
    std::string described;
    while (!in.at_end() && in.peek() != 0xff && in.peek() != 0x80) {
      Argument& argument = arguments.emplace_back();
      argument.name = in.b_varchar();
      argument.output = (in.number<std::uint8_t>() & 1) != 0;
      if (!in.type_info(argument.type) || !in.cell(argument.type, argument.value)) {
        reply.error(sql_error(8011, 16,
                              fmt::format("The incoming tabular data stream (TDS) remote procedure call (RPC) protocol "
                                          "stream is incorrect. Parameter {} (\"{}\"): Data type is unknown.",
                                          arguments.size(), argument.name)),
                    batch_.in_transaction());
        return {};
      }
      if (argument.type.length == -2) argument.type.length = 0;
      described += fmt::format(" {}={}", argument.name, argument.value.null ? "NULL" : to_text(argument.value));
    }
    if (!in.at_end()) in.skip(1);
    note("rpc", name + described);
    TDS_DO(batch_.run_procedure(name, std::move(arguments), reply));
  }
  return {};
}

Outcome Session::transaction_request(std::string_view body, Reply& reply) {
  WireReader in(body);
  auto const kind = in.number<std::uint16_t>();
  Outcome outcome;
  auto set_isolation = [this](std::uint8_t level) {
    if (level >= 1 && level <= 5) state_.isolation = static_cast<Isolation>(level);
  };
  note("transaction", std::to_string(kind));
  switch (kind) {
    case 5:
      set_isolation(in.number<std::uint8_t>());
      outcome = batch_.begin_transaction(&reply);
      break;
    case 7:
    case 8: {
      (void)in.b_varchar();
      bool const another = (in.number<std::uint8_t>() & 1) != 0;
      outcome = kind == 7 ? batch_.commit(&reply) : batch_.rollback(&reply);
      if (outcome.ok() && another) {
        set_isolation(in.number<std::uint8_t>());
        outcome = batch_.begin_transaction(&reply);
      }
      break;
    }
    case 9:
      break;  // savepoint: nothing to remember, since ROLLBACK to a name is not in the language
    default:
      outcome = sql_error(
          3989, 16, "New request is not allowed to start because it should come with valid transaction descriptor.");
      break;
  }
  if (!outcome.ok()) reply.error(outcome.error(), batch_.in_transaction());
  return {};
}

}  // namespace weir::tds
