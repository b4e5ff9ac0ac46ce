-- SPDX-License-Identifier: MIT
-- For wrk: POSTs of the lines of the file BENCH_BODIES in turn, without an id, so that each is a new event; with
-- BENCH_HEADERS, a line "name: value" for each, and BENCH_ID, the name of a header that gets another id each time.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
for name, value in (os.getenv("BENCH_HEADERS") or ""):gmatch("([^:\n]+): ([^\n]+)") do
   wrk.headers[name] = value
end

local requests, sent = {}, 0
local id_header, place = os.getenv("BENCH_ID"), "the-place-of-the-id"

init = function()
   if id_header then
      wrk.headers[id_header] = place
   end
   for body in io.lines(os.getenv("BENCH_BODIES")) do
      local whole = wrk.format(nil, nil, nil, body)
      local from, to = whole:find(place, 1, true)
      requests[#requests + 1] = id_header and {whole:sub(1, from - 1), whole:sub(to + 1)} or whole
   end
end

request = function()
   local one = requests[sent % #requests + 1]
   sent = sent + 1
   return id_header and one[1] .. string.format("%08x-0000-4000-8000-000000000000", sent) .. one[2] or one
end

done = function(summary, latency, requests)
   local errors = summary.errors
   io.write(string.format("RESULT %d %d %d %d %.0f %.0f\n", summary.requests, summary.duration, errors.status,
      errors.connect + errors.read + errors.write + errors.timeout, latency:percentile(50), latency:percentile(99)))
end
