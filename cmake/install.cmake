# The installed package: headers, one library (and its testing kit), and a
# relocatable CMake config that finds what the library was built with.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(zkq_installed zkq)
if(TARGET zkq_testing_kit)
  list(APPEND zkq_installed zkq_testing_kit)
endif()
install(TARGETS ${zkq_installed} EXPORT zkqTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/zkq DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.h")

set(zkq_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/zkq)
get_target_property(zkq_type zkq TYPE)
if(zkq_type STREQUAL "SHARED_LIBRARY")
  set(ZKQ_IS_SHARED ON)
else()
  set(ZKQ_IS_SHARED OFF)
endif()
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/zkqConfig.cmake.in
  ${PROJECT_BINARY_DIR}/zkqConfig.cmake INSTALL_DESTINATION ${zkq_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/zkqConfigVersion.cmake
  COMPATIBILITY SameMajorVersion)
install(EXPORT zkqTargets NAMESPACE zkq:: DESTINATION ${zkq_package_dir})
install(FILES
  ${PROJECT_BINARY_DIR}/zkqConfig.cmake
  ${PROJECT_BINARY_DIR}/zkqConfigVersion.cmake
  ${CMAKE_CURRENT_LIST_DIR}/FindISAL.cmake
  DESTINATION ${zkq_package_dir})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
