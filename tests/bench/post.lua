-- SPDX-License-Identifier: MIT
-- For wrk: POSTs of the lines of the file BENCH_BODIES in turn, without an id, so that each is a new event;
-- with BENCH_HEADERS, a line "name: value" for each.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
for name, value in (os.getenv("BENCH_HEADERS") or ""):gmatch("([^:\n]+): ([^\n]+)") do
   wrk.headers[name] = value
end

local requests, last = {}, 0

init = function()
   for body in io.lines(os.getenv("BENCH_BODIES")) do
      requests[#requests + 1] = wrk.format(nil, nil, nil, body)
   end
end

request = function()
   last = last % #requests + 1
   return requests[last]
end

done = function(summary, latency, requests)
   local errors = summary.errors
   io.write(string.format("RESULT %d %d %d %.0f %.0f\n", summary.requests, summary.duration,
      errors.connect + errors.read + errors.write + errors.timeout + errors.status,
      latency:percentile(50), latency:percentile(99)))
end
