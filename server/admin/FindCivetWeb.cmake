# Finds CivetWeb by its header and library: Debian's own CMake files need a second package, and there is no
# pkg-config file. Gives the target CivetWeb::CivetWeb.

find_path(CivetWeb_INCLUDE_DIR civetweb.h)
find_library(CivetWeb_LIBRARY civetweb)
mark_as_advanced(CivetWeb_INCLUDE_DIR CivetWeb_LIBRARY)

if(CivetWeb_INCLUDE_DIR)
    file(STRINGS ${CivetWeb_INCLUDE_DIR}/civetweb.h CivetWeb_VERSION_LINE
        REGEX "^#define[ \t]+CIVETWEB_VERSION[ \t]+\"")
    string(REGEX REPLACE ".*\"([0-9.]+)\".*" "\\1" CivetWeb_VERSION "${CivetWeb_VERSION_LINE}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CivetWeb
    REQUIRED_VARS CivetWeb_LIBRARY CivetWeb_INCLUDE_DIR
    VERSION_VAR CivetWeb_VERSION)

if(CivetWeb_FOUND AND NOT TARGET CivetWeb::CivetWeb)
    add_library(CivetWeb::CivetWeb UNKNOWN IMPORTED)
    set_target_properties(CivetWeb::CivetWeb PROPERTIES
        IMPORTED_LOCATION ${CivetWeb_LIBRARY}
        INTERFACE_INCLUDE_DIRECTORIES ${CivetWeb_INCLUDE_DIR})
endif()
