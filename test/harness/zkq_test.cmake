# zkq_test(name SOURCES file… [PARTS target…] [LABELS unit|inprocess|grpc|e2e…])
#
# One Catch2 binary, registered with ctest under its name as one test: a failing
# TEST_CASE is named in its output, and `bin/<name> "<case>"` runs it alone.
# PARTS (or LINK) are the OBJECT targets of lib/ it needs (zkq_core zkq_base …),
# every one by name: an OBJECT target passes on what it needs, but not its objects.
# LABELS (or LABEL), default unit: no thread and no file; inprocess: threads and
# files; grpc: real sockets; e2e: real processes. With simulated: whole ensembles in virtual time
# in one thread. In these and in unit ThreadSanitizer has nothing to find: that build leaves them out.
function(zkq_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;PARTS;LINK;LABELS;LABEL" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
    message(FATAL_ERROR "zkq_test(${name}): SOURCES expected, got '${ARGN}'")
  endif()
  set(labels ${arg_LABELS} ${arg_LABEL})
  if(NOT labels)
    set(labels unit)
  endif()
  if("thread" IN_LIST ZKQ_SANITIZE AND ("simulated" IN_LIST labels OR "unit" IN_LIST labels))
    return()
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_compile_options(${name} PRIVATE -O1)  # what takes time when it runs is what it tests
  target_compile_definitions(${name} PRIVATE ZKQ_TEST_DATA_DIR="${CMAKE_CURRENT_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE
    ${arg_PARTS} ${arg_LINK} zkq_harness zkq_compile Catch2::Catch2WithMain Threads::Threads)
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
  set_tests_properties(${name} PROPERTIES LABELS "${labels}" TIMEOUT 300)
  if("thread" IN_LIST ZKQ_SANITIZE)
    # The system's Abseil, Protobuf and gRPC are not instrumented: what they do
    # among themselves cannot be judged.
    set_tests_properties(${name} PROPERTIES
      ENVIRONMENT "TSAN_OPTIONS=ignore_noninstrumented_modules=1 halt_on_error=1")
  endif()
endfunction()
