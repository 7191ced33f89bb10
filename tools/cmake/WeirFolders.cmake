# weir_folders(): reads src/layers.txt and makes one static library `weir_<folder>` per folder, linked to exactly the
# folders that its line names. weir_embed(): turns text files into a table that base/embedded.h reads. weir_precompile(): the
# headers that most files include, compiled once.

function(weir_folders)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/layers.txt)
  file(STRINGS ${CMAKE_SOURCE_DIR}/src/layers.txt lines REGEX "^[0-9]+ ")
  foreach(line IN LISTS lines)
    string(REGEX MATCH "^[0-9]+ ([a-z]+):(.*)$" _ "${line}")
    set(folder ${CMAKE_MATCH_1})
    separate_arguments(deps UNIX_COMMAND "${CMAKE_MATCH_2}")
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${folder}/*.cc
         ${CMAKE_SOURCE_DIR}/src/${folder}/*/*.cc)
    list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
    if(NOT sources)
      set(sources ${CMAKE_BINARY_DIR}/empty_${folder}.cc)
      file(WRITE ${sources} "// ${folder} has only headers\n")
    endif()
    add_library(weir_${folder} STATIC ${sources})
    target_include_directories(weir_${folder} PUBLIC ${CMAKE_SOURCE_DIR}/src)
    foreach(dep IN LISTS deps)
      target_link_libraries(weir_${folder} PUBLIC weir_${dep})
    endforeach()
    if(WEIR_UNITY)
      set_target_properties(weir_${folder} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 6)
      # Names of jinja's filters and modules are Python's, the same in several; `using namespace jinja` is for one file.
      list(FILTER sources INCLUDE REGEX "/jinja/(filters|module)_|/project/(macro|static)_calls")
      set_source_files_properties(${sources} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    endif()
    if(folder STREQUAL base)
      weir_precompile(weir_base PRIVATE)
    else()
      weir_precompile(weir_${folder} REUSE_FROM weir_base)
    endif()
  endforeach()
endfunction()

# weir_precompile(TARGET PRIVATE [HEADER...]), or (TARGET REUSE_FROM OTHER) where both are compiled alike.
function(weir_precompile target how)
  if(WEIR_PRECOMPILE AND how STREQUAL PRIVATE)
    target_precompile_headers(${target} PRIVATE <fmt/format.h> <algorithm> <chrono> <cstdint> <functional> <map>
                              <memory> <optional> <set> <span> <string> <string_view> <utility> <vector> ${ARGN})
  elseif(WEIR_PRECOMPILE)
    target_precompile_headers(${target} ${how} ${ARGN})
  endif()
endfunction()

# weir_embed(FOLDER DIR...): every file below the DIRs, by its path from the project's root, in library weir_FOLDER.
function(weir_embed folder)
  set(files "")
  foreach(dir IN LISTS ARGN)
    file(GLOB_RECURSE found CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/${dir}/*.sql
         ${CMAKE_SOURCE_DIR}/${dir}/*.yml ${CMAKE_SOURCE_DIR}/${dir}/*.csv
         ${CMAKE_SOURCE_DIR}/${dir}/*.md ${CMAKE_SOURCE_DIR}/${dir}/*.html)
    list(APPEND files ${found})
  endforeach()
  list(FILTER files EXCLUDE REGEX "^[a-z]+/README")  # those are for people
  list(SORT files)
  set(out "    .section .rodata\n")
  set(table "    .section .data.rel.ro,\"aw\"\n    .balign 8\n    .globl weir_embedded_table\nweir_embedded_table:\n")
  set(index 0)
  foreach(file IN LISTS files)
    string(APPEND out "name_${index}:\n    .asciz \"${file}\"\nbegin_${index}:\n    .incbin \"${CMAKE_SOURCE_DIR}/${file}\"\nend_${index}:\n")
    string(APPEND table "    .quad name_${index}, begin_${index}, end_${index}\n")
    list(APPEND depends ${CMAKE_SOURCE_DIR}/${file})
    math(EXPR index "${index} + 1")
  endforeach()
  string(APPEND table "    .quad 0, 0, 0\n")
  set(assembly ${CMAKE_BINARY_DIR}/embedded.S)
  file(CONFIGURE OUTPUT ${assembly} CONTENT "${out}${table}    .section .note.GNU-stack,\"\",@progbits\n" @ONLY)
  set_source_files_properties(${assembly} PROPERTIES OBJECT_DEPENDS "${depends}")
  target_sources(weir_${folder} PRIVATE ${assembly})
endfunction()
