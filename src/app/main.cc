#include <exception>

#include "app/run.h"

int main(int argc, char** argv) {
  try {
    return weir::app::run(argc, argv);
  } catch (std::exception const& escaped) {
    return weir::app::report_bug(escaped.what());
  } catch (...) {
    return weir::app::report_bug("something that is not an exception of the standard library");
  }
}
