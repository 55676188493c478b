# Debian 12's packages. Protobuf ships no CMake config there, so its module comes
# first; gRPC's config would otherwise look for a config of its own.
find_package(Threads REQUIRED)
find_package(absl CONFIG REQUIRED)
find_path(ZKQ_ISAL_INCLUDE_DIR isa-l/crc.h REQUIRED)
find_library(ZKQ_ISAL_LIBRARY isal REQUIRED)
if(ZKQ_BUILD_TRANSPORT)
  find_package(Protobuf REQUIRED)
  find_package(gRPC CONFIG REQUIRED)
  find_program(ZKQ_GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)
endif()

if(ZKQ_BUILD_TESTS)
  find_package(Catch2 REQUIRED)
endif()
