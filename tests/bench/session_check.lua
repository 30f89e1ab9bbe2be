-- wrk script: the session check, each request with the cookie of another session picked at random.
-- COOKIES names the file; each of wrk's threads starts from a seed of its own.
local cookies = {}
local threads = 0
local failed = 0

function setup(thread)
    threads = threads + 1
    thread:set("seed", threads)
end

function init()
    math.randomseed(seed)
    for line in io.lines(os.getenv("COOKIES")) do
        cookies[#cookies + 1] = line
    end
end

function request()
    return wrk.format("POST", "/quintet.auth.v1.AuthService/GetSessionWithProfileCheck", {
        ["Content-Type"] = "application/json",
        ["Cookie"] = cookies[math.random(#cookies)],
    }, "{}")
end

-- A check that found no session would be a cheap lie: the run is void then.
function response(status, headers, body)
    if status ~= 200 or not body:find('"authenticated":true', 1, true) then
        failed = failed + 1
        if failed == 1 then
            io.stderr:write("unexpected answer: ", status, " ", body, "\n")
        end
    end
end
