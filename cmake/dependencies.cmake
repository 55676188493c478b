# Debian 12's packages. Protobuf ships no CMake config there, so its module comes
# first; gRPC's config would otherwise look for a config of its own.
list(APPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_LIST_DIR})
find_package(Threads REQUIRED)
find_package(absl CONFIG REQUIRED)
if(ZKQ_ISAL STREQUAL "AUTO")
  find_package(ISAL QUIET)
elseif(ZKQ_ISAL)
  find_package(ISAL REQUIRED)
endif()
if(ZKQ_BUILD_TRANSPORT)
  find_package(Protobuf REQUIRED)
  find_package(gRPC CONFIG REQUIRED)
  find_program(ZKQ_GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)
endif()

# lib/base has tables for CRC32C where ISA-L is not to be had.
add_library(zkq_isal INTERFACE)
if(ZKQ_ISAL AND ISAL_FOUND)
  set(ZKQ_ISAL_LIBRARY ISAL::isal)
  target_link_libraries(zkq_isal INTERFACE ISAL::isal)
  target_compile_definitions(zkq_isal INTERFACE ZKQ_WITH_ISAL)
else()
  set(ZKQ_ISAL_LIBRARY)
endif()

if(ZKQ_BUILD_TESTS)
  find_package(Catch2 REQUIRED)
endif()
