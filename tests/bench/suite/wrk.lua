-- wrk script: one request again and again, each time with another cookie and another body, picked at random from the lines of
-- files. WRK_VERB, WRK_PATH, WRK_BODY; WRK_COOKIES and WRK_BODIES name files, empty: none.
local cookies, bodies
local threads = 0
local failed = 0

local function lines_of(path)
    if path == nil or path == "" then return nil end
    local lines = {}
    for line in io.lines(path) do lines[#lines + 1] = line end
    return lines
end

function setup(thread)
    threads = threads + 1
    thread:set("seed", 1000 * os.getenv("WRK_SEED") + threads)
end

function init()
    math.randomseed(seed)
    cookies, bodies = lines_of(os.getenv("WRK_COOKIES")), lines_of(os.getenv("WRK_BODIES"))
end

function request()
    local verb = os.getenv("WRK_VERB")
    local headers = { ["Content-Type"] = "application/json" }
    if cookies then headers["Cookie"] = cookies[math.random(#cookies)] end
    local body = verb == "GET" and "" or bodies and bodies[math.random(#bodies)] or os.getenv("WRK_BODY")
    return wrk.format(verb, os.getenv("WRK_PATH"), headers, body)
end

function response(status, headers, body)
    -- A check that found no session would be a cheap lie.
    if status ~= 200 or body:find('"authenticated":false', 1, true) then
        failed = failed + 1
        if failed == 1 then io.stderr:write("unexpected answer: ", status, " ", body:sub(1, 200), "\n") end
    end
end
