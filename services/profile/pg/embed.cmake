# cmake -DOUTPUT=migrations.c -P embed.cmake FILE.sql …: writes the files into a C table, in order of their numbers.
cmake_minimum_required(VERSION 3.25)
set(entries "")
set(texts "")
set(wanted 1)
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(index RANGE 4 ${last}) # behind cmake -D… -P embed.cmake
    list(APPEND files "${CMAKE_ARGV${index}}")
endforeach()
list(SORT files)
foreach(file ${files})
    get_filename_component(name "${file}" NAME_WE)
    if(NOT name MATCHES "^([0-9][0-9][0-9][0-9])_[a-z0-9_]+$")
        message(FATAL_ERROR "${file}: a migration is called NNNN_name.sql")
    endif()
    string(REGEX REPLACE "^0+" "" version "${CMAKE_MATCH_1}")
    if(NOT version EQUAL wanted)
        message(FATAL_ERROR "${file}: the next migration is number ${wanted}")
    endif()
    math(EXPR wanted "${wanted} + 1")
    file(READ "${file}" hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n"
           bytes "${bytes}")
    string(APPEND texts "static const unsigned char sql_${version}[] = {\n${bytes}0};\n")
    string(APPEND entries "    {${version}, \"${name}\", (const char *)sql_${version}},\n")
endforeach()
file(WRITE "${OUTPUT}" "/* Written by embed.cmake. */
#include \"services/profile/pg/migrations.h\"

${texts}
const struct pg_migration pg_migrations[] = {
${entries}};
const size_t pg_migrations_n = sizeof pg_migrations / sizeof pg_migrations[0];
")
