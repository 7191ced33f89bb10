#pragma once
// One client from PRELOGIN to the end of its connection, in a thread of its own. stop() may come from any thread.

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>

#include "tds/batch.h"
#include "tds/transport.h"

namespace weir::tds {

enum class TlsMode { Off, Optional, Required };

// What all sessions share.
struct ServerState {
  Database& database;
  TlsMode tls = TlsMode::Optional;
  std::shared_ptr<TlsContext> certificate;
  std::atomic<bool> stopping = false;
  // One line an event (login, batch, rpc, attention); called from many threads.
  std::function<void(std::string const&)> log;
};

class Session {
 public:
  Session(ServerState& server, int socket, int spid);
  void run();
  void stop() { transport_.interrupt(); }

 private:
  struct Login {
    std::uint32_t version = 0;
    std::uint32_t packet_size = 4096;
    std::string host, user, password, app, database, language;

    // What is agreed to.
    std::size_t packets() const { return packet_size == 0 ? 4096 : std::clamp<std::size_t>(packet_size, 512, 32767); }
  };
  enum class ClientEncryption : std::uint8_t { Off = 0, On = 1, NotSupported = 2, Required = 3 };

  Status pre_login(Message const& message);
  Status login(Message const& message);
  static bool parse_login(std::string_view body, Login& out);
  Status refuse_login(SqlError const& error, std::string const& user);
  Status login_reply(Login const& login);
  bool password_is_right(Login const& login) const;
  Status serve();
  Status handle(Message const& message);
  Outcome sql_batch(std::string_view body, Reply& reply);
  Outcome rpc(std::string_view body, Reply& reply);
  Outcome transaction_request(std::string_view body, Reply& reply);
  std::string_view skip_headers(std::string_view body) const;
  void note(std::string_view event, std::string_view text) const;

  ServerState& server_;
  Transport transport_;
  SessionState state_;
  Batch batch_;
  int tds_version_ = 74;
  bool login_only_tls_ = false;
};

}  // namespace weir::tds
