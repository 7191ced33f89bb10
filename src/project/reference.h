#pragma once
// ref('a'), ref('p', 'a', v=2) and source('s', 't') as they stand in properties files, outside of any template. Pure.

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "project/node.h"
#include "yaml/node.h"

namespace weir::project {

struct Reference {
  std::optional<Ref> ref;
  std::vector<std::string> source;
};

// Error: Config, at `mark`.
Result<Reference> parse_reference(std::string const& text, yaml::Mark const& mark);

}  // namespace weir::project
