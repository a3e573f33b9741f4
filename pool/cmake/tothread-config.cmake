# find_package(tothread) brings
#   tothread::pool         the library, shared
#   tothread::pool_static  the library, static
#   tothread::testing      the library for tests of programs that use it, static (TT_TESTING is defined)
#   tothread::headers      the headers alone: all that a module of the service needs

include(CMakeFindDependencyMacro)
find_dependency(Threads)
include(${CMAKE_CURRENT_LIST_DIR}/tothread-targets.cmake)
