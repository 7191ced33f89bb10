#pragma once
// How templates in profiles.yml become values.

#include "project/data.h"
#include "project/yaml_data.h"

namespace weir::project {

// A renderer that knows env_var (secrets too) and var.
RenderText profile_renderer(Data::Dict vars);

}  // namespace weir::project
