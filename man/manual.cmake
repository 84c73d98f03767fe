# SPDX-License-Identifier: Apache-2.0
# The manual pages: prose from *.in, the reference of both languages from the rows of the binary.
configure_file(${CMAKE_SOURCE_DIR}/man/weir.8.in ${CMAKE_BINARY_DIR}/man/weir.8 @ONLY)
set(manuals "")
foreach(language nginx haproxy)
    set(page ${CMAKE_BINARY_DIR}/man/weir-${language}.5)
    add_custom_command(OUTPUT ${page} DEPENDS weir ${CMAKE_SOURCE_DIR}/man/weir-${language}.5.in
        ${CMAKE_SOURCE_DIR}/man/fill.cmake
        COMMAND ${CMAKE_COMMAND} -DWEIR=$<TARGET_FILE:weir> -DLANGUAGE=${language}
            -DPROJECT_VERSION=${PROJECT_VERSION} -DPAGE=${page}
            -DSOURCE=${CMAKE_SOURCE_DIR}/man/weir-${language}.5.in
            -P ${CMAKE_SOURCE_DIR}/man/fill.cmake
        VERBATIM)
    list(APPEND manuals ${page})
endforeach()
# Not part of every build: the package asks for it.
add_custom_target(manual DEPENDS ${manuals})
install(FILES ${CMAKE_BINARY_DIR}/man/weir.8 DESTINATION share/man/man8 OPTIONAL)
install(FILES ${manuals} DESTINATION share/man/man5 OPTIONAL)
