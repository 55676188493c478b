# Debian 12's packages. Protobuf ships no CMake config there, so its module comes
# first; gRPC's config would otherwise look for a config of its own.
list(APPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_LIST_DIR})
find_package(Threads REQUIRED)
find_package(absl CONFIG REQUIRED)
find_package(ISAL REQUIRED)
if(ZKQ_BUILD_TRANSPORT)
  find_package(Protobuf REQUIRED)
  find_package(gRPC CONFIG REQUIRED)
  find_program(ZKQ_GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)
endif()

if(ZKQ_BUILD_TESTS)
  find_package(Catch2 REQUIRED)
endif()
