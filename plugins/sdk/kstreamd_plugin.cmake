# kstreamd_plugin(NAME SOURCES... [DEPS...]): builds NAME.so, a plugin, into ${PROJECT_BINARY_DIR}/plugins. Hidden
# visibility, one exported symbol, and a link error for whatever is missing. The folder and the file are made unwritable
# for others, because the daemon refuses them otherwise.
set(KSTREAMD_PLUGIN_MAP ${CMAKE_CURRENT_LIST_DIR}/plugin.map)
function(kstreamd_plugin name)
  cmake_parse_arguments(P "" "" "SOURCES;DEPS" ${ARGN})
  set(folder ${PROJECT_BINARY_DIR}/plugins)
  add_library(${name} MODULE ${P_SOURCES})
  target_link_libraries(${name} PRIVATE kstreamd_sdk ${P_DEPS})
  target_link_options(${name} PRIVATE -Wl,-z,defs -Wl,--version-script=${KSTREAMD_PLUGIN_MAP})
  set_target_properties(${name} PROPERTIES
    PREFIX "" SUFFIX ".so" LIBRARY_OUTPUT_DIRECTORY ${folder} LINK_DEPENDS ${KSTREAMD_PLUGIN_MAP}
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  add_custom_command(TARGET ${name} POST_BUILD COMMAND chmod go-w ${folder} $<TARGET_FILE:${name}>)
endfunction()
