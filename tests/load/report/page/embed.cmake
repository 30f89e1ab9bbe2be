# cmake -DOUTPUT=page.c -P embed.cmake page.css page.js: writes both into a C file as texts.
cmake_minimum_required(VERSION 3.25)
set(texts "")
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(index RANGE 4 ${last}) # behind cmake -D… -P embed.cmake
    set(file "${CMAKE_ARGV${index}}")
    get_filename_component(kind "${file}" LAST_EXT)
    string(SUBSTRING "${kind}" 1 -1 kind)
    file(READ "${file}" hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n"
           bytes "${bytes}")
    string(APPEND texts "const char load_page_${kind}[] = {\n${bytes}0};\n")
endforeach()
file(WRITE "${OUTPUT}" "/* Written by embed.cmake. */
#include \"tests/load/report/page/page.h\"

${texts}")
