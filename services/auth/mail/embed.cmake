# cmake -DOUTPUT=builtin.c -P embed.cmake a.txt a.html …: writes the files into a C file as texts (builtin.h).
cmake_minimum_required(VERSION 3.25)
set(texts "")
set(table "")
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(index RANGE 4 ${last}) # behind cmake -D… -P embed.cmake
    set(file "${CMAKE_ARGV${index}}")
    get_filename_component(name "${file}" NAME)
    file(READ "${file}" hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n"
           bytes "${bytes}")
    string(APPEND texts "static const char text_${index}[] = {\n${bytes}0};\n")
    string(APPEND table "    {\"${name}\", text_${index}},\n")
endforeach()
file(WRITE "${OUTPUT}" "/* Written by embed.cmake. */
#include \"services/auth/mail/builtin.h\"

${texts}
const struct auth_mail_builtin auth_mail_builtins[] = {
${table}    {0},
};
")
