#pragma once
// The three system CLR types: hierarchyid, geography and geometry. Their serialised bytes, their text, and the methods
// that a reader calls on the server. Points, line strings and polygons of one ring set; hierarchyid of integer labels.

#include <string>
#include <string_view>

#include "tds/value.h"

namespace weir::tds {

// '/1/2/' or WKT with an optional leading "SRID=4326;". Error 6522 as the real server's CLR does.
Outcome udt_parse(std::string_view text, TypeId type, Value& out);
std::string udt_text(Value const& value);
// ToString, STAsText, STAsBinary, AsBinaryZM, STSrid, GetLevel. Error 6506 for a method that the type does not have.
Outcome udt_method(Value const& value, std::string_view method, Value& out);
SqlType udt_method_type(TypeId type, std::string_view method);
// "hierarchyid" with schema and assembly as COLMETADATA's UDT_INFO wants them.
std::string_view udt_class(TypeId type);
std::string_view udt_assembly();

}  // namespace weir::tds
