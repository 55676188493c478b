# Options of this project, all prefixed ZKQ_, and how its own code is compiled.
# Nothing here touches the project that includes us.

if(CMAKE_SOURCE_DIR STREQUAL CMAKE_CURRENT_SOURCE_DIR)
  set(ZKQ_TOP_LEVEL ON)
else()
  set(ZKQ_TOP_LEVEL OFF)
endif()

option(ZKQ_BUILD_TESTS "Build zkq's tests" ${ZKQ_TOP_LEVEL})
option(ZKQ_BUILD_EXAMPLES "Build zkq's examples" ${ZKQ_TOP_LEVEL})
option(ZKQ_BUILD_TRANSPORT "Build the gRPC transport and all that links it" ON)
option(ZKQ_INSTALL "Generate install rules" ${ZKQ_TOP_LEVEL})
option(ZKQ_WERROR "Treat warnings as errors" OFF)
set(ZKQ_ISAL AUTO CACHE STRING "ISA-L, for a fast CRC32C: AUTO (if it is there), ON or OFF")
set(ZKQ_SIM_RUNS 500 CACHE STRING "Simulated runs in the test that makes many")
set(ZKQ_SANITIZE "" CACHE STRING "Sanitizers for zkq's own code: address;undefined or thread")

# Without the transport there is no library zkq::zkq to install or to link
# examples with, only its parts and their tests.
if(NOT ZKQ_BUILD_TRANSPORT)
  set(ZKQ_BUILD_EXAMPLES OFF)
  set(ZKQ_INSTALL OFF)
endif()

if(ZKQ_TOP_LEVEL)
  find_program(ZKQ_CCACHE ccache)
  if(ZKQ_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${ZKQ_CCACHE})
  endif()
  # Links a test in a quarter of the time.
  find_program(ZKQ_LLD ld.lld)
  if(ZKQ_LLD)
    add_link_options(-fuse-ld=lld)
  endif()
  if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Build type" FORCE)
  endif()
  set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
endif()

# What every target of ours is compiled with.
add_library(zkq_compile INTERFACE)
target_compile_features(zkq_compile INTERFACE cxx_std_20)
target_include_directories(zkq_compile INTERFACE
  ${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/include)
target_compile_options(zkq_compile INTERFACE
  -Wall -Wextra -fvisibility=hidden -fvisibility-inlines-hidden
  $<$<BOOL:${ZKQ_WERROR}>:-Werror>)
if(ZKQ_SANITIZE)
  string(REPLACE ";" "," zkq_sanitizers "${ZKQ_SANITIZE}")
  target_compile_options(zkq_compile INTERFACE
    -fsanitize=${zkq_sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(zkq_compile INTERFACE -fsanitize=${zkq_sanitizers})
endif()

# zkq_part(name sources…): one OBJECT target a folder of lib/. Linked into the
# library zkq::zkq, and one by one into the tests that need no gRPC.
function(zkq_part name)
  add_library(${name} OBJECT ${ARGN})
  target_link_libraries(${name} PRIVATE zkq_compile)
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
endfunction()
