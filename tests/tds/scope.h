#pragma once
// The names that an expression can see while it is bound. Private to bind.cc and table_functions.cc.

#include "tds/plan.h"

namespace weir::tds {

struct Scope {
  SelectPlan* plan = nullptr;
  Scope* outer = nullptr;
  bool correlated = false;        // something in here refers to `outer`
  bool inner_correlated = false;  // a subquery refers to this scope
  bool in_aggregate = false;
  bool no_aggregates = false;
};

Outcome bind(Context& context, Scope* scope, Expr& expr);

}  // namespace weir::tds
