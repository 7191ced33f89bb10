#pragma once
// What dbt takes from the environment: the file .env, and a DBT_... variable for most options. For dbt commands only;
// call both before any thread starts.

#include "app/command.h"

namespace weir::app {

// Sets the variables of .env in the current folder or the nearest one above it that are not set yet. Rules of the file:
// those of python-dotenv. Lines that are none of its are warned of.
void load_env_file();
// Gives an option that the command line left out the value of DBT_ENGINE_<NAME> or DBT_<NAME>; a switch by true and
// false (as if --no-NAME were said). What selects nodes, and vars, come from the command line alone, as with dbt.
// Errors: Usage.
Status add_environment(Arguments& arguments);

}  // namespace weir::app
