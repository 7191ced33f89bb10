// weir-tds: what a client sends. First byte `t`: T-SQL text, a type and a parameter list are statements or an error.
// Else: raw bytes of a connection; whatever they are, the session ends by itself when the client closes.

#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "fuzz.h"
#include "tds/description.h"
#include "tds/parser.h"
#include "tds/session.h"

namespace {

weir::tds::ServerState& server() {
  static weir::tds::Database database;
  static weir::tds::ServerState state{
      .database = database, .tls = weir::tds::TlsMode::Off, .certificate = {}, .log = {}};
  static bool const loaded =
      weir::tds::load_description_text("fuzz.yml",
                                       "database: Core\nusers: [{name: weir, password: x}]\n"
                                       "tables: [{name: dbo.T, columns: [Id int not null], rows: [[1]]}]\n",
                                       ".", database)
          .ok();
  FUZZ_CHECK(loaded);
  return state;
}

void check_text(std::string_view text) {
  std::vector<std::unique_ptr<weir::tds::Statement>> statements;
  static_cast<void>(weir::tds::parse_batch(text, statements));
  weir::tds::SqlType type;
  static_cast<void>(weir::tds::parse_type(text, type));
  std::vector<weir::tds::ParameterDeclaration> parameters;
  static_cast<void>(weir::tds::parse_parameters(text, parameters));
}

void check_connection(std::string_view bytes) {
  int ends[2];
  FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  weir::tds::Session session(server(), ends[0], 51);
  std::jthread client([&] {
    for (std::size_t sent = 0; sent < bytes.size();) {
      auto const size = send(ends[1], bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (size <= 0) break;
      sent += static_cast<std::size_t>(size);
    }
    shutdown(ends[1], SHUT_WR);
    char answer[4096];
    while (read(ends[1], answer, sizeof answer) > 0) {
    }
  });
  session.run();
  session.stop();
  client.join();
  close(ends[1]);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
  std::string_view const input(reinterpret_cast<char const*>(data), size);
  if (input.starts_with('t'))
    check_text(input.substr(1));
  else if (!input.empty())
    check_connection(input.substr(1));
  return 0;
}
