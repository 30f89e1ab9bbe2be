# How everything here is compiled, and the few words the rooms' CMakeLists.txt are written in.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON) # POSIX and GNU interfaces of glibc
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

add_compile_definitions(_GNU_SOURCE QN_VERSION="${PROJECT_VERSION}")
add_compile_options(-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith
                    -Wwrite-strings -Wvla -Wno-missing-braces -Wno-missing-field-initializers -Werror
                    -fno-strict-aliasing -fno-omit-frame-pointer -fstack-protector-strong)

# -DQN_SANITIZE=address,undefined or -DQN_SANITIZE=thread
set(QN_SANITIZE "" CACHE STRING "sanitizers to build with")
if(QN_SANITIZE)
    add_compile_options(-fsanitize=${QN_SANITIZE} -fno-sanitize-recover=all -O1)
    add_link_options(-fsanitize=${QN_SANITIZE})
else()
    add_compile_definitions(_FORTIFY_SOURCE=2)
endif()

include_directories(${CMAKE_SOURCE_DIR})

find_package(PkgConfig REQUIRED)
pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv>=1.44)
pkg_check_modules(MHD REQUIRED IMPORTED_TARGET libmicrohttpd>=0.9.75)
pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c>=1.4.1)
pkg_check_modules(PQ REQUIRED IMPORTED_TARGET libpq>=15)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto>=3.0)
pkg_check_modules(SSL REQUIRED IMPORTED_TARGET libssl>=3.0)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(EXPAT REQUIRED IMPORTED_TARGET expat)
pkg_check_modules(VIPS REQUIRED IMPORTED_TARGET vips>=8.13)
find_package(nng REQUIRED) # Debian's has a CMake file and no .pc
find_package(Threads REQUIRED)

# For images: -DQN_TESTS=OFF, or -DQN_TESTS=load for quintet-load alone.
set(QN_TESTS ON CACHE STRING "the tests and their tools, which want cmocka; load: the load generator alone, which does not")
if(QN_TESTS AND NOT QN_TESTS STREQUAL load)
    pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
endif()

# Debian's http-parser has neither. The archive first: whoever uses only the HTTP server then does not depend on it.
find_path(HTTP_PARSER_INCLUDE http_parser.h)
find_library(HTTP_PARSER_LIBRARY NAMES libhttp_parser.a http_parser)
if(NOT HTTP_PARSER_INCLUDE OR NOT HTTP_PARSER_LIBRARY)
    message(FATAL_ERROR "http-parser 2.9 is missing (http_parser.h, libhttp_parser): apt-get install libhttp-parser-dev")
endif()
add_library(qn_http_parser INTERFACE)
target_include_directories(qn_http_parser SYSTEM INTERFACE ${HTTP_PARSER_INCLUDE})
target_link_libraries(qn_http_parser INTERFACE ${HTTP_PARSER_LIBRARY})

# qn_library(NAME SOURCES a.c … [DEPS target …])
function(qn_library name)
    cmake_parse_arguments(arg "" "" "SOURCES;DEPS" ${ARGN})
    add_library(${name} STATIC ${arg_SOURCES})
    target_link_libraries(${name} PUBLIC ${arg_DEPS})
endfunction()

# All that is there to run, without the tests: `make run` waits for no more than that.
add_custom_target(programs)

# qn_program(NAME SOURCES main.c … [DEPS target …])  → build/bin/NAME
function(qn_program name)
    cmake_parse_arguments(arg "" "" "SOURCES;DEPS" ${ARGN})
    add_executable(${name} ${arg_SOURCES})
    target_link_libraries(${name} PRIVATE ${arg_DEPS})
    if(name MATCHES "^quintet-")
        add_dependencies(programs ${name})
    endif()
endfunction()

# qn_test(PATH [SOURCES more.c …] [DEPS target …]): the test file tests/PATH_test.c, a process of its own, at
# build/tests/PATH. tests/run finds it there. Tests may use tests/harness and cmocka.
function(qn_test path)
    cmake_parse_arguments(arg "" "" "SOURCES;DEPS" ${ARGN})
    string(REPLACE "/" "_" target "test_${path}")
    get_filename_component(folder ${path} DIRECTORY)
    get_filename_component(file ${path} NAME)
    add_executable(${target} ${CMAKE_SOURCE_DIR}/tests/${path}_test.c ${arg_SOURCES})
    target_link_libraries(${target} PRIVATE ${arg_DEPS} PkgConfig::CMOCKA)
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${file}
                          RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/${folder})
endfunction()

# qn_fuzz(NAME [DEPS target …]): tests/fuzz/NAME_fuzz.c defines LLVMFuzzerTestOneInput. With gcc it is linked
# to a driver that replays the files of tests/fuzz/corpus/NAME and small changes of them (a test like any other,
# fuzz/NAME); with -DQN_FUZZ=ON, clang and -DQN_SANITIZE=address,undefined it is a libFuzzer binary:
# build/fuzz/fuzz_NAME FOUND tests/fuzz/corpus/NAME (what it finds goes to the first folder)
option(QN_FUZZ "build the fuzz targets with libFuzzer (clang)" OFF)
if(QN_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
function(qn_fuzz name)
    cmake_parse_arguments(arg "" "" "DEPS" ${ARGN})
    add_executable(fuzz_${name} ${CMAKE_SOURCE_DIR}/tests/fuzz/${name}_fuzz.c)
    target_link_libraries(fuzz_${name} PRIVATE ${arg_DEPS})
    if(QN_FUZZ)
        target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
        set_target_properties(fuzz_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
    else()
        target_sources(fuzz_${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/fuzz/replay.c)
        target_link_libraries(fuzz_${name} PRIVATE PkgConfig::CMOCKA)
        target_compile_definitions(fuzz_${name} PRIVATE
                                   QN_FUZZ_CORPUS="${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name}")
        set_target_properties(fuzz_${name} PROPERTIES OUTPUT_NAME ${name}
                              RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/fuzz)
    endif()
endfunction()
