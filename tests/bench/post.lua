-- SPDX-License-Identifier: MIT
-- For wrk: POSTs of BENCH_BODY bytes, without an id, so that each is a new event.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"fill":"' .. string.rep("x", tonumber(os.getenv("BENCH_BODY") or "512") - 11) .. '"}'

done = function(summary, latency, requests)
   local errors = summary.errors
   io.write(string.format("RESULT %d %d %d %.0f %.0f\n", summary.requests, summary.duration,
      errors.connect + errors.read + errors.write + errors.timeout + errors.status,
      latency:percentile(50), latency:percentile(99)))
end
