# From what a test program said: a line for each test that failed, "test: file:line: message". tests/run puts them at its end.
#
# cmocka names a test when it begins, then says what went wrong (one line, or several from fail_msg()), where, and its verdict.
# A script says "not so: WHAT". Without either the program ended in the midst: by a signal, an exit(), its time limit.
function shorten(text) {
    gsub(/[ \t]+/, " ", text)
    return length(text) > MESSAGE_MAX ? substr(text, 1, MESSAGE_MAX) " …" : text
}
function tell(test, place, message) {
    print test (place == "" ? "" : ": " place) (message == "" ? "" : ": " shorten(message))
    told++
}
BEGIN { MESSAGE_MAX = 240 }
/^\[ RUN      \] / {
    test = substr($0, 14)
    place = message = ""
    next
}
/^\[       OK \] / || /^\[  SKIPPED \] / { test = "" }
/^ERROR: / && message == "" { message = substr($0, 8) }
/^\[  ERROR   \] --- / && message == "" {
    message = substr($0, 18)
    sub(/\[   LINE   \] --- .*/, "", message)
}
/\[   LINE   \] --- / {
    place = $0
    sub(/^.*\[   LINE   \] --- /, "", place)
    sub(/: error: Failure!$/, "", place)
    sub(/^.*\/(tests|common|services|deploy)\//, "&", place)
    if (match(place, /(tests|common|services|deploy)\/.*$/))
        place = substr(place, RSTART)
}
/^\[  FAILED  \] / && test != "" {
    tell(test, place, message)
    test = ""
}
/^harness[:\/]/ && message == "" { message = $0 }
/^not so: / { tell(substr($0, 9), "", "") }
/[^ \t]/ && !/^\[[ =A-Z]+\] / && !/^ *[0-9]+ FAILED TEST/ && !/^[0-9]+ passed, [0-9]+ failed$/ { last = $0 }
END {
    if (test != "" || !told)
        tell(test == "" ? "the program" : test, "", ending ": " (message == "" ? last : message))
}
