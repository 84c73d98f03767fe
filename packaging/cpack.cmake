# SPDX-License-Identifier: Apache-2.0
# The Debian package: `cpack -G DEB` in a build folder. Included by the top CMakeLists.txt. Everything
# goes under /usr and /etc whatever the prefix of the build; the package never starts anything, since
# the ports may belong to the proxy that weir is to replace.
set(packaging ${CMAKE_SOURCE_DIR}/packaging)

configure_file(${packaging}/weir.service.in ${CMAKE_BINARY_DIR}/packaging/weir.service @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/packaging/weir.service DESTINATION lib/systemd/system)
install(FILES ${packaging}/weir.conf DESTINATION /etc/weir)
install(FILES ${packaging}/logrotate DESTINATION /etc/logrotate.d RENAME weir)
install(FILES ${packaging}/debian/copyright DESTINATION share/doc/weir)
install(FILES ${packaging}/completion.bash DESTINATION share/bash-completion/completions RENAME weir)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME weir)
set(CPACK_PACKAGE_CONTACT "The weir maintainers <weir@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGE_DESCRIPTION
    "One program takes existing nginx and HAProxy configuration files unchanged,
balances HTTP, TCP and UDP over groups of servers, checks their health, and
reloads without cutting a connection. Called as nginx or haproxy it answers to
their command lines and signals.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE
    GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION httpd)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "logrotate")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION TRUE)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${packaging}/debian/conffiles
    ${packaging}/debian/postinst ${packaging}/debian/prerm ${packaging}/debian/postrm)
include(CPack)
