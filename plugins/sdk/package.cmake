# What authors of plugins install: headers, the CMake and pkg-config packages, the Rust crate. All of it finds the rest
# from where it is itself, so that the prefix may move.
include(CMakePackageConfigHelpers)

file(STRINGS ${CMAKE_CURRENT_SOURCE_DIR}/abi/include/kstreamd/abi/plugin.h lines REGEX "^#define KST_ABI_M(AJ|IN)OR ")
if(NOT "${lines}" MATCHES "MAJOR ([0-9]+)u.*MINOR ([0-9]+)u")
  message(FATAL_ERROR "plugins/abi/include/kstreamd/abi/plugin.h does not say KST_ABI_MAJOR and KST_ABI_MINOR")
endif()
set(KSTREAMD_ABI_VERSION ${CMAKE_MATCH_1}.${CMAKE_MATCH_2})

set(sdk ${CMAKE_CURRENT_SOURCE_DIR}/sdk)
set(package lib/cmake/kstreamd)
install(TARGETS kstreamd_abi kstreamd_sdk EXPORT kstreamdTargets)
install(EXPORT kstreamdTargets NAMESPACE kstreamd:: DESTINATION ${package})
install(DIRECTORY abi/include/ sdk/include/ DESTINATION include)
set(KSTREAMD_EXECUTABLE bin/kstreamd)
configure_package_config_file(${sdk}/kstreamdConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/kstreamdConfig.cmake
  INSTALL_DESTINATION ${package} PATH_VARS KSTREAMD_EXECUTABLE)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/kstreamdConfigVersion.cmake
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
configure_file(${sdk}/kstreamd.pc.in ${CMAKE_CURRENT_BINARY_DIR}/kstreamd.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/kstreamdConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/kstreamdConfigVersion.cmake
  ${sdk}/kstreamd_plugin.cmake ${sdk}/plugin.map DESTINATION ${package})
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/kstreamd.pc DESTINATION lib/pkgconfig)
install(DIRECTORY ${sdk}/rust/kstreamd DESTINATION share/kstreamd/rust PATTERN target EXCLUDE PATTERN tests EXCLUDE
  PATTERN Cargo.lock EXCLUDE)
