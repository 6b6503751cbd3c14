# kstreamd_plugin(NAME SOURCES... [DEPS...]): builds NAME.so, a plugin, into ${PROJECT_BINARY_DIR}/plugins. Used in
# kstreamd's own tree and, by find_package(kstreamd), outside of it; a project without C++ gets the C ABI alone. Hidden
# visibility, one exported symbol, and a link error for whatever is missing. The folder and the file are made unwritable
# for others, because the daemon refuses them otherwise.
function(kstreamd_plugin name)
  cmake_parse_arguments(P "" "" "SOURCES;DEPS" ${ARGN})
  if(NOT P_SOURCES OR P_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "kstreamd_plugin(${name} SOURCES file... [DEPS target...]): got '${ARGN}'")
  endif()
  get_property(languages GLOBAL PROPERTY ENABLED_LANGUAGES)
  set(kit kstreamd::abi)
  if(CXX IN_LIST languages)
    set(kit kstreamd::sdk)
  endif()
  set(map ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/plugin.map)
  set(folder ${PROJECT_BINARY_DIR}/plugins)
  add_library(${name} MODULE ${P_SOURCES})
  target_link_libraries(${name} PRIVATE ${kit} ${P_DEPS})
  target_link_options(${name} PRIVATE -Wl,-z,defs -Wl,--version-script=${map})
  set_target_properties(${name} PROPERTIES
    PREFIX "" SUFFIX ".so" LIBRARY_OUTPUT_DIRECTORY ${folder} LINK_DEPENDS ${map}
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  add_custom_command(TARGET ${name} POST_BUILD COMMAND chmod go-w ${folder} $<TARGET_FILE:${name}> VERBATIM)
endfunction()
