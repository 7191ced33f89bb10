#pragma once
// The one place that knows the kinds of sources. Any thread.

#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/secret.h"
#include "source/source.h"

namespace weir::source {

enum class SourceKind { Postgres, SqlServer, Odbc };

struct SourceOptions {
  SourceKind kind = SourceKind::SqlServer;
  std::map<std::string, std::string> settings = {};  // the words of endpoints.yml, resolved; without the password
  Secret password = {};
  Isolation isolation = Isolation::Auto;
  std::string application_name = "weir";  // where the source shows who is connected
  std::string endpoint = {};              // its name in the configuration, for errors
};

// Connects. Errors: Config, Denied, Unavailable.
Result<std::unique_ptr<Source>> open(SourceOptions const& options);

}  // namespace weir::source
