#include "source/open.h"

#include "source/odbc_generic.h"
#include "source/postgres.h"
#include "source/sqlserver.h"

namespace weir::source {
namespace {

Result<std::unique_ptr<Source>> open_sqlserver_kind(SourceOptions const& options) {
  WEIR_TRY(SqlServerOptions server, sqlserver_options(options.settings, options.password));
  server.application = options.application_name;
  server.endpoint = options.endpoint;
  server.isolation = options.isolation;
  return open_sqlserver(server);
}

}  // namespace

Result<std::unique_ptr<Source>> open(SourceOptions const& options) {
  switch (options.kind) {
    case SourceKind::Postgres:
      return open_postgres(options);
    case SourceKind::SqlServer:
      return open_sqlserver_kind(options);
    case SourceKind::Odbc:
      return open_odbc(options);
  }
  return Error(ErrorKind::Internal, "a kind of source that open() does not know");
}

}  // namespace weir::source
