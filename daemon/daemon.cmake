# kstreamd_daemon: everything but main(), for the unit tests too. kstreamd: the program.
find_package(CLI11 2.1 REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
pkg_check_modules(httplib REQUIRED IMPORTED_TARGET cpp-httplib)

kstreamd_module(daemon
  SOURCES address.cpp arguments.cpp daemon_client.cpp drain_progress.cpp http_api.cpp http_server.cpp json_text.cpp
    line_records.cpp log_api.cpp log_setup.cpp plugins_json.cpp record_text.cpp sd_notify.cpp settings.cpp signals.cpp
    topic_client.cpp topology_set.cpp wiring.cpp commands/common.cpp commands/consume.cpp commands/plugins.cpp
    commands/produce.cpp commands/run.cpp commands/status.cpp commands/target.cpp commands/validate.cpp
  DEPS kstreamd_runtime kstreamd_spec kstreamd_kafka kstreamd_embedded kstreamd_plugin_host kstreamd_builtin kstreamd_state
    kstreamd_serde kstreamd_metrics nlohmann_json::nlohmann_json Threads::Threads
  PRIVATE_DEPS spdlog::spdlog PkgConfig::httplib)
target_compile_definitions(kstreamd_daemon PRIVATE KSTREAMD_VERSION="${PROJECT_VERSION}")

add_executable(kstreamd main.cpp)
target_link_libraries(kstreamd PRIVATE kstreamd_daemon CLI11::CLI11)
install(TARGETS kstreamd RUNTIME DESTINATION bin)
