-- SPDX-License-Identifier: MIT
-- For wrk: POSTs of BENCH_BODY bytes, without an id, so that each is a new event; with BENCH_HEADERS, a
-- line "name: value" for each.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"fill":"' .. string.rep("x", tonumber(os.getenv("BENCH_BODY") or "512") - 11) .. '"}'
for name, value in (os.getenv("BENCH_HEADERS") or ""):gmatch("([^:\n]+): ([^\n]+)") do
   wrk.headers[name] = value
end

done = function(summary, latency, requests)
   local errors = summary.errors
   io.write(string.format("RESULT %d %d %d %.0f %.0f\n", summary.requests, summary.duration,
      errors.connect + errors.read + errors.write + errors.timeout + errors.status,
      latency:percentile(50), latency:percentile(99)))
end
