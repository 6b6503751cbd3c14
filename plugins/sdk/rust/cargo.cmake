# kstreamd_rust_plugin(NAME FOLDER): builds the crate in FOLDER with cargo and puts the plugin beside the others, as
# ${PROJECT_BINARY_DIR}/plugins/NAME.so. No network: a crate depends on nothing but ours. The target folder lies in the
# build, and is shared by all crates.
find_program(KSTREAMD_CARGO cargo)
if(NOT KSTREAMD_CARGO)
  message(FATAL_ERROR "cargo is missing, which builds the Rust plugins: install the packages cargo and rustc "
    "(deploy/packages/install build), or name it with -DKSTREAMD_CARGO=/path/to/cargo")
endif()
set(KSTREAMD_CARGO_TARGET ${PROJECT_BINARY_DIR}/cargo)
set(KSTREAMD_CARGO_COMMAND ${CMAKE_COMMAND} -E env CARGO_TARGET_DIR=${KSTREAMD_CARGO_TARGET} ${KSTREAMD_CARGO})
set(KSTREAMD_CRATE ${CMAKE_CURRENT_LIST_DIR}/kstreamd)

function(kstreamd_rust_plugin name crate)
  set(plugin ${PROJECT_BINARY_DIR}/plugins/${name}.so)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${crate}/src/*.rs ${KSTREAMD_CRATE}/src/*.rs)
  add_custom_command(OUTPUT ${plugin}
    COMMAND ${KSTREAMD_CARGO_COMMAND} build --release --offline --locked --quiet
    COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/plugins
    COMMAND ${CMAKE_COMMAND} -E copy ${KSTREAMD_CARGO_TARGET}/release/lib${name}.so ${plugin}
    COMMAND chmod go-w ${PROJECT_BINARY_DIR}/plugins ${plugin}
    WORKING_DIRECTORY ${crate}
    DEPENDS ${sources} ${crate}/Cargo.toml ${crate}/Cargo.lock ${KSTREAMD_CRATE}/Cargo.toml
    COMMENT "Building the Rust plugin ${name}" VERBATIM)
  add_custom_target(${name} ALL DEPENDS ${plugin})
endfunction()
