#include "pg/doubt.h"

#include <fmt/format.h>

#include "base/clock.h"

namespace weir::pg {

Status settle_doubt(Session& session, std::string const& transaction_id, Error doubt) {
  Clock& clock = system_clock();
  Duration const until = clock.monotonic() + std::chrono::seconds(30);
  SessionOptions const options = session.options();
  do {
    auto fresh = Session::connect(options);
    if (fresh.ok()) {
      auto rows = fresh->query("SELECT pg_xact_status($1::xid8)", {transaction_id});
      if (rows.ok() && rows->text(0, 0) != "in progress") {
        std::string const status(rows->text(0, 0));
        session = std::move(*fresh);
        if (status == "committed") return {};
        if (status == "aborted")
          return std::move(doubt.kind(ErrorKind::Unavailable)
                               .state("the transaction was rolled back: nothing changed")
                               .next("run it again"));
        return doubt;
      }
    }
    clock.sleep(std::chrono::milliseconds(200), {});
  } while (clock.monotonic() < until);
  return std::move(doubt.next(fmt::format("ask the server: SELECT pg_xact_status('{}')", transaction_id)));
}

}  // namespace weir::pg
