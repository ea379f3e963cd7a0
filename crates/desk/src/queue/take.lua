local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
for _, m in ipairs(redis.call('ZRANGE', KEYS[4], '-inf', now, 'BYSCORE', 'LIMIT', 0, 100)) do
  local read, j = pcall(cmsgpack.unpack, m)
  local types = ''
  for k = 1, read and type(j) == 'table' and 6 or 0 do types = types .. type(j[k]) end
  redis.call('ZREM', KEYS[4], m)
  local put
  if types == 'numberstringnumbernumbernumberstring' and (j[1] == 0 or j[1] == 1 or j[1] == 2) then
    put = redis.pcall('XADD', KEYS[j[1] + 1], '*', 'i', j[2], 'a', j[3], 't', j[4], 'x', j[5], 'd', j[7] == 1 and 1 or 0,
      'b', j[6])
  else
    put = redis.pcall('XADD', KEYS[5], 'MAXLEN', '~', 10000, '*', 'i', redis.sha1hex(m), 'a', 0, 't', now, 'p', 1,
      'r', 'what was due later is no job', 'b', m)
  end
  if type(put) == 'table' and put.err then
    redis.call('ZADD', KEYS[4], now, m)
    return put
  end
end
local want, got, cursors = tonumber(ARGV[2]), {}, {ARGV[4], ARGV[5], ARGV[6]}
for p = 1, 3 do
  if want > 0 then
    local c = redis.call('XAUTOCLAIM', KEYS[p], 'workers', ARGV[1], ARGV[3], cursors[p], 'COUNT', math.min(want, 100))
    cursors[p] = c[1]
    for _, e in ipairs(c[2]) do
      local d = redis.call('XPENDING', KEYS[p], 'workers', e[1], e[1], 1)
      got[#got + 1] = {p - 1, e[1], e[2], d[1][4]}
    end
    want = want - #c[2]
  end
  local r = want > 0 and redis.call('XREADGROUP', 'GROUP', 'workers', ARGV[1], 'COUNT', want, 'STREAMS', KEYS[p], '>')
  for _, e in ipairs(r and r[1][2] or {}) do got[#got + 1], want = {p - 1, e[1], e[2], 1}, want - 1 end
end
return {now, redis.call('ZRANGE', KEYS[4], 0, 0, 'WITHSCORES')[2] or false, cursors, got}
