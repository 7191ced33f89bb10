#pragma once
// What becomes of warnings: said, taken as an error, or left unsaid. From --warn-error and --warn-error-options, which
// DBT_WARN_ERROR, DBT_WARN_ERROR_OPTIONS and `flags:` of dbt_project.yml can say too. A value; any thread.

#include <set>
#include <string>
#include <string_view>

#include "app/command.h"
#include "build/events.h"
#include "project/data.h"

namespace weir::app {

class WarningPolicy {
 public:
  enum class Fate { Say, Fail, Silence };
  // `flags`: those of dbt_project.yml. Errors: Usage.
  static Result<WarningPolicy> of(Arguments const& arguments, project::Data const& flags);

  // `event`: dbt's name of the warning.
  Fate fate(std::string_view event) const;
  // Says it in `log`, or on standard error where there is none; or is the error.
  Status handle(std::string_view event, std::string const& text, build::EventLog* log = nullptr) const;

 private:
  bool all_fail_ = false;
  std::set<std::string, std::less<>> fail_, say_, silence_;
};

}  // namespace weir::app
