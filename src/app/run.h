#pragma once
// From main's arguments to the exit status.

namespace weir::app {

int run(int argc, char** argv);
// The last catch: says that it is a bug of weir and how to report it. Returns the exit status.
int report_bug(char const* what);

}  // namespace weir::app
